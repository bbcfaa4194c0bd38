//! Where C puts the members of a struct, by the rules of an ABI, and their types as Rust text.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};

use super::super::emit::camel_case;
use super::super::sets::Set;
use super::{Condition, Layout, Member, Type, type_of};

/// How wide a member is: bytes, a word of the ABI, or what another row says.
#[derive(Clone, Copy)]
enum Width {
    Bytes(u32),
    Word,
}

/// Type words without parameters: width and the Rust variant, `#` standing for the width.
const SCALARS: &[(&str, Width, &str)] = &[
    ("i8", Width::Bytes(1), "Int(#)"),
    ("short", Width::Bytes(2), "Int(#)"),
    ("int", Width::Bytes(4), "Int(#)"),
    ("long", Width::Word, "Int(#)"),
    ("i64", Width::Bytes(8), "Int(#)"),
    ("u8", Width::Bytes(1), "Uint(#)"),
    ("ushort", Width::Bytes(2), "Uint(#)"),
    ("u16", Width::Bytes(2), "Uint(#)"),
    ("uint", Width::Bytes(4), "Uint(#)"),
    ("u32", Width::Bytes(4), "Uint(#)"),
    ("u64", Width::Bytes(8), "Uint(#)"),
    ("ulong", Width::Word, "Uint(#)"),
    ("size", Width::Word, "Uint(#)"),
    ("hex8", Width::Bytes(1), "Hex(#)"),
    ("hex16", Width::Bytes(2), "Hex(#)"),
    ("hex32", Width::Bytes(4), "Hex(#)"),
    ("hex64", Width::Bytes(8), "Hex(#)"),
    ("hexlong", Width::Word, "Hex(#)"),
    ("octal16", Width::Bytes(2), "Octal(#)"),
    ("octal32", Width::Bytes(4), "Octal(#)"),
    ("octal64", Width::Bytes(8), "Octal(#)"),
    ("mode16", Width::Bytes(2), "Mode(#)"),
    ("mode32", Width::Bytes(4), "Mode(#)"),
    ("addr", Width::Word, "Addr(#)"),
    ("addr64", Width::Bytes(8), "Addr(#)"),
    ("pid", Width::Bytes(4), "Pid"),
    ("uid", Width::Bytes(4), "Id(#)"),
    ("uid16", Width::Bytes(2), "Id(#)"),
    ("fd", Width::Bytes(4), "Fd(#)"),
    ("fd64", Width::Bytes(8), "Fd(#)"),
    ("dirfd", Width::Bytes(4), "DirFd"),
    ("signal", Width::Bytes(4), "Signal(#)"),
    ("signal64", Width::Bytes(8), "Signal(#)"),
    ("sigset32", Width::Bytes(4), "SigSet(#)"),
    ("sigsetlong", Width::Word, "SigSet(#)"),
    ("sigset", Width::Bytes(8), "SigSet(#)"),
    ("dev16", Width::Bytes(2), "Dev(#)"),
    ("dev32", Width::Bytes(4), "Dev(#)"),
    ("dev64", Width::Bytes(8), "Dev(#)"),
    ("devlong", Width::Word, "Dev(#)"),
    ("ticks", Width::Word, "Ticks(#)"),
    ("usecs", Width::Bytes(4), "Seconds(#, 6)"),
    ("nsecs", Width::Bytes(4), "Seconds(#, 9)"),
    ("snsecs", Width::Bytes(4), "SignedSeconds(#, 9)"),
    ("unicode", Width::Bytes(2), "Unicode"),
    ("character", Width::Bytes(1), "Char"),
    ("fourcc", Width::Bytes(4), "FourCc"),
    ("date", Width::Word, "Date(#)"),
    ("date64", Width::Bytes(8), "Date(#)"),
    ("wait", Width::Bytes(4), "Wait"),
    ("limit", Width::Word, "Limit(#)"),
    ("limit64", Width::Bytes(8), "Limit(#)"),
    ("key", Width::Bytes(4), "Key"),
    ("hex6", Width::Bytes(4), "Hex6"),
    ("inet6", Width::Bytes(16), "Inet6"),
    ("ifindex", Width::Bytes(4), "Interface"),
    ("be16", Width::Bytes(2), "Big(#)"),
    ("be32", Width::Bytes(4), "Big(#)"),
    ("be64", Width::Bytes(8), "Big(#)"),
    ("inet", Width::Bytes(4), "Inet"),
    ("inet16", Width::Bytes(16), "InetWide"),
    ("htons", Width::Bytes(2), "Network(#)"),
    ("htonl", Width::Bytes(4), "Network(#)"),
    ("version", Width::Bytes(4), "KernelVersion"),
    ("sockaddr", Width::Bytes(16), "Struct(StructId::Sockaddr)"),
];

