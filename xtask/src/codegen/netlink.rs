//! Reads xtask/data/netlink.txt: blocks of attributes, of kinds and of messages, whose lines are in the file's head. Names must
//! be in their sets, structs and blocks must exist; attributes are sorted by number.
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::data::{At, rows};
use super::emit::{HEAD, camel_case};
use super::layouts::{Layout, MemberTypes};
use super::sets::Set;

/// One block.
pub struct Block {
    at: At,
    what: What,
    lines: Vec<(At, Line)>,
}

enum What {
    Attributes {
        name: String,
        set: String,
    },
    Kinds {
        name: String,
    },
    Protocol {
        name: String,
        set: String,
        family: bool,
        get: bool,
    },
}

enum Line {
    Begin(What),
    /// Two fields, by a tab.
    Pair(String, String),
    /// Three, by bars.
    Message([String; 3]),
}

pub fn read(dir: &Path) -> Result<Vec<Block>> {
    let mut blocks: Vec<Block> = Vec::new();
    for (at, line) in rows(dir, "netlink.txt", |at, text| Ok((at, line(text)?)))? {
        match line {
            Line::Begin(what) => blocks.push(Block {
                at,
                what,
                lines: Vec::new(),
            }),
            line => {
                let block = blocks.last_mut();
                let block = block.ok_or_else(|| at.error("a block must begin first"))?;
                block.lines.push((at, line));
            }
        }
    }
    Ok(blocks)
}

fn line(text: &str) -> Result<Line> {
    if let Some((name, ty)) = text.split_once('\t') {
        return Ok(Line::Pair(name.into(), ty.trim().into()));
    }
    let fields: Vec<&str> = text.split(" | ").map(str::trim).collect();
    if let [types, header, attributes] = fields[..] {
        return Ok(Line::Message([types, header, attributes].map(Into::into)));
    }
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let mut word = |wanted| {
        let found = words.last() == Some(&wanted);
        words.truncate(words.len() - usize::from(found));
        found
    };
    let (get, family) = (word("get"), word("family"));
    Ok(Line::Begin(match words[..] {
        ["attributes", name] => What::Attributes {
            name: name.into(),
            set: name.into(),
        },
        ["attributes", name, set] => What::Attributes {
            name: name.into(),
            set: set.into(),
        },
        ["kinds", name] => What::Kinds { name: name.into() },
        ["protocol", name, set] => What::Protocol {
            name: name.into(),
            set: set.into(),
            family,
            get,
        },
        _ => bail!("`{text}` is no line of this file"),
    }))
}

/// What the blocks refer to.
struct Known<'a> {
    sets: HashMap<&'a str, &'a Set>,
    blocks: &'a [Block],
    types: MemberTypes<'a>,
}

/// Set of the protocols' numbers.
const PROTOCOLS: &str = "netlink_protocol";
/// Set of address families.
const FAMILIES: &str = "sock_domain";

/// The text of generated/netlink.rs.
pub fn emit(blocks: &[Block], sets: &[Set], layouts: &[Layout]) -> Result<String> {
    let known = Known {
        sets: sets.iter().map(|set| (set.name.as_str(), set)).collect(),
        blocks,
        types: MemberTypes::new(layouts),
    };
    let mut out = format!(
        "{HEAD}//! What netlink messages are made of.\n#![allow(clippy::unreadable_literal)]\nuse crate::tables::{{Attributes, AttributeTy, Kinds, MemberTy, Message, Protocol, Rest, SetId, StructId, Verb}};\n\n"
    );
    let mut protocols = String::new();
    for block in blocks {
        match &block.what {
            What::Attributes { name, set } => attributes(&mut out, &known, block, name, set)?,
            What::Kinds { name } => kinds(&mut out, &known, block, name)?,
            What::Protocol {
                name,
                set,
                family,
                get,
            } => {
                let text = protocol(&known, block, (name, set), (*family, *get))?;
                let _ = writeln!(protocols, "{text},");
            }
        }
    }
    let _ = writeln!(
        out,
        "/// Every protocol whose messages are known.\npub static PROTOCOLS: &[Protocol] = &[\n{protocols}];"
    );
    Ok(out)
}

