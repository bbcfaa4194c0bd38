//! Reads the rows of xtask/data/layouts.txt, and writes the structs as `place` lays them out, per ABI.
//!
//! A row is `NAME[@ABI,...] | MEMBER:TYPE ... [| TRAIT, ...]`. Members stand in C's order; `-:TYPE` takes
//! room but is not shown, `=TYPE` alone is a scalar that has no name, `NAME?:TYPE` is shown where it is not zero. From
//! the word `...` on members are shown with -v only, from `=>` on after a success only, as they are then. `^NAME` is in the
//! same place as the member before it, `-NAME` is only there for conditions, which stand behind the name. The types are in
//! the file's head. Rows with `@ABI` go before the
//! one without.

mod place;

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::data::{ABIS, At, Struct, rows};
use super::emit::{HEAD, camel_case};
use super::sets::Set;
pub use place::MemberTypes;
use place::{Compiler, Rules};

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
    spared: bool,
    /// Members as they are to be shown, where that is not C's order.
    order: Vec<String>,
    /// What is shown of it after the call, as another struct, and when.
    then: Option<(String, &'static str)>,
}

struct Member {
    name: String,
    /// Not shown.
    hidden: bool,
    /// In the same place as the one before it.
    overlaps: bool,
    conditions: Vec<Condition>,
    ty: Type,
    extra: bool,
    nonzero: bool,
    answer: bool,
}

/// When a member is shown.
struct Condition {
    /// Another member, or `argN/MASK`.
    of: String,
    /// `=` one of the values, `~` none of them, `&` any of the bits, `!` none of them.
    how: char,
    values: Vec<String>,
}

struct Type {
    word: String,
    params: Vec<String>,
    elem: Option<Box<Type>>,
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
        spared: false,
        order: Vec::new(),
        then: None,
    };
    for one in traits.split(',').map(str::trim).filter(|t| !t.is_empty()) {
        match one.split_once(' ') {
            None if one == "packed" => row.packed = true,
            None if one == "spared" => row.spared = true,
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
        Some(ty) if !ty.starts_with('@') => ("", ty),
        of_condition => of_condition
            .unwrap_or(word)
            .split_once(':')
            .with_context(|| format!("`{word}` is not member:type"))?,
    };
    let overlaps = name.starts_with('^');
    let mut parts = name.trim_start_matches('^').split('@');
    let name = parts.next().unwrap_or_default();
    let nonzero = name.ends_with('?');
    let name = name.trim_end_matches('?');
    let hidden = name.starts_with('-');
    let name = if hidden && name.len() > 1 {
        &name[1..]
    } else {
        name
    };
    Ok(Member {
        name: name.into(),
        hidden,
        overlaps,
        conditions: parts.map(condition).collect::<Result<_>>()?,
        ty: type_of(ty)?,
        extra,
        nonzero,
        answer,
    })
}

fn condition(text: &str) -> Result<Condition> {
    let at = text.find(['=', '~', '&', '!']);
    let at = at.with_context(|| format!("`{text}` is no condition"))?;
    let (of, rest) = text.split_at(at);
    let (how, values) = rest.split_at(1);
    Ok(Condition {
        of: of.into(),
        how: how.chars().next().unwrap_or_default(),
        values: values.split(',').map(Into::into).collect(),
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

impl Layout {
    /// The members that are shown, in order; whether with `-v` only, and whether after a success only.
    fn shown(&self) -> Result<Vec<(&Member, bool, bool)>> {
        if self.order.is_empty() {
            let named = self.members.iter().filter(|m| !m.hidden);
            return Ok(named.map(|m| (m, m.extra, m.answer)).collect());
        }
        let (mut extra, mut answer, mut list) = (false, false, Vec::new());
        for word in &self.order {
            match word.as_str() {
                "..." => extra = true,
                "=>" => answer = true,
                name => {
                    // Of a union several may have the name.
                    let before = list.len();
                    let of_name = self.members.iter().filter(|m| m.name == name);
                    list.extend(of_name.map(|found| (found, extra, answer)));
                    if list.len() == before {
                        bail!("no `{name}`");
                    }
                }
            }
        }
        Ok(list)
    }
}

/// The text of generated/layouts.rs; fails where a layout's size is not that of structs.txt.
pub fn emit(rows: &[Layout], structs: &[Struct], sets: &[Set]) -> Result<String> {
    let compiler = Compiler { rows, sets };
    let mut out = format!(
        "{HEAD}//! Members of structs, placed as C does.\n#![allow(clippy::unreadable_literal)]\nuse crate::tables::{{Condition, Dir, Layout, Length, Match, Member, MemberTy, Pointee, SetId, Source, StructId, Told}};\n\n"
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
                "Layout {{ size: {size}, least: {}, answered: {}, hides_more: {}, spared: {}, then: {then}, members: &[{}] }}",
                placed.least,
                layout.answered,
                layout.hides_more,
                layout.spared,
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
        let placed = Compiler {
            rows: &rows,
            sets: &[],
        }
        .place(&rows[0], 0, rules)?;
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
        let (size, members) = placed("x | a:int b@a=1,0x10:int ^c@a&4:u64 -:int", Rules::Native)?;
        assert_eq!(size, 24);
        assert!(members[1].contains("at: 8") && members[2].contains("at: 8"));
        assert!(members[1].contains("how: Match::Is, values: &[0x1,0x10,]"));
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
            ("x | a:int b@c=1:int", "no `c`"),
            ("x | a:int b@a=X:int", "no value `X`"),
            ("x | a:int b@a:int", "`a` is no condition"),
        ] {
            let error = placed(line, Rules::Native).err().map(|e| format!("{e:#}"));
            assert!(error.unwrap_or_default().contains(expected), "{line}");
        }
    }
}