/// Type words of pointers that are followed: what they lead to, and who writes it. With `64` behind the
/// word the pointer has 8 bytes on every ABI.
const POINTERS: &[(&str, &str, &str)] = &[
    ("to", "Struct", "In"),
    ("toarray", "Array", "In"),
    ("tobuf", "Bytes", "In"),
    ("tobinary", "Binary", "In"),
    ("tostr", "Str", "In"),
    ("topath", "Path", "In"),
    ("outto", "Struct", "Out"),
    ("outarray", "Array", "Out"),
    ("outbuf", "Bytes", "Out"),
    ("outstr", "Str", "Out"),
    ("logstr", "Str", "InOut"),
];

/// The row of a pointer's word, and whether it has 8 bytes everywhere.
fn pointer(word: &str) -> Option<(&'static (&'static str, &'static str, &'static str), bool)> {
    let stem = word.strip_suffix("64");
    let found = POINTERS.iter().find(|p| p.0 == stem.unwrap_or(word))?;
    Some((found, stem.is_some()))
}

/// Widths of flags(SET,WIDTH) and enum(SET,WIDTH).
const WIDTHS: &[(&str, Width)] = &[
    ("8", Width::Bytes(1)),
    ("16", Width::Bytes(2)),
    ("32", Width::Bytes(4)),
    ("64", Width::Bytes(8)),
    ("long", Width::Word),
];

/// Which C rules hold: those of x86_64 or of i386, where 8-byte integers are aligned to 4.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Rules {
    Native,
    I386,
}

impl Rules {
    fn word(self) -> u32 {
        match self {
            Self::Native => 8,
            Self::I386 => 4,
        }
    }
}

/// A struct laid out by some rules.
pub(super) struct Placed {
    pub(super) size: u32,
    align: u32,
    /// Bytes of the smallest one.
    pub(super) least: u32,
    /// Rust text of the members that are shown.
    pub(super) members: Vec<String>,
}

pub(super) struct Compiler<'a> {
    pub(super) rows: &'a [Layout],
    pub(super) sets: &'a [Set],
}