impl Known<'_> {
    fn value(&self, at: &At, set: &str, name: &str) -> Result<u64> {
        let found = self.sets.get(set);
        let set = found.ok_or_else(|| at.error(format!("no set `{set}`")))?;
        let value = set.values.iter().find(|value| value.name == name);
        Ok(value
            .ok_or_else(|| at.error(format!("`{name}` is not in `{}`", set.name)))?
            .value)
    }

    /// Types of messages by name, or by how their names begin; 0 for any.
    fn numbers<'n>(&'n self, at: &At, set: &str, ty: &'n str) -> Result<Vec<(&'n str, u64)>> {
        match ty.strip_suffix('*') {
            Some("") => Ok(vec![(ty, 0)]),
            None => Ok(vec![(ty, self.value(at, set, ty)?)]),
            Some(start) => {
                let found = self.sets.get(set);
                let found = found.ok_or_else(|| at.error(format!("no set `{set}`")))?;
                let values = found.values.iter().filter(|v| v.name.starts_with(start));
                Ok(values.map(|v| (v.name.as_str(), v.value)).collect())
            }
        }
    }

    /// The static of a block of attributes.
    fn attributes(&self, at: &At, wanted: &str) -> Result<String> {
        let is_it =
            |block: &&Block| matches!(&block.what, What::Attributes { name, .. } if name == wanted);
        match self.blocks.iter().any(|block| is_it(&block)) {
            true => Ok(format!("&{}", wanted.to_uppercase())),
            false => Err(at.error(format!("no attributes `{wanted}`"))),
        }
    }

    fn ty(&self, at: &At, text: &str) -> Result<String> {
        let (word, inner) = text.split_once('(').unwrap_or((text, ""));
        let inner = inner.strip_suffix(')').unwrap_or(inner);
        Ok(match word {
            "str" => "AttributeTy::Text".into(),
            "kind" => "AttributeTy::Kind".into(),
            "mac" if inner.is_empty() => "AttributeTy::Mac".into(),
            "address" => "AttributeTy::Address".into(),
            "address6" => "AttributeTy::Address6".into(),
            "via" => "AttributeTy::Via".into(),
            "ticks" => "AttributeTy::Fraction(2)".into(),
            "millis" => "AttributeTy::Fraction(3)".into(),
            "nest" => format!("AttributeTy::Nest({})", self.attributes(at, inner)?),
            "numbered" => format!("AttributeTy::Numbered({})", self.attributes(at, inner)?),
            "nexthops" => format!("AttributeTy::Nexthops({})", self.attributes(at, inner)?),
            "ofkind" => format!("AttributeTy::OfKind(&KINDS_{})", inner.to_uppercase()),
            "each" => {
                let (ty, width) = self.types.of(inner).map_err(|e| at.error(e))?;
                format!("AttributeTy::Each(&{ty}, {width})")
            }
            "places" => {
                let (set, width) = inner
                    .split_once(',')
                    .with_context(|| format!("`{text}` has no width"))?;
                let width: u16 = width.parse().map_err(|_| at.error("not a width"))?;
                format!("AttributeTy::Places(SetId::{}, {width})", camel_case(set))
            }
            _ => {
                let (text, most) = match text.strip_suffix('!') {
                    Some(text) => (text, 8),
                    None => (text, u16::MAX),
                };
                let (ty, width) = self.types.of(text).map_err(|e| at.error(e))?;
                format!("AttributeTy::One {{ ty: {ty}, least: {width}, most: {most} }}")
            }
        })
    }
}

fn attributes(
    out: &mut String,
    known: &Known<'_>,
    block: &Block,
    name: &str,
    set: &str,
) -> Result<()> {
    if !known.sets.contains_key(set) {
        return Err(block.at.error(format!("no set `{set}`")));
    }
    let mut rows = Vec::new();
    for (at, line) in &block.lines {
        let Line::Pair(attribute, ty) = line else {
            return Err(at.error("expected ATTRIBUTE<TAB>TYPE"));
        };
        let number = known.value(at, set, attribute)?;
        if number > 0x3fff {
            return Err(at.error("an attribute has 14 bits"));
        }
        rows.push((number, known.ty(at, ty)?));
    }
    rows.sort();
    if let Some(twice) = rows.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(block.at.error(format!("{} is there twice", twice[0].0)));
    }
    let rows: String = rows.iter().map(|(n, ty)| format!("({n}, {ty}),")).collect();
    let _ = writeln!(
        out,
        "pub static {}: Attributes = Attributes {{ names: SetId::{}, rows: &[{rows}] }};",
        name.to_uppercase(),
        camel_case(set)
    );
    Ok(())
}

