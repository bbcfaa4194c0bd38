//! Members of structures by what the tables say of their types, one by one or by name.

use super::{
    cx::{Cx, number, number_at, signed},
    files,
    structs::{pointee, structure},
    value::{Args, Value},
};
use crate::{
    session::parse::Captured,
    tables::{self, Abi, Dir, Layout, Member, MemberTy, Pointee, SetId, Source, StructId},
};

/// All of them, or the scalar that a layout without names is.
pub(super) fn members<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, layout: &Layout, bytes: &'a [u8]) {
    let alone = layout.members.iter().filter(|m| m.name.is_empty());
    let is_alone = layout.members.first().is_some_and(|m| m.name.is_empty());
    if is_alone {
        let Some(only) = alone.into_iter().find(|m| holds(cx, m, bytes)) else {
            return;
        };
        if let MemberTy::Text(n) = only.ty {
            out.push(text_alone(cx, bytes, n.into()));
        } else {
            member(out, cx, &only.ty, bytes);
        }
        return;
    }
    if bytes.len() < usize::from(layout.least) {
        return;
    }
    out.push(Value::StructOpen);
    for one in layout.members {
        if !holds(cx, one, bytes) {
            continue;
        }
        let Some(own) = part(one, bytes) else {
            break;
        };
        if one.nonzero && is_none(cx, &one.ty, bytes, own) {
            continue;
        }
        if one.answer && !cx.succeeded() {
            break;
        }
        if one.extra && !cx.options.verbose {
            out.push(Value::More);
            break;
        }
        if let (MemberTy::Inet6, Some(address)) = (&one.ty, own.first_chunk()) {
            out.push(Value::InetPton6(one.name, *address));
            continue;
        }
        named(out, cx, one.name, &one.ty, (bytes, own));
    }
    let more = bytes.get(layout.size.into()..).unwrap_or_default();
    if !layout.hides_more && layout.least > 0 {
        files::beyond(out, cx, bytes, layout.size.into());
    } else if layout.hides_more && more.iter().any(|byte| *byte != 0) {
        if layout.least == 0 {
            hidden(out, cx, bytes, more);
        } else {
            out.push(Value::More);
        }
    }
    out.push(Value::StructClose);
}

/// Do all conditions hold under which it is shown?
fn holds(cx: &Cx<'_, '_>, member: &Member, whole: &[u8]) -> bool {
    member.conditions.iter().all(|condition| {
        let number = match condition.source {
            Source::Member { at, width } => number_at(whole, at.into(), width.into()),
            Source::Argument { n, mask } => Some(cx.register(n) & mask),
        };
        number.is_some_and(|number| condition.holds(number))
    })
}

/// `name=value`, but for what has no name of its own.
fn named<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    name: &'static str,
    ty: &MemberTy,
    (whole, own): (&[u8], &'a [u8]),
) {
    match *ty {
        MemberTy::More => out.push(Value::More),
        MemberTy::Inline(id) => {
            if let Some(fields) = Fields::some(id, cx.abi, own) {
                fields.show_every(out, cx);
            }
        }
        _ => {
            out.push(Value::Field(name));
            member_of(out, cx, ty, whole, own);
        }
    }
}

/// What is behind the members that are known: with `-v` the bytes, else that there are some.
pub(super) fn hidden<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &[u8], more: &'a [u8]) {
    if !cx.options.verbose {
        out.push(Value::More);
        return;
    }
    let (from, to) = (bytes.len() - more.len(), bytes.len() - 1);
    out.push(Value::Field("extra_data"));
    out.push(Value::Binary {
        bytes: more,
        cut: false,
    });
    out.push(Value::Spanning(from as u64, to as u64));
}

/// One member of a structure of which these are all bytes: another one may say how many elements it has.
fn member_of<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, ty: &MemberTy, whole: &[u8], own: &'a [u8]) {
    let MemberTy::Counted {
        elem,
        count,
        stride,
        by,
        width,
    } = *ty
    else {
        return member(out, cx, ty, own);
    };
    let said = number_at(whole, by.into(), width.into()).unwrap_or(0);
    let there = usize::from(count).min(usize::try_from(said).unwrap_or(usize::MAX));
    let each = own.chunks_exact(usize::from(stride).max(1));
    out.list(each, (there, cx.options.most()), |out, one| {
        member(out, cx, elem, one);
    });
}