impl Compiler<'_> {
    pub(super) fn row(&self, name: &str, abi: usize) -> Option<&Layout> {
        let of_name = |l: &&Layout| l.name == name;
        let mut own = self.rows.iter().filter(of_name);
        own.find(|l| l.abis.is_empty() || l.abis.contains(&abi))
    }

    pub(super) fn place(&self, row: &Layout, abi: usize, rules: Rules) -> Result<Placed> {
        let (mut at, mut align, mut members) = (0u32, 1u32, Vec::new());
        let mut offsets: HashMap<&str, (u32, u32)> = HashMap::new();
        // A pointer's length may stand behind it, so offsets come first.
        let mut rest = &row.members[..];
        while let Some((first, others)) = rest.split_first() {
            // What is in the same place is as aligned, and as large, as any of it.
            let more = others.iter().take_while(|m| m.overlaps).count();
            let (mut group_align, mut group_size) = (1, 0);
            for member in std::iter::once(first).chain(&others[..more]) {
                let (size, member_align) = self.size(&member.ty, abi, rules)?;
                group_align = group_align.max(if row.packed { 1 } else { member_align });
                group_size = group_size.max(size);
            }
            at = at.next_multiple_of(group_align);
            for member in std::iter::once(first).chain(&others[..more]) {
                let (size, _) = self.size(&member.ty, abi, rules)?;
                offsets.insert(&member.name, (at, size));
            }
            align = align.max(group_align);
            // An array of structs is as long as whole ones.
            at += if more > 0 {
                group_size.next_multiple_of(group_align)
            } else {
                group_size
            };
            rest = &others[more..];
        }
        for (member, extra, answer) in row.shown()? {
            let ty = self.rust(&member.ty, abi, rules, &offsets)?;
            let place = offsets.get(member.name.as_str()).map_or(0, |place| place.0);
            members.push(format!(
                "Member {{ name: {:?}, at: {place}, ty: {ty}, extra: {extra}, nonzero: {}, answer: {answer}, conditions: &[{}] }}",
                member.name,
                member.nonzero,
                self.conditions(row, member, &offsets)?
            ));
        }
        let least = match &row.least {
            None => 0,
            Some(name) => {
                let last = offsets.get(name.as_str());
                let (at, size) = last.with_context(|| format!("no `{name}`"))?;
                at + size
            }
        };
        Ok(Placed {
            size: at.next_multiple_of(align),
            align,
            least,
            members,
        })
    }

    fn conditions(
        &self,
        row: &Layout,
        member: &Member,
        offsets: &HashMap<&str, (u32, u32)>,
    ) -> Result<String> {
        let each = member.conditions.iter().map(|one| {
            let source = match argument_bits(&one.of) {
                Some((n, mask)) => format!("Source::Argument {{ n: {n}, mask: {mask:#x} }}"),
                None => {
                    let found = offsets.get(one.of.as_str());
                    let (at, width) = found.with_context(|| format!("no `{}`", one.of))?;
                    format!("Source::Member {{ at: {at}, width: {width} }}")
                }
            };
            let how = match one.how {
                '=' => "Is",
                '~' => "IsNot",
                '&' => "Has",
                _ => "HasNot",
            };
            let values = one.values.iter().map(|value| {
                let value = self.value(row, one, value)?;
                Ok(format!("{value:#x},"))
            });
            let values: String = values.collect::<Result<_>>()?;
            Ok(format!(
                "Condition {{ source: {source}, how: Match::{how}, values: &[{values}] }},"
            ))
        });
        each.collect()
    }

    /// A number, or the constant of that name in the set that the member is of.
    fn value(&self, row: &Layout, condition: &Condition, text: &str) -> Result<u64> {
        let number = match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16),
            None => text.parse(),
        };
        if let Ok(number) = number {
            return Ok(number);
        }
        let member = row.members.iter().find(|m| m.name == condition.of);
        let name = member.and_then(|m| m.ty.params.first());
        let set = self.sets.iter().find(|set| Some(&set.name) == name);
        let value = set.and_then(|set| set.values.iter().find(|v| v.name == text));
        match value {
            Some(value) => Ok(value.value),
            None => bail!("no value `{text}`"),
        }
    }

    fn size(&self, ty: &Type, abi: usize, rules: Rules) -> Result<(u32, u32)> {
        if let Some(elem) = &ty.elem {
            let (size, align) = self.size(elem, abi, rules)?;
            let is_list = ["array", "counted"].contains(&ty.word.as_str());
            let count = if is_list { count(ty)? } else { 1 };
            return Ok((size * count, align));
        }
        let word = rules.word();
        Ok(match ty.word.as_str() {
            "pad" | "char" | "name" | "open" | "brief" | "bytes" | "mac" => (count(ty)?, 1),
            "uuid" => (16, 1),
            "more" | "namedbits" => (0, 1),
            "fraction" => (8, 4),
            "indexed" => {
                let text = ty.params.get(1).context("a number is missing")?;
                (text.parse()?, 1)
            }
            "struct" | "inline" => {
                let name = ty.params.first().context("struct(NAME)")?;
                let row = self
                    .row(name, abi)
                    .with_context(|| format!("no layout `{name}`"))?;
                let placed = self.place(row, abi, rules)?;
                (placed.size, placed.align)
            }
            name if pointer(name).is_some_and(|(_, wide)| wide) => (8, word),
            name if pointer(name).is_some() => (word, word),
            "details" => (word, word),
            "htonsof" | "hexhtonsof" => (2, 2),
            "inet6" | "inet16" => (16, 4),
            "writes64" => (8, word),
            "writes" => (word, word),
            _ => {
                let bytes = match width(ty)? {
                    Width::Bytes(n) => n,
                    Width::Word => word,
                };
                (bytes, bytes.min(word))
            }
        })
    }

    fn rust(
        &self,
        ty: &Type,
        abi: usize,
        rules: Rules,
        offsets: &HashMap<&str, (u32, u32)>,
    ) -> Result<String> {
        let (size, _) = self.size(ty, abi, rules)?;
        let param = |i: usize| ty.params.get(i).context("a parameter is missing");
        if let Some(elem) = &ty.elem {
            let (stride, _) = self.size(elem, abi, rules)?;
            let elem = self.rust(elem, abi, rules, offsets)?;
            if ty.word == "counted" {
                let by = param(1)?;
                let by = offsets
                    .get(by.as_str())
                    .with_context(|| format!("no `{by}`"))?;
                return Ok(format!(
                    "MemberTy::Counted {{ elem: &{elem}, count: {}, stride: {stride}, by: {}, width: {} }}",
                    count(ty)?,
                    by.0,
                    by.1
                ));
            }
            if ty.word != "array" {
                return Ok(format!("MemberTy::Within({:?}, &{elem})", ty.word));
            }
            return Ok(format!(
                "MemberTy::Array {{ elem: &{elem}, count: {}, stride: {stride} }}",
                count(ty)?
            ));
        }
        let variant = match ty.word.as_str() {
            "flags" => format!("Flags(SetId::{}, {size})", camel_case(param(0)?)),
            "enum" => format!("Enum(SetId::{}, {size})", camel_case(param(0)?)),
            "indexed" => format!("Indexed(SetId::{}, {size})", camel_case(param(0)?)),
            "htonsof" => format!("NetworkEnum(SetId::{})", camel_case(param(0)?)),
            "hexhtonsof" => format!("NetworkHex(SetId::{})", camel_case(param(0)?)),
            "char" => format!("Text({size})"),
            "name" => format!("Name({size})"),
            "open" => format!("Open({size})"),
            "brief" => format!("Brief({size})"),
            "uuid" => "Uuid".into(),
            "more" => "More".into(),
            "namedbits" => format!("NamedBits(SetId::{})", camel_case(param(0)?)),
            "fraction" => "Fraction".into(),
            "bytes" => format!("Bytes({size})"),
            "mac" => format!("Mac({size})"),
            "struct" => format!("Struct(StructId::{})", camel_case(param(0)?)),
            "inline" => format!("Inline(StructId::{})", camel_case(param(0)?)),
            "writes" | "writes64" => format!(
                "Writes {{ id: StructId::{}, width: {size} }}",
                camel_case(param(0)?)
            ),
            "details" => {
                let at = offsets.get(param(1)?.as_str());
                format!(
                    "Details {{ id: StructId::{}, count_at: {} }}",
                    camel_case(param(0)?),
                    at.with_context(|| format!("no `{}`", param(1).map_or("", |p| p)))?
                        .0
                )
            }
            word if pointer(word).is_some() => {
                let (&(_, what, dir), _) = pointer(word).context("no pointer")?;
                let of_struct = ["Struct", "Array"].contains(&what);
                let what = match of_struct {
                    true => format!("{what}(StructId::{})", camel_case(param(0)?)),
                    false => what.into(),
                };
                let length = match ty.params.get(usize::from(of_struct)) {
                    None => "None".into(),
                    Some(name) if let Ok(n) = name.parse::<u16>() => {
                        format!("Some(Length::Fixed({n}))")
                    }
                    Some(name) if name == "ret" => "Some(Length::Result)".into(),
                    Some(name) if let Some(n) = argument(name) => {
                        format!("Some(Length::Argument({n}))")
                    }
                    Some(name) => {
                        let found = offsets.get(name.as_str());
                        let (at, width) = found.with_context(|| format!("no `{name}`"))?;
                        format!("Some(Length::Member {{ at: {at}, width: {width} }})")
                    }
                };
                format!(
                    "To {{ what: Pointee::{what}, width: {size}, length: {length}, dir: Dir::{dir} }}"
                )
            }
            word => {
                let scalar = SCALARS.iter().find(|s| s.0 == word);
                let text = scalar.map_or("Pad", |s| s.2);
                text.replace('#', &size.to_string())
            }
        };
        Ok(format!("MemberTy::{variant}"))
    }
}

