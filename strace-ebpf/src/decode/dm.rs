//! Requests of the device mapper: `struct dm_ioctl`, and with `-v` what follows it, by the command:
//! include/uapi/linux/dm-ioctl.h.

use super::{
    cx::{Cx, number_at, signed},
    members::device,
    structs::Fields,
    value::{Args, Value},
};
use crate::tables::StructId;

/// Bytes of the header up to its `data`.
const HEADER: u64 = 305;
/// The same with all of it.
const FIXED: u16 = 312;
/// Bytes of its version.
const VERSION: u64 = 12;
/// The only major version that there is.
const MAJOR: u64 = 4;
/// The argument that is the request.
const REQUEST: u8 = 1;

/// What a command has in its header.
struct Command {
    /// It is about a device.
    device: bool,
    /// Data follows, in either direction.
    start: bool,
    /// It waits for an event, or counts them.
    event: bool,
    /// The device's state is told.
    state: bool,
    /// What the caller gives.
    given: Option<Data>,
    /// What the kernel tells.
    told: Option<Data>,
}

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

fn command(request: u64) -> Command {
    let number = request & 0xff;
    let is = |numbers: &[u64]| numbers.contains(&number);
    Command {
        device: !is(&[1, 2, 13]),
        start: is(&[2, 5, 8, 9, 11, 12, 13, 14, 15]),
        event: is(&[4, 5, 6, 8]),
        state: is(&[3, 5, 6, 7, 8, 9, 11, 12, 14]),
        given: match number {
            5 | 15 => Some(Data::Text),
            9 => Some(Data::Targets),
            14 => Some(Data::Message),
            _ => None,
        },
        told: match number {
            2 => Some(Data::Names),
            11 => Some(Data::Devices),
            12 => Some(Data::Status),
            13 => Some(Data::Versions),
            _ => None,
        },
    }
}

/// The argument of every request, before and after.
pub fn control<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let what = command(cx.register(REQUEST));
    if !one(out, cx, bytes, &what, false) {
        return;
    }
    let size = usize::from(FIXED);
    let after = cx
        .bytes_after()
        .filter(|after| cx.succeeded() && after.len() >= size);
    if let Some(after) = after {
        out.push(Value::Becomes);
        one(out, cx, after, &what, true);
    }
}

fn one<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    bytes: &'a [u8],
    what: &Command,
    after: bool,
) -> bool {
    let Some(fields) = Fields::new(StructId::DmIoctl, cx.abi, bytes) else {
        return false;
    };
    let major = number_at(bytes, 0, 4);
    if fields.get("data_size") < VERSION {
        // Surely something else.
        return false;
    }
    out.push(Value::ListOpen);
    out.push(Value::StructOpen);
    let is_known = header(out, cx, &fields, major, what, after);
    out.push(Value::StructClose);
    let data = if after { what.told } else { what.given };
    if let Some(data) = data.filter(|_| is_known) {
        let place = Place::new(bytes, &fields);
        if cx.options.verbose {
            place.show(out, data);
        } else if place.has(data) {
            out.push(Value::More);
        }
    }
    out.push(Value::ListClose);
    true
}

/// The members; whether they are of a version that is known.
fn header<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    fields: &Fields<'a>,
    major: Option<u64>,
    what: &Command,
    after: bool,
) -> bool {
    fields.show(out, cx, "version");
    if major != Some(MAJOR) {
        out.push(Value::Comment("unsupported device mapper ABI version"));
        return false;
    }
    fields.show(out, cx, "data_size");
    if fields.get("data_size") < HEADER {
        out.push(Value::Comment("data_size too small"));
        return false;
    }
    if what.start {
        fields.show(out, cx, "data_start");
    }
    if what.device {
        fields.show_all(out, cx, &["dev", "name", "uuid"]);
    }
    if after && what.state {
        fields.show_all(out, cx, &["target_count", "open_count", "event_nr"]);
    } else if !after {
        if what.given == Some(Data::Targets) {
            fields.show(out, cx, "target_count");
        }
        if what.event {
            fields.show(out, cx, "event_nr");
        }
    }
    fields.show(out, cx, "flags");
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

    fn show(&self, out: &mut Args<'a>, data: Data) {
        match data {
            Data::Targets | Data::Status => self.targets(out, data),
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

    fn targets(&self, out: &mut Args<'a>, data: Data) {
        const MISPLACED: &str = "misplaced struct dm_target_spec";
        const SPEC: usize = 40;
        let mut at = self.start;
        for _ in 0..self.targets {
            let there = self.bytes.get(at..).and_then(|rest| rest.get(..SPEC));
            let next = self.number(at.saturating_add(20), 4).unwrap_or(0) as usize;
            let Some(spec) = there else {
                return self.missing(out, at.saturating_add(SPEC), MISPLACED);
            };
            let from = if data == Data::Status { self.start } else { at };
            let (text_at, following) = (at + SPEC, from.saturating_add(next));
            let to = match next {
                0 => self.size,
                _ => following.min(self.size),
            };
            out.push(Value::StructOpen);
            field(out, "sector_start", number_at(spec, 0, 8));
            field(out, "length", number_at(spec, 8, 8));
            if data == Data::Status {
                out.push(Value::Field("status"));
                let status = number_at(spec, 16, 4).unwrap_or(0);
                out.push(Value::Int(signed(status, 4)));
            }
            let kind = spec.get(24..).unwrap_or_default();
            out.push(Value::Field("target_type"));
            out.push(Value::Bytes {
                bytes: kind.split(|&byte| byte == 0).next().unwrap_or_default(),
                cut: !kind.contains(&0),
            });
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
