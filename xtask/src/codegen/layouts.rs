//! Reads xtask/data/layouts.txt and lays its structs out as a C compiler does, per ABI.
//!
//! A row is `NAME[@ABI,...] | MEMBER:TYPE ... [| TRAIT, ...]`. Members stand in C's order; `-:TYPE` takes
//! room but is not shown, `=TYPE` alone is a scalar that has no name, `NAME?:TYPE` is shown where it is not zero. From
//! the word `...` on members are shown with -v only, from `=>` on after a success only, as they are then. The types are in the file's head. Rows with `@ABI` go before the
//! one without.
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::data::{ABIS, At, Struct, rows};
use super::emit::{HEAD, camel_case};

pub struct Layout {
    pub at: At,
    pub name: String,
    /// Index in `ABIS`; none: every ABI that has no row of its own.
    abis: Vec<usize>,
    members: Vec<Member>,
    packed: bool,
    /// The last member of the smallest struct that there is.
    least: Option<String>,
    answered: bool,
    hides_more: bool,
    /// Members as they are to be shown, where that is not C's order.
    order: Vec<String>,
    /// What is shown of it after the call, as another struct, and when.
    then: Option<(String, &'static str)>,
}

struct Member {
    name: String,
    ty: Type,
    extra: bool,
    nonzero: bool,
    answer: bool,
}

struct Type {
    word: String,
    params: Vec<String>,
    elem: Option<Box<Type>>,
}

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
enum Rules {
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

pub fn read(dir: &Path) -> Result<Vec<Layout>> {
    let mut all = rows(dir, "layouts.txt", layout)?;
    all.extend(rows(dir, "layouts_ioctl.txt", layout)?);
    Ok(all)
}

fn layout(at: At, line: &str) -> Result<Layout> {
    let fields: Vec<&str> = line.split('|').map(str::trim).collect();
    let (name, members, traits) = match fields[..] {
        [name, members] => (name, members, ""),
        [name, members, traits] => (name, members, traits),
        _ => bail!("expected name | member:type ... [| trait, ...]"),
    };
    let (name, abis) = name.split_once('@').unwrap_or((name, ""));
    let abi = |stem: &str| {
        let found = ABIS.iter().position(|(known, _)| *known == stem);
        found.with_context(|| format!("no ABI `{stem}`"))
    };
    let (mut extra, mut answer) = (false, false);
    let mut list = Vec::new();
    for word in members.split_whitespace() {
        if word == "..." {
            extra = true;
            continue;
        }
        if word == "=>" {
            answer = true;
            continue;
        }
        list.push(member(word, extra, answer)?);
    }
    let mut row = Layout {
        at,
        name: name.into(),
        abis: abis
            .split(',')
            .filter(|a| !a.is_empty())
            .map(abi)
            .collect::<Result<_>>()?,
        members: list,
        packed: false,
        least: None,
        // What the kernel writes is in what it has written.
        answered: answer,
        hides_more: false,
        order: Vec::new(),
        then: None,
    };
    for one in traits.split(',').map(str::trim).filter(|t| !t.is_empty()) {
        match one.split_once(' ') {
            None if one == "packed" => row.packed = true,
            None if one == "answered" => row.answered = true,
            Some(("hides", "more")) => row.hides_more = true,
            Some(("least", member)) => row.least = Some(member.into()),
            Some(("then", name)) => row.then = Some((name.into(), "Success")),
            Some(("always", name)) => row.then = Some((name.into(), "Always")),
            Some(("given", name)) => row.then = Some((name.into(), "Given")),
            Some(("order", names)) => {
                row.order = names.split_whitespace().map(Into::into).collect();
                row.answered |= row.order.iter().any(|word| word == "=>");
            }
            _ => bail!("unknown trait `{one}`"),
        }
    }
    Ok(row)
}

fn member(word: &str, extra: bool, answer: bool) -> Result<Member> {
    let (name, ty) = match word.strip_prefix('=') {
        Some(ty) => ("", ty),
        None => word
            .split_once(':')
            .with_context(|| format!("`{word}` is not member:type"))?,
    };
    let nonzero = name.ends_with('?');
    Ok(Member {
        name: name.trim_end_matches('?').into(),
        ty: type_of(ty)?,
        extra,
        nonzero,
        answer,
    })
}

fn type_of(text: &str) -> Result<Type> {
    let (word, inner) = match text.split_once('(') {
        Some((word, rest)) => (
            word,
            rest.strip_suffix(')')
                .with_context(|| format!("`{text}` has no closing parenthesis"))?,
        ),
        None => (text, ""),
    };
    let (elem, inner) = match (word, inner.rsplit_once(',')) {
        ("array", Some((elem, count))) => (Some(Box::new(type_of(elem)?)), count),
        // counted(TYPE,N,MEMBER): the type itself may have commas.
        ("counted", Some((front, _))) if let Some((elem, _)) = front.rsplit_once(',') => (
            Some(Box::new(type_of(elem)?)),
            inner.get(elem.len() + 1..).unwrap_or_default(),
        ),
        ("htobs", _) => (Some(Box::new(type_of(inner)?)), ""),
        _ => (None, inner),
    };
    Ok(Type {
        word: word.into(),
        params: inner
            .split(',')
            .filter(|p| !p.is_empty())
            .map(Into::into)
            .collect(),
        elem,
    })
}

/// A struct laid out by some rules.
struct Placed {
    size: u32,
    align: u32,
    /// Bytes of the smallest one.
    least: u32,
    /// Rust text of the members that are shown.
    members: Vec<String>,
}

impl Layout {
    /// The members that are shown, in order; whether with `-v` only, and whether after a success only.
    fn shown(&self) -> Result<Vec<(&Member, bool, bool)>> {
        if self.order.is_empty() {
            let named = self.members.iter().filter(|m| m.name != "-");
            return Ok(named.map(|m| (m, m.extra, m.answer)).collect());
        }
        let (mut extra, mut answer, mut list) = (false, false, Vec::new());
        for word in &self.order {
            match word.as_str() {
                "..." => extra = true,
                "=>" => answer = true,
                name => {
                    let found = self.members.iter().find(|m| m.name == name);
                    let found = found.with_context(|| format!("no `{name}`"))?;
                    list.push((found, extra, answer));
                }
            }
        }
        Ok(list)
    }
}

struct Compiler<'a> {
    rows: &'a [Layout],
}

impl Compiler<'_> {
    fn row(&self, name: &str, abi: usize) -> Option<&Layout> {
        let of_name = |l: &&Layout| l.name == name;
        let mut own = self.rows.iter().filter(of_name);
        own.find(|l| l.abis.is_empty() || l.abis.contains(&abi))
    }

