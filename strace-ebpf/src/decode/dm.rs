//! Requests of the device mapper: `struct dm_ioctl`, and with `-v` what follows it, by the command:
//! include/uapi/linux/dm-ioctl.h.

use super::{
    cx::{Cx, number_at},
    members::device,
    structs::Fields,
    value::{Args, Value},
};
use crate::tables::{self, StructId};

/// Bytes of the header up to its `data`.
const HEADER: u64 = 305;
/// The only major version that there is.
const MAJOR: u64 = 4;
/// What is shown of a header, where the command has it.
const HEAD: &[&str] = &[
    "data_size",
    "data_start",
    "dev",
    "name",
    "uuid",
    "target_count",
    "open_count",
    "event_nr",
    "flags",
];

/// What follows a header.
#[derive(Clone, Copy, PartialEq)]
enum Data {
    /// `struct dm_target_spec`, each as far behind the one before as that says.
    Targets,
    /// The same, each as far behind the first.
    Status,
    /// Text.
    Text,
    /// `struct dm_target_msg`.
    Message,
    /// `struct dm_name_list`.
    Names,
    /// `struct dm_target_deps`.
    Devices,
    /// `struct dm_target_versions`.
    Versions,
}

/// What follows, by the members that say so.
const FOLLOWING: &[(&str, Data)] = &[
    ("targets", Data::Targets),
    ("text", Data::Text),
    ("message", Data::Message),
    ("names", Data::Names),
    ("devices", Data::Devices),
    ("status", Data::Status),
    ("versions", Data::Versions),
];

/// The argument of every request, before and after.
pub fn control<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    if !one(out, cx, StructId::DmIoctl, bytes) {
        return;
    }
    let id = StructId::DmIoctlAfter;
    let after = cx
        .bytes_after()
        .filter(|after| cx.succeeded() && Fields::new(id, cx.abi, after).is_some());
    if let Some(after) = after {
        out.push(Value::Becomes);
        one(out, cx, id, after);
    }
}

fn one<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, id: StructId, bytes: &'a [u8]) -> bool {
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return false;
    };
    if fields.get("data_size") < fields.bytes("version").len() as u64 {
        // Surely something else.
        return false;
    }
    out.push(Value::ListOpen);
    out.push(Value::StructOpen);
    let is_known = header(out, cx, &fields);
    out.push(Value::StructClose);
    let data = FOLLOWING.iter().find(|one| fields.has(cx, one.0));
    if let Some((_, data)) = data.filter(|_| is_known) {
        let place = Place::new(bytes, &fields);
        if cx.options.verbose {
            place.show(out, cx, *data);
        } else if place.has(*data) {
            out.push(Value::More);
        }
    }
    out.push(Value::ListClose);
    true
}

/// The members; whether they are of a version that is known.
fn header<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>) -> bool {
    fields.show(out, cx, "version");
    if number_at(fields.bytes("version"), 0, 4) != Some(MAJOR) {
        out.push(Value::Comment("unsupported device mapper ABI version"));
        return false;
    }
    if fields.get("data_size") < HEADER {
        fields.show(out, cx, "data_size");
        out.push(Value::Comment("data_size too small"));
        return false;
    }
    fields.show_all(out, cx, HEAD);
    true
}

/// Where the data is: of `size` bytes from `start` on those that were copied.
struct Place<'a> {
    bytes: &'a [u8],
    start: usize,
    size: usize,
    targets: u64,
}

impl<'a> Place<'a> {
    fn new(bytes: &'a [u8], fields: &Fields<'a>) -> Self {
        let size = fields.get("data_size") as usize;
        Self {
            bytes: bytes.get(..size).unwrap_or(bytes),
            start: fields.get("data_start") as usize,
            size,
            targets: fields.get("target_count"),
        }
    }

    /// Is there any?
    fn has(&self, data: Data) -> bool {
        match data {
            Data::Targets | Data::Status => self.targets > 0,
            Data::Text => true,
            _ => self.start < self.size,
        }
    }

    /// Is there something up to there of which not everything was copied?
    fn is_cut(&self, end: usize) -> bool {
        end <= self.size && end > self.bytes.len()
    }

    fn number(&self, at: usize, width: usize) -> Option<u64> {
        number_at(self.bytes, at, width)
    }

    /// What cannot be where it is said to be, or what is there and was not copied.
    fn missing(&self, out: &mut Args<'a>, end: usize, misplaced: &'static str) {
        if self.is_cut(end) {
            out.push(Value::More);
        } else {
            out.push(Value::Name("???"));
            out.push(Value::Comment(misplaced));
        }
    }

    fn show(&self, out: &mut Args<'a>, cx: &Cx<'_, 'a>, data: Data) {
        match data {
            Data::Targets => self.targets(out, cx, StructId::DmTarget),
            Data::Status => self.targets(out, cx, StructId::DmTargetStatus),
            Data::Text => {
                out.push(Value::StructOpen);
                self.text(out, "string", self.start, self.size);
                out.push(Value::StructClose);
            }
            _ if self.start >= self.size => {}
            Data::Message => self.message(out),
            Data::Names => self.names(out),
            Data::Devices => self.devices(out),
            Data::Versions => self.versions(out),
        }
    }