/// Is it zero, or a list without elements?
fn is_none(cx: &Cx<'_, '_>, ty: &MemberTy, whole: &[u8], own: &[u8]) -> bool {
    match *ty {
        MemberTy::Counted { by, width, .. } => {
            number_at(whole, by.into(), width.into()).unwrap_or(0) == 0
        }
        _ => is_zero(cx, ty, own),
    }
}

fn is_zero(cx: &Cx<'_, '_>, ty: &MemberTy, bytes: &[u8]) -> bool {
    let width = match *ty {
        // A text without characters is none, whatever is behind it.
        MemberTy::Text(_) | MemberTy::Name(_) | MemberTy::Brief(_) | MemberTy::Open(_) => 1,
        MemberTy::Struct(id) => tables::struct_size(id, cx.abi) as usize,
        _ => width(ty),
    };
    bytes.iter().take(width).all(|byte| *byte == 0)
}

/// What a member points to, or its address where that was not read.
fn followed<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, what: Pointee, dir: Dir, addr: u64) {
    let found = match dir {
        Dir::In => cx.at(addr).copied(),
        Dir::Out => cx.at_after(addr).filter(|_| cx.succeeded()),
        Dir::InOut => cx.at_after(addr),
    };
    let Some(captured) = found.filter(|_| addr != 0) else {
        out.push(Value::Addr(addr));
        return;
    };
    let bytes = captured.bytes;
    let cut = super::cx::is_cut(&captured);
    out.push(match what {
        // A set of signals of another size is none.
        Pointee::Struct(StructId::Sigset)
            if !super::signals::sizes_of_set(cx).contains(&(captured.header.full as usize)) =>
        {
            Value::Addr(addr)
        }
        Pointee::Struct(id) => return pointee(out, cx, id, addr, bytes),
        Pointee::Array(id) => return elements(out, cx, id, &captured),
        Pointee::Bytes => Value::Bytes { bytes, cut },
        Pointee::Binary => Value::Binary { bytes, cut },
        Pointee::Str => Value::Bytes {
            bytes: bytes.split(|&b| b == 0).next().unwrap_or_default(),
            cut,
        },
        Pointee::Path => Value::Path(bytes.split(|&b| b == 0).next().unwrap_or_default()),
    });
}

/// Structures in a row, all that were captured up to the limit of what is shown.
fn elements<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, id: StructId, captured: &Captured<'a>) {
    let size = (tables::struct_size(id, cx.abi) as usize).max(1);
    let most = cx.options.most();
    let mut shown = 0;
    out.push(Value::ListOpen);
    for element in captured.bytes.chunks_exact(size).take(most) {
        let addr = captured.header.addr.wrapping_add((shown * size) as u64);
        structure(out, cx, id, addr, element);
        shown += 1;
    }
    if ((shown * size) as u64) < u64::from(captured.header.full) {
        out.push(super::arrays::more(captured, shown * size, size));
    }
    out.push(Value::ListClose);
}

/// A text that is no member, cut as other strings are.
fn text_alone<'a>(cx: &Cx<'_, 'a>, bytes: &'a [u8], most: usize) -> Value<'a> {
    let own = bytes.get(..most).unwrap_or(bytes);
    let text = own.split(|&b| b == 0).next().unwrap_or_default();
    let shown = text.len().min(cx.options.string);
    Value::Bytes {
        bytes: text.get(..shown).unwrap_or_default(),
        cut: shown < text.len(),
    }
}

/// The bytes of a member, if all of them are there.
fn part<'a>(member: &Member, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let rest = bytes.get(usize::from(member.at)..)?;
    let least = match member.ty {
        // As many as are there.
        MemberTy::Counted { .. } => 0,
        ty => width(&ty),
    };
    let least = if member.ty == MemberTy::More {
        0
    } else {
        least.max(1)
    };
    (rest.len() >= least).then_some(rest)
}