fn kinds(out: &mut String, known: &Known<'_>, block: &Block, name: &str) -> Result<()> {
    let mut rows = String::new();
    for (at, line) in &block.lines {
        let Line::Pair(kind, table) = line else {
            return Err(at.error("expected TEXT<TAB>ATTRIBUTES"));
        };
        let _ = write!(rows, "({kind:?}, {}),", known.attributes(at, table)?);
    }
    let _ = writeln!(
        out,
        "static KINDS_{}: Kinds = &[{rows}];",
        name.to_uppercase()
    );
    Ok(())
}

fn protocol(
    known: &Known<'_>,
    block: &Block,
    (name, set): (&str, &str),
    (family, get): (bool, bool),
) -> Result<String> {
    let number = known.value(&block.at, PROTOCOLS, name)?;
    let mut messages = String::new();
    for (at, line) in &block.lines {
        let Line::Message([types, header, rest]) = line else {
            return Err(at.error("expected TYPE,... | HEADER | ATTRIBUTES"));
        };
        let header = match header.as_str() {
            "-" => "None".into(),
            header if known.types.has_layout(header) => {
                format!("Some(StructId::{})", camel_case(header))
            }
            header => return Err(at.error(format!("no layout `{header}`"))),
        };
        let rest = match rest.as_str() {
            "-" => "Bytes".into(),
            "none" => "Nothing".into(),
            "unnamed" => "Attributes(None)".into(),
            table => format!("Attributes(Some({}))", known.attributes(at, table)?),
        };
        for ty in types.split(',').map(str::trim) {
            let (ty, asks) = match (ty.strip_suffix('>'), ty.strip_suffix('<')) {
                (Some(ty), _) => (ty, "Some(true)"),
                (_, Some(ty)) => (ty, "Some(false)"),
                _ => (ty, "None"),
            };
            let (ty, family) = match ty.split_once('@') {
                Some((ty, name)) => {
                    let family = known.value(at, FAMILIES, name)?;
                    (ty, format!("Some({family})"))
                }
                None => (ty, "None".into()),
            };
            for (name, number) in known.numbers(at, set, ty)? {
                let verb = if get { "Get" } else { verb(name) };
                let _ = write!(
                    messages,
                    "Message {{ number: {number}, family: {family}, asks: {asks}, verb: Verb::{verb}, header: {header}, rest: Rest::{rest} }},"
                );
            }
        }
    }
    Ok(format!(
        "Protocol {{ number: {number}, types: SetId::{}, family: {family}, get: {get}, messages: &[{messages}] }}",
        camel_case(set)
    ))
}

/// What a message asks for, which decides about its flags.
fn verb(name: &str) -> &'static str {
    let has = |word: &str| name.split(['_', '|']).any(|part| part.starts_with(word));
    if has("NEW") {
        "New"
    } else if has("DEL") {
        "Del"
    } else if has("GET") {
        "Get"
    } else {
        "Other"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() -> Result<()> {
        assert!(matches!(line("A_B\tu8")?, Line::Pair(name, ty) if name == "A_B" && ty == "u8"));
        assert!(matches!(line("A,B | - | c")?, Line::Message([_, header, _]) if header == "-"));
        assert!(matches!(
            line("protocol A b family get")?,
            Line::Begin(What::Protocol {
                family: true,
                get: true,
                ..
            })
        ));
        assert!(line("whatever this is").is_err());
        Ok(())
    }

    #[test]
    fn names_tell_what_is_asked() {
        for (name, expected) in [
            ("RTM_NEWLINK", "New"),
            ("RTM_DELADDR", "Del"),
            ("CTRL_CMD_GETFAMILY", "Get"),
            ("RTM_SETLINK", "Other"),
            ("SOCK_DESTROY", "Other"),
        ] {
            assert_eq!(verb(name), expected, "{name}");
        }
    }
}