    /// Text from a place on, at most up to another.
    fn text(&self, out: &mut Args<'a>, name: &'static str, from: usize, to: usize) -> usize {
        let room = self.bytes.get(from..to.min(self.bytes.len()));
        let room = room.unwrap_or_default();
        let text = room.split(|&byte| byte == 0).next().unwrap_or_default();
        out.push(Value::Field(name));
        out.push(Value::Bytes {
            bytes: text,
            cut: text.len() == room.len() && from < to,
        });
        from + text.len() + 1
    }

    /// Each is as far behind the one before as that says; of those that are told as far behind the first.
    fn targets(&self, out: &mut Args<'a>, cx: &Cx<'_, 'a>, id: StructId) {
        let mut at = self.start;
        let size = tables::struct_size(id, cx.abi) as usize;
        for _ in 0..self.targets {
            let rest = self.bytes.get(at..).unwrap_or_default();
            let Some(fields) = Fields::new(id, cx.abi, rest) else {
                let end = at.saturating_add(size);
                return self.missing(out, end, "misplaced struct dm_target_spec");
            };
            let next = fields.get("next") as usize;
            let is_told = fields.has(cx, "status");
            let from = if is_told { self.start } else { at };
            let (text_at, following) = (at + size, from.saturating_add(next));
            let to = match next {
                0 => self.size,
                _ => following.min(self.size),
            };
            out.push(Value::StructOpen);
            fields.show_all(
                out,
                cx,
                &["sector_start", "length", "status", "target_type"],
            );
            let to = if to < text_at { self.size } else { to };
            self.text(out, "string", text_at, to);
            out.push(Value::StructClose);
            // The next one is behind this one, or nowhere.
            at = if following < text_at {
                usize::MAX
            } else {
                following
            };
        }
    }

    fn message(&self, out: &mut Args<'a>) {
        const TEXT_AT: usize = 8;
        let Some(sector) = self.number(self.start, TEXT_AT) else {
            let end = self.start + TEXT_AT;
            return self.missing(out, end, "misplaced struct dm_target_msg");
        };
        out.push(Value::StructOpen);
        field(out, "sector", Some(sector));
        self.text(out, "message", self.start + TEXT_AT, self.size);
        out.push(Value::StructClose);
    }

    fn names(&self, out: &mut Args<'a>) {
        const NAME_AT: usize = 12;
        let mut at = self.start;
        loop {
            let (Some(dev), Some(next)) = (self.number(at, 8), self.number(at + 8, 4)) else {
                return self.missing(out, at + NAME_AT, "misplaced struct dm_name_list");
            };
            let following = at.saturating_add(next as usize);
            let end = if next == 0 { self.size } else { following };
            out.push(Value::StructOpen);
            out.push(Value::Field("dev"));
            out.push(device(dev, 8));
            let behind = self.text(out, "name", at + NAME_AT, self.size);
            let event_at = self.start + (behind - self.start).next_multiple_of(8);
            if event_at + 4 <= end {
                field(out, "event_nr", self.number(event_at, 4));
            }
            out.push(Value::StructClose);
            match next {
                0 => return,
                _ if following < at + NAME_AT => at = usize::MAX - NAME_AT,
                _ => at = following,
            }
        }
    }

    fn devices(&self, out: &mut Args<'a>) {
        const LIST_AT: usize = 8;
        let count = self.number(self.start, 4).unwrap_or(0) as usize;
        let end = count.saturating_mul(8).saturating_add(self.start + LIST_AT);
        if end > self.size || self.number(self.start, 4).is_none() {
            return self.missing(out, end, "misplaced struct dm_target_deps");
        }
        out.push(Value::StructOpen);
        field(out, "count", Some(count as u64));
        out.push(Value::Field("deps"));
        out.push(Value::ListOpen);
        for i in 0..count {
            match self.number(self.start + LIST_AT + 8 * i, 8) {
                Some(dev) => out.push(device(dev, 8)),
                None => {
                    out.push(Value::More);
                    break;
                }
            }
        }
        out.push(Value::ListClose);
        out.push(Value::StructClose);
    }

    fn versions(&self, out: &mut Args<'a>) {
        const NAME_AT: usize = 16;
        let mut at = self.start;
        loop {
            let whole = self.bytes.get(at..).and_then(|rest| rest.get(..NAME_AT));
            let Some(whole) = whole else {
                let end = at.saturating_add(NAME_AT);
                return self.missing(out, end, "misplaced struct dm_target_versions");
            };
            out.push(Value::StructOpen);
            self.text(out, "name", at + NAME_AT, self.size);
            out.push(Value::Field("version"));
            out.push(Value::ListOpen);
            for i in 1..4 {
                out.push(Value::Uint(number_at(whole, 4 * i, 4).unwrap_or(0)));
            }
            out.push(Value::ListClose);
            out.push(Value::StructClose);
            match number_at(whole, 0, 4).unwrap_or(0) as usize {
                0 => return,
                next if next < NAME_AT => at = usize::MAX,
                next => at = at.saturating_add(next),
            }
        }
    }
}

fn field(out: &mut Args<'_>, name: &'static str, value: Option<u64>) {
    out.push(Value::Field(name));
    out.push(Value::Uint(value.unwrap_or(0)));
}