/// Bytes of a member; of a structure within just the first.
fn width(ty: &MemberTy) -> usize {
    match *ty {
        MemberTy::Int(n)
        | MemberTy::Uint(n)
        | MemberTy::Hex(n)
        | MemberTy::Octal(n)
        | MemberTy::Mode(n)
        | MemberTy::Addr(n)
        | MemberTy::Id(n)
        | MemberTy::Fd(n)
        | MemberTy::Signal(n)
        | MemberTy::SigSet(n)
        | MemberTy::Dev(n)
        | MemberTy::Date(n)
        | MemberTy::Ticks(n)
        | MemberTy::Seconds(n, _)
        | MemberTy::SignedSeconds(n, _)
        | MemberTy::Limit(n)
        | MemberTy::Flags(_, n)
        | MemberTy::Enum(_, n)
        | MemberTy::Network(n)
        | MemberTy::Mac(n) => usize::from(n),
        MemberTy::Big(n) => usize::from(n),
        MemberTy::NetworkEnum(_) | MemberTy::NetworkHex(_) => 2,
        MemberTy::Hex6 => 4,
        MemberTy::Inet6 | MemberTy::InetWide => 16,
        MemberTy::Within(_, ty) => self::width(ty),
        MemberTy::Pid
        | MemberTy::Interface
        | MemberTy::DirFd
        | MemberTy::Wait
        | MemberTy::Key
        | MemberTy::Inet => 4,
        MemberTy::Writes { width, .. } => usize::from(width),
        MemberTy::Text(n)
        | MemberTy::Name(n)
        | MemberTy::Brief(n)
        | MemberTy::Open(n)
        | MemberTy::Bytes(n)
        | MemberTy::Indexed(_, n) => usize::from(n),
        MemberTy::Char => 1,
        MemberTy::Unicode => 2,
        MemberTy::FourCc => 4,
        MemberTy::Fraction => 8,
        MemberTy::Uuid => 16,
        MemberTy::Array { count, stride, .. } | MemberTy::Counted { count, stride, .. } => {
            usize::from(count) * usize::from(stride)
        }
        MemberTy::Pad
        | MemberTy::More
        | MemberTy::NamedBits(_)
        | MemberTy::Struct(_)
        | MemberTy::Inline(_) => 0,
        MemberTy::KernelVersion => 4,
        MemberTy::To { width, .. } => usize::from(width),
        MemberTy::Details { .. } => 4,
    }
}