    fn place(&self, row: &Layout, abi: usize, rules: Rules) -> Result<Placed> {
        let (mut at, mut align, mut members) = (0u32, 1u32, Vec::new());
        let mut offsets: HashMap<&str, (u32, u32)> = HashMap::new();
        // A pointer's length may stand behind it, so offsets come first.
        for member in &row.members {
            let (size, member_align) = self.size(&member.ty, abi, rules)?;
            let member_align = if row.packed { 1 } else { member_align };
            at = at.next_multiple_of(member_align);
            offsets.insert(&member.name, (at, size));
            align = align.max(member_align);
            at += size;
        }
        for (member, extra, answer) in row.shown()? {
            let ty = self.rust(&member.ty, abi, rules, &offsets)?;
            let place = offsets.get(member.name.as_str()).map_or(0, |place| place.0);
            members.push(format!(
                "Member {{ name: {:?}, at: {place}, ty: {ty}, extra: {extra}, nonzero: {}, answer: {answer} }}",
                member.name, member.nonzero
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

    fn size(&self, ty: &Type, abi: usize, rules: Rules) -> Result<(u32, u32)> {
        if let Some(elem) = &ty.elem {
            let (size, align) = self.size(elem, abi, rules)?;
            let is_list = ["array", "counted"].contains(&ty.word.as_str());
            let count = if is_list { count(ty)? } else { 1 };
            return Ok((size * count, align));
        }
        let word = rules.word();
        Ok(match ty.word.as_str() {
            "pad" | "char" | "name" | "brief" | "bytes" | "mac" => (count(ty)?, 1),
            "uuid" => (16, 1),
            "fraction" => (8, 4),
            "indexed" => {
                let text = ty.params.get(1).context("a number is missing")?;
                (text.parse()?, 1)
            }
            "struct" => {
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
            "htonsof" => (2, 2),
            "inet6" => (16, 4),
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
            "char" => format!("Text({size})"),
            "name" => format!("Name({size})"),
            "brief" => format!("Brief({size})"),
            "uuid" => "Uuid".into(),
            "fraction" => "Fraction".into(),
            "bytes" => format!("Bytes({size})"),
            "mac" => format!("Mac({size})"),
            "struct" => format!("Struct(StructId::{})", camel_case(param(0)?)),
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
        Self(Compiler { rows })
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

/// The text of generated/layouts.rs; fails where a layout's size is not that of structs.txt.
pub fn emit(rows: &[Layout], structs: &[Struct]) -> Result<String> {
    let compiler = Compiler { rows };
    let mut out = format!(
        "{HEAD}//! Members of structs, placed as C does.\n#![allow(clippy::unreadable_literal)]\nuse crate::tables::{{Dir, Layout, Length, Member, MemberTy, Pointee, SetId, StructId, Told}};\n\n"
    );
    if let Some(row) = rows
        .iter()
        .find(|r| !structs.iter().any(|s| s.name == r.name))
    {
        return Err(row
            .at
            .error(format!("no struct `{}` in structs.txt", row.name)));
    }
    let mut table = String::new();
    for row in structs {
        let mut texts: Vec<(String, usize)> = Vec::new();
        let mut cells = Vec::new();
        for (abi, size) in row.sizes.iter().enumerate() {
            let text = one(&compiler, row, abi, *size)?;
            cells.push(match text {
                None => "None".into(),
                Some(text) => {
                    let known = texts.iter().find(|(t, _)| *t == text).map(|(_, abi)| *abi);
                    let from = known.unwrap_or(abi);
                    if known.is_none() {
                        texts.push((text, abi));
                    }
                    format!("Some(&{}_{})", row.name.to_uppercase(), ABIS[from].1)
                }
            });
        }
        for (text, abi) in texts {
            let name = row.name.to_uppercase();
            let _ = writeln!(out, "static {name}_{}: Layout = {text};", ABIS[abi].1);
        }
        let _ = writeln!(table, "[{}],", cells.join(","));
    }
    let _ = writeln!(
        out,
        "/// By `StructId`, for each ABI in the order of `Abi`.\npub static LAYOUTS: [[Option<&Layout>; 3]; {}] = [\n{table}];",
        structs.len()
    );
    Ok(out)
}

/// x32 has the layout of either neighbour; its size tells which.
fn one(compiler: &Compiler<'_>, row: &Struct, abi: usize, size: u32) -> Result<Option<String>> {
    let Some(layout) = compiler.row(&row.name, abi) else {
        return Ok(None);
    };
    let rules: &[Rules] = match ABIS[abi].0 {
        "x86_64" => &[Rules::Native],
        "i386" => &[Rules::I386],
        _ => &[Rules::Native, Rules::I386],
    };
    let then = match &layout.then {
        None => "None".into(),
        Some((name, told)) => format!("Some((StructId::{}, Told::{told}))", camel_case(name)),
    };
    let mut found = 0;
    for rules in rules {
        let placed = compiler
            .place(layout, abi, *rules)
            .map_err(|e| layout.at.error(format!("{e:#}")))?;
        found = placed.size;
        if placed.size == size {
            return Ok(Some(format!(
                "Layout {{ size: {size}, least: {}, answered: {}, hides_more: {}, then: {then}, members: &[{}] }}",
                placed.least,
                layout.answered,
                layout.hides_more,
                placed.members.join(",")
            )));
        }
    }
    Err(layout.at.error(format!(
        "`{}` has {found} bytes on {}, structs.txt says {size}",
        row.name, ABIS[abi].0
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(line: &str, rules: Rules) -> Result<(u32, Vec<String>)> {
        let rows = [layout(At::nowhere(), line)?];
        let placed = Compiler { rows: &rows }.place(&rows[0], 0, rules)?;
        Ok((placed.size, placed.members))
    }

    #[test]
    fn members_are_placed_by_c_rules() -> Result<()> {
        let row = "x | a:int b:u64 -:short c:long";
        assert_eq!(placed(row, Rules::Native)?.0, 32);
        let (size, members) = placed(row, Rules::I386)?;
        assert_eq!((size, members.len()), (20, 3));
        assert!(members[1].contains("at: 4"), "{}", members[1]);
        assert_eq!(placed("x | a:int b:u64 | packed", Rules::Native)?.0, 12);
        assert_eq!(placed("x | a:array(short,3) b:u8", Rules::Native)?.0, 8);
        Ok(())
    }

    #[test]
    fn bad_rows_say_why() {
        for (line, expected) in [
            ("x", "expected name | member:type"),
            ("x@vax | a:int", "no ABI `vax`"),
            ("x | a", "not member:type"),
            ("x | a:wat", "unknown member type `wat`"),
            ("x | a:char(z)", "not a number"),
            ("x | a:flags(b,9)", "no width `9`"),
            ("x | a:to(b,n)", "no `n`"),
            ("x | a:struct(y)", "no layout `y`"),
            ("x | a:int | odd", "unknown trait `odd`"),
        ] {
            let error = placed(line, Rules::Native).err().map(|e| format!("{e:#}"));
            assert!(error.unwrap_or_default().contains(expected), "{line}");
        }
    }
}