/// The types of members for what is not in a struct.
pub struct MemberTypes<'a>(Compiler<'a>);

impl<'a> MemberTypes<'a> {
    pub fn new(rows: &'a [Layout]) -> Self {
        Self(Compiler { rows, sets: &[] })
    }

    /// Its Rust text and bytes, of a struct those that there must be at least.
    pub fn of(&self, text: &str) -> Result<(String, u32)> {
        let ty = type_of(text)?;
        let (mut size, _) = self.0.size(&ty, 0, Rules::Native)?;
        if ty.word == "struct"
            && let Some(row) = ty.params.first().and_then(|n| self.0.row(n, 0))
        {
            let least = self.0.place(row, 0, Rules::Native)?.least;
            size = if least == 0 { size } else { least };
        }
        let rust = self.0.rust(&ty, 0, Rules::Native, &HashMap::new())?;
        Ok((rust, size))
    }

    pub fn has_layout(&self, name: &str) -> bool {
        self.0.row(name, 0).is_some()
    }
}

fn count(ty: &Type) -> Result<u32> {
    let text = ty.params.first().context("a number is missing")?;
    text.parse()
        .with_context(|| format!("`{text}` is not a number"))
}

/// The number in `argN`.
fn argument(name: &str) -> Option<u8> {
    name.strip_prefix("arg")?.parse().ok()
}

/// The number and the bits of `argN/MASK`.
fn argument_bits(of: &str) -> Option<(u8, u64)> {
    let (name, mask) = of.split_once('/')?;
    let mask = u64::from_str_radix(mask.strip_prefix("0x")?, 16).ok()?;
    Some((argument(name)?, mask))
}

fn width(ty: &Type) -> Result<Width> {
    if ["flags", "enum"].contains(&ty.word.as_str()) {
        let text = ty.params.get(1).map_or("32", String::as_str);
        let found = WIDTHS.iter().find(|w| w.0 == text);
        return Ok(found.with_context(|| format!("no width `{text}`"))?.1);
    }
    let found = SCALARS.iter().find(|s| s.0 == ty.word);
    Ok(found
        .with_context(|| format!("unknown member type `{}`", ty.word))?
        .1)
}