/// One member from its first byte on.
pub(super) fn member<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, ty: &MemberTy, bytes: &'a [u8]) {
    let width = width(ty);
    let own = bytes.get(..width).unwrap_or(bytes);
    let raw = if width <= 8 { number(own) } else { 0 };
    let value = match *ty {
        MemberTy::Int(_) => Value::Int(signed(raw, width)),
        MemberTy::Uint(_) => Value::Uint(raw),
        MemberTy::Pid => Value::Pid(raw as i32),
        MemberTy::Hex(_) => Value::Hex(raw),
        MemberTy::Hex6 => Value::Hex6(raw),
        MemberTy::Inet6 => Value::Inet6(own.try_into().unwrap_or([0; 16])),
        MemberTy::Octal(_) => Value::Octal(raw),
        MemberTy::Mode(_) => super::scalar::mode(raw),
        MemberTy::Addr(_) => Value::Addr(raw),
        MemberTy::Id(n) if raw == u64::MAX >> (64 - 8 * u32::from(n)) => Value::Int(-1),
        MemberTy::Id(_) => Value::Uint(raw),
        MemberTy::Fd(_) => Value::Fd(raw as i32),
        MemberTy::Interface => Value::Interface(raw as u32, [0; 16]),
        MemberTy::DirFd => Value::DirFd(raw as i32),
        MemberTy::Signal(_) => Value::Signal(raw as u32),
        MemberTy::SigSet(4) => Value::SigSet(super::scalar::short_set(raw)),
        MemberTy::SigSet(_) => Value::SigSet(raw),
        MemberTy::Dev(n) => device(raw, n),
        MemberTy::Date(_) => {
            let seconds = signed(raw, width);
            out.push(Value::Int(seconds));
            if seconds == 0 {
                return;
            }
            Value::Date(seconds, 0, 0)
        }
        // `clock_t` has a sign.
        MemberTy::Ticks(_) => return ticks(out, signed(raw, width) as u64),
        MemberTy::Seconds(_, digits) => return seconds(out, raw, digits),
        MemberTy::SignedSeconds(_, digits) => {
            let parts = signed(raw, width);
            out.push(Value::Int(parts));
            if parts == 0 {
                return;
            }
            Value::SignedSeconds(parts, digits)
        }
        MemberTy::Unicode => {
            // `UNI_DIRECT_BASE` and the mask of include/uapi/linux/kd.h.
            if raw & !0x1ff == 0xf000 {
                out.push(Value::Plus("UNI_DIRECT_BASE"));
            }
            Value::Hex(if raw & !0x1ff == 0xf000 {
                raw & 0x1ff
            } else {
                raw
            })
        }
        MemberTy::Char => Value::Char(raw as u8),
        MemberTy::FourCc => {
            out.push(Value::FourCc(raw as u32));
            match tables::set(SetId::V4l2PixelFormat).name_of(raw) {
                Some(name) => Value::Comment(name),
                None => return,
            }
        }
        MemberTy::Fraction => Value::Fraction(raw as u32, (raw >> 32) as u32),
        MemberTy::Uuid => Value::Uuid(own.try_into().unwrap_or_default()),
        MemberTy::Name(_) => name(own),
        MemberTy::Open(_) => Value::Bytes {
            bytes: own.split(|&b| b == 0).next().unwrap_or_default(),
            cut: !own.contains(&0),
        },
        MemberTy::Brief(_) => text_alone(cx, own, own.len()),
        MemberTy::Wait => {
            // Alone it is what a pointer leads to, and printed in braces of its own.
            Value::Wait(raw as u32)
        }
        MemberTy::Limit(n) => Value::Limit(raw, n == 8),
        MemberTy::Key => Value::Hex(raw),
        MemberTy::Flags(
            id @ (SetId::TermiosIflag
            | SetId::TermiosOflag
            | SetId::TermiosCflag
            | SetId::TermiosLflag),
            _,
        ) => Value::Loose(tables::set(id), raw),
        MemberTy::Flags(id, _) | MemberTy::Enum(id, _) => Value::Wide(tables::set(id), raw),
        MemberTy::Text(_) => Value::Bytes {
            bytes: own.split(|&b| b == 0).next().unwrap_or_default(),
            cut: false,
        },
        MemberTy::Bytes(_) => Value::Binary {
            bytes: own,
            cut: false,
        },
        MemberTy::Inet => {
            let address = own.try_into().unwrap_or([0; 4]);
            out.push(Value::Wire(address, 4));
            out.push(Value::CallOpen("inet_addr"));
            out.push(Value::Inet(address));
            Value::CallClose
        }
        MemberTy::Network(2) => {
            let port = (raw as u16).swap_bytes();
            let [low, high] = (raw as u16).to_le_bytes();
            out.push(Value::Wire([low, high, 0, 0], 2));
            out.push(Value::CallOpen("htons"));
            out.push(Value::Uint(port.into()));
            Value::CallClose
        }
        MemberTy::Network(_) => {
            out.push(Value::CallOpen("htonl"));
            out.push(Value::Hex((raw as u32).swap_bytes().into()));
            Value::CallClose
        }
        MemberTy::Big(n) => {
            out.push(Value::CallOpen(match n {
                2 => "htons",
                4 => "htonl",
                _ => "htobe64",
            }));
            let most = 64 - 8 * u32::from(n).min(8);
            out.push(Value::Uint(raw.swap_bytes().checked_shr(most).unwrap_or(0)));
            Value::CallClose
        }
        MemberTy::InetWide => {
            out.push(Value::Memory(own));
            out.push(Value::CallOpen("inet_addr"));
            let address = own.first_chunk().copied().unwrap_or([0; 4]);
            out.push(Value::Inet(address));
            Value::CallClose
        }
        MemberTy::NetworkEnum(id) | MemberTy::NetworkHex(id) => {
            if matches!(ty, MemberTy::NetworkHex(_)) {
                let [low, high] = (raw as u16).to_le_bytes();
                out.push(Value::Wire([low, high, 0, 0], 5));
            }
            out.push(Value::CallOpen("htons"));
            out.push(Value::Wide(
                tables::set(id),
                (raw as u16).swap_bytes().into(),
            ));
            Value::CallClose
        }
        MemberTy::Within(name, ty) => {
            out.push(Value::CallOpen(name));
            member(out, cx, ty, bytes);
            Value::CallClose
        }
        MemberTy::Mac(_) => Value::Mac(own),
        MemberTy::Writes { .. } => Value::Addr(raw),
        MemberTy::Indexed(id, _) => {
            out.push(Value::ListOpen);
            for (place, byte) in (0u16..).zip(own) {
                let name = tables::set(id).name_of(place.into());
                out.push(Value::Index(name, place));
                out.push(Value::Hex(u64::from(*byte)));
            }
            Value::ListClose
        }
        MemberTy::NamedBits(id) => return named_bits(out, cx, id, bytes),
        MemberTy::Pad | MemberTy::More | MemberTy::Inline(_) => return,
        MemberTy::Struct(id) => {
            let size = tables::struct_size(id, cx.abi) as usize;
            return structure(out, cx, id, 0, bytes.get(..size).unwrap_or(bytes));
        }
        MemberTy::Array { elem, stride, .. } | MemberTy::Counted { elem, stride, .. } => {
            out.push(Value::ListOpen);
            let each = own.chunks_exact(usize::from(stride).max(1));
            for (i, one) in each.enumerate() {
                if i >= cx.options.most() {
                    out.push(Value::More);
                    break;
                }
                member(out, cx, elem, one);
            }
            Value::ListClose
        }
        MemberTy::Details { id, .. } => return details(out, cx, id, bytes),
        MemberTy::To { what, dir, .. } => return followed(out, cx, what, dir, raw),
        MemberTy::KernelVersion => {
            out.push(Value::CallOpen("KERNEL_VERSION"));
            out.push(Value::Uint(raw >> 16));
            out.push(Value::Uint(raw >> 8 & 0xff));
            out.push(Value::Uint(raw & 0xff));
            Value::CallClose
        }
    };
    out.push(value);
}

/// Text that ends with a NUL; where there is none it is one that does not fit.
fn name(bytes: &[u8]) -> Value<'_> {
    let text = bytes.split(|&b| b == 0).next().unwrap_or_default();
    let most = bytes.len().saturating_sub(1);
    Value::Bytes {
        bytes: text.get(..most).unwrap_or(text),
        cut: text.len() > most,
    }
}

/// Names of bits that strace shows without `-v`.
const FEW_BITS: usize = 4;

fn named_bits<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, id: SetId, bytes: &'a [u8]) {
    let there = usize::try_from(cx.call.record.ret).unwrap_or(0);
    let most = if cx.options.verbose {
        usize::MAX
    } else {
        FEW_BITS
    };
    if there > 0 {
        let own = bytes.get(..there).unwrap_or(bytes);
        out.push(Value::NamedBits(tables::set(id), own, most));
    }
}

/// A time in clock ticks: sysconf(3) gives 100 for `_SC_CLK_TCK` on every architecture that we know.
pub fn ticks(out: &mut Args<'_>, ticks: u64) {
    seconds(out, ticks, 2);
}

/// A number of which so many digits are fractions of a second.
pub fn seconds(out: &mut Args<'_>, parts: u64, digits: u8) {
    out.push(Value::Uint(parts));
    if parts != 0 {
        out.push(Value::Seconds(parts, digits));
    }
}

/// What a pointer leads to that is followed with `-v` only.
fn details<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, id: StructId, pointer: &'a [u8]) {
    let addr = number_at(pointer, 0, cx.abi.word_bytes() as usize).unwrap_or(0);
    let size = (tables::struct_size(id, cx.abi) as usize).max(1);
    let captured = cx.at(addr).filter(|_| addr != 0 && cx.options.verbose);
    let Some(captured) = captured.filter(|c| c.bytes.len() >= size) else {
        return out.push(Value::Addr(addr));
    };
    out.push(Value::ListOpen);
    for one in captured.bytes.chunks_exact(size) {
        structure(out, cx, id, addr, one);
    }
    if super::cx::is_partial(captured) || super::cx::is_cut(captured) {
        let shown = captured.bytes.len() / size * size;
        out.push(super::arrays::more(captured, shown, size));
    }
    out.push(Value::ListClose);
}

/// A device number of 2, 4 or 8 bytes as the kernel packs it for stat(2): the widest as glibc's makedev(3).
pub(super) fn device(raw: u64, bytes: u8) -> Value<'static> {
    let (major, minor) = match bytes {
        2 => (raw >> 8 & 0xff, raw & 0xff),
        _ => (
            raw >> 8 & 0xfff | raw >> 32 & 0xffff_f000,
            raw & 0xff | raw >> 12 & 0xffff_ff00,
        ),
    };
    // 32 bits each.
    Value::Dev(major as u32, minor as u32)
}

/// The members of a structure by name, for functions that choose which ones to show.
pub struct Fields<'a> {
    layout: &'static Layout,
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Nothing if the ABI has no such structure, or bytes are missing.
    pub fn new(id: StructId, abi: Abi, bytes: &'a [u8]) -> Option<Self> {
        let layout = tables::layout(id, abi)?;
        (bytes.len() >= usize::from(layout.size)).then_some(Self { layout, bytes })
    }

    /// The same, for a structure that may end before its last members.
    pub fn some(id: StructId, abi: Abi, bytes: &'a [u8]) -> Option<Self> {
        let layout = tables::layout(id, abi)?;
        Some(Self { layout, bytes })
    }

    fn find(&self, name: &str) -> Option<&'static Member> {
        self.layout.members.iter().find(|m| m.name == name)
    }

    /// The number that a member holds, 0 where there is none.
    pub fn get(&self, name: &str) -> u64 {
        let found = self.find(name);
        let value = found.and_then(|m| number_at(self.bytes, m.at.into(), width(&m.ty).min(8)));
        value.unwrap_or(0)
    }

    /// The structure as it would be without a function of its own.
    pub fn show_whole(&self, out: &mut Args<'a>, cx: &Cx<'_, 'a>) {
        members(out, cx, self.layout, self.bytes);
    }

    /// Is the member there, and to be shown?
    pub fn has(&self, cx: &Cx<'_, '_>, name: &str) -> bool {
        self.shown(cx, name).is_some()
    }

    /// The member of that name that is to be shown, and its bytes.
    fn shown(&self, cx: &Cx<'_, '_>, name: &str) -> Option<(&'static Member, &'a [u8])> {
        let mut own = self.layout.members.iter().filter(|m| m.name == name);
        let found = own.find(|m| holds(cx, m, self.bytes))?;
        Some((found, part(found, self.bytes)?))
    }

    /// The bytes of a member, as many as there are.
    pub fn bytes(&self, name: &str) -> &'a [u8] {
        let found = self.find(name);
        let own = found.and_then(|m| Some((m, self.bytes.get(usize::from(m.at)..)?)));
        own.map_or(&[][..], |(m, rest)| {
            rest.get(..width(&m.ty)).unwrap_or(rest)
        })
    }

    /// Writes `shown=value` if the member is there.
    pub fn show_as(
        &self,
        out: &mut Args<'a>,
        cx: &Cx<'_, 'a>,
        name: &'static str,
        shown: &'static str,
    ) {
        if let Some((found, own)) = self.shown(cx, name)
            && !(found.nonzero && is_none(cx, &found.ty, self.bytes, own))
        {
            named(out, cx, shown, &found.ty, (self.bytes, own));
        }
    }

    /// Writes all members.
    pub fn show_every(&self, out: &mut Args<'a>, cx: &Cx<'_, 'a>) {
        for member in self.layout.members {
            self.show(out, cx, member.name);
        }
    }

    /// Writes `value` if the member is there.
    pub fn show_bare(&self, out: &mut Args<'a>, cx: &Cx<'_, 'a>, name: &str) {
        if let Some((found, own)) = self.shown(cx, name) {
            member(out, cx, &found.ty, own);
        }
    }

    /// Writes `name=value` if the member is there.
    pub fn show(&self, out: &mut Args<'a>, cx: &Cx<'_, 'a>, name: &'static str) {
        self.show_as(out, cx, name, name);
    }

    /// Writes some members.
    pub fn show_all(&self, out: &mut Args<'a>, cx: &Cx<'_, 'a>, names: &[&'static str]) {
        for name in names {
            self.show(out, cx, name);
        }
    }
}
