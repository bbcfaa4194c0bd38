//! Reads xtask/data/ into plain structs. Shape is checked here (fields, numbers, known words); whether names that refer
//! to each other exist is checked in `check`. `#` starts a comment line; a blank line means nothing.
use std::collections::HashSet;
use std::fmt::Display;
use std::path::Path;
use std::rc::Rc;
use std::str::FromStr;

use anyhow::{Context as _, Result, anyhow, bail};

use super::grammar::{self, Param, TypeWord};
use super::inner;
use super::layouts::{self, Layout};
use super::netlink;
use super::sets::{self, Ioctl, Set};
use super::variants;

/// The ABIs in the order of `tables::Abi`: file stem and Rust name.
pub const ABIS: [(&str, &str); 3] = [("x86_64", "X86_64"), ("i386", "I386"), ("x32", "X32")];

/// Where a row came from, for messages.
#[derive(Clone)]
pub struct At {
    file: Rc<str>,
    line: usize,
}

impl At {
    pub fn error(&self, what: impl Display) -> anyhow::Error {
        anyhow!("{}:{}: {what}", self.file, self.line)
    }

    #[cfg(test)]
    pub fn nowhere() -> Self {
        Self {
            file: "f".into(),
            line: 1,
        }
    }
}

/// Everything under xtask/data/.
pub struct Tables {
    pub signatures: Vec<Signature>,
    pub abis: Vec<AbiTable>,
    pub variants: Vec<variants::Row>,
    pub inner: Vec<inner::Inner>,
    pub structs: Vec<Struct>,
    pub layouts: Vec<Layout>,
    pub errnos: Vec<Errno>,
    pub signals: Vec<Signal>,
    pub sets: Vec<Set>,
    pub ioctls: Vec<Ioctl>,
    pub patterns: Vec<sets::Pattern>,
    pub netlink: Vec<netlink::Block>,
}

pub struct AbiTable {
    pub rust: &'static str,
    pub calls: Vec<Call>,
    /// `number, name` of each __NR_ in the kernel's header.
    pub header: Vec<Call>,
}

pub struct Call {
    pub at: At,
    pub nr: u32,
    pub name: String,
    pub signature: String,
}

pub struct Signature {
    pub at: At,
    pub name: String,
    pub classes: Vec<&'static str>,
    pub ret: &'static str,
    pub args: Vec<Arg>,
    pub attrs: Vec<&'static str>,
}

pub struct Arg {
    pub name: String,
    pub ty: &'static TypeWord,
    pub params: Vec<Value>,
    pub at_enter: bool,
}

impl Arg {
    /// The arguments that say how much memory there is.
    pub fn lengths(&self) -> impl Iterator<Item = &str> {
        self.params.iter().filter_map(|param| match param {
            Value::Len(_, len) | Value::OptionalLen(_, Some(len)) => len.argument(),
            _ => None,
        })
    }
}

/// A type's parameter as written, sorted by what the grammar expects there.
pub enum Value {
    Set(String),
    Dir(&'static str),
    Struct(&'static str, String),
    Len(&'static str, Len),
    OptionalLen(&'static str, Option<Len>),
}

pub enum Len {
    Const(u32),
    Arg(String),
    Ret,
    RetMax(String),
    ArgPtr32(String),
    /// That many bytes behind where the argument points to.
    ArgPtr32At(String, u8),
    ArgPtr64(String),
    Pages(String),
}

impl Len {
    fn argument(&self) -> Option<&str> {
        match self {
            Self::Const(_) | Self::Ret => None,
            Self::Arg(name)
            | Self::RetMax(name)
            | Self::ArgPtr32(name)
            | Self::ArgPtr32At(name, _)
            | Self::ArgPtr64(name)
            | Self::Pages(name) => Some(name),
        }
    }
}

pub struct Struct {
    pub at: At,
    pub name: String,
    /// Bytes per ABI, in the order of `ABIS`.
    pub sizes: [u32; 3],
}

pub struct Errno {
    pub at: At,
    pub nr: u32,
    pub name: String,
    pub message: String,
}

pub struct Signal {
    pub at: At,
    pub nr: u32,
    pub name: String,
}

impl Tables {
    pub fn read(dir: &Path) -> Result<Self> {
        Ok(Self {
            signatures: rows(dir, "syscalls/signatures.txt", signature)?,
            abis: ABIS
                .iter()
                .map(|(stem, rust)| abi(dir, stem, rust))
                .collect::<Result<_>>()?,
            variants: variants::read(dir)?,
            inner: inner::read(dir)?,
            structs: {
                let mut all = rows(dir, "structs.txt", structure)?;
                all.extend(rows(dir, "structs_ioctl.txt", structure)?);
                all
            },
            layouts: layouts::read(dir)?,
            errnos: rows(dir, "errno.txt", errno)?,
            signals: rows(dir, "signals.txt", signal)?,
            sets: sets::read(dir)?,
            ioctls: sets::read_ioctls(dir)?,
            patterns: sets::read_patterns(dir)?,
            netlink: netlink::read(dir)?,
        })
    }
}

fn abi(dir: &Path, stem: &str, rust: &'static str) -> Result<AbiTable> {
    let calls = rows(dir, &format!("syscalls/{stem}.tbl"), call)?;
    let header = rows(dir, &format!("syscalls/headers/{stem}.txt"), call)?;
    Ok(AbiTable {
        rust,
        calls,
        header,
    })
}

/// The rows of one file, each made by `parse`, whose errors get the place put in front.
pub fn rows<T>(dir: &Path, file: &str, parse: impl Fn(At, &str) -> Result<T>) -> Result<Vec<T>> {
    let path = dir.join(file);
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let shown: Rc<str> = format!("xtask/data/{file}").into();
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#'));
    lines
        .map(|(i, line)| {
            let at = At {
                file: shown.clone(),
                line: i + 1,
            };
            parse(at.clone(), line).map_err(|e| at.error(e))
        })
        .collect()
}

/// Fails at the first name that an earlier row has too.
pub fn unique<'a, T: std::hash::Hash + Eq + std::fmt::Display>(
    rows: impl Iterator<Item = (T, &'a At)>,
) -> Result<()> {
    let mut seen = HashSet::new();
    for (name, at) in rows {
        let error = at.error(format!("`{name}` is listed twice"));
        if !seen.insert(name) {
            return Err(error);
        }
    }
    Ok(())
}

fn number<T: FromStr>(text: &str) -> Result<T> {
    text.parse()
        .map_err(|_| anyhow!("`{text}` is not a number in range"))
}

fn call(at: At, line: &str) -> Result<Call> {
    let fields: Vec<&str> = line.split('\t').collect();
    let (nr, name, signature) = match fields[..] {
        [nr, name] => (nr, name, name),
        [nr, name, signature] => (nr, name, signature),
        _ => bail!("expected number<TAB>name[<TAB>signature]"),
    };
    Ok(Call {
        at,
        nr: number(nr)?,
        name: name.into(),
        signature: signature.into(),
    })
}

fn structure(at: At, line: &str) -> Result<Struct> {
    let [name, a, b, c] = line.split('\t').collect::<Vec<_>>()[..] else {
        bail!("expected name<TAB>x86_64 size<TAB>i386 size<TAB>x32 size");
    };
    Ok(Struct {
        at,
        name: name.into(),
        sizes: [number(a)?, number(b)?, number(c)?],
    })
}

fn errno(at: At, line: &str) -> Result<Errno> {
    let [nr, name, message] = line.split('\t').collect::<Vec<_>>()[..] else {
        bail!("expected number<TAB>name<TAB>message");
    };
    Ok(Errno {
        at,
        nr: number(nr)?,
        name: name.into(),
        message: message.into(),
    })
}

fn signal(at: At, line: &str) -> Result<Signal> {
    let (nr, name) = line.split_once('\t').context("expected number<TAB>name")?;
    Ok(Signal {
        at,
        nr: number(nr)?,
        name: name.into(),
    })
}

fn signature(at: At, line: &str) -> Result<Signature> {
    let fields: Vec<&str> = line.split('|').map(str::trim).collect();
    let (&[name, classes, ret, args], rest) = fields
        .split_first_chunk()
        .context("expected name | classes | ret | args")?;
    let ([] | [_]) = rest else {
        bail!("more than five fields")
    };
    let attrs = rest.first().copied().unwrap_or_default();
    let classes = if classes == "-" { "" } else { classes };
    Ok(Signature {
        at,
        name: name.into(),
        classes: words("class", grammar::CLASSES, classes)?,
        ret: grammar::lookup(grammar::RETS, ret)
            .with_context(|| format!("unknown return kind `{ret}`"))?,
        args: args
            .split_whitespace()
            .map(argument)
            .collect::<Result<_>>()?,
        attrs: words("attribute", grammar::ATTRS, attrs)?,
    })
}

fn words(kind: &str, known: &[(&str, &'static str)], list: &str) -> Result<Vec<&'static str>> {
    let each = list.split(',').map(str::trim).filter(|w| !w.is_empty());
    each.map(|w| grammar::lookup(known, w).with_context(|| format!("unknown {kind} `{w}`")))
        .collect()
}

/// `NAME:TYPE[@enter]`
pub fn argument(text: &str) -> Result<Arg> {
    let (name, ty) = text
        .split_once(':')
        .with_context(|| format!("`{text}` is not name:type"))?;
    let (ty, at_enter) = ty
        .strip_suffix("@enter")
        .map_or((ty, false), |ty| (ty, true));
    let (word, inner) = match ty.split_once('(') {
        Some((word, rest)) => (
            word,
            rest.strip_suffix(')')
                .with_context(|| format!("`{ty}` has no closing parenthesis"))?,
        ),
        None => (ty, ""),
    };
    let ty =
        grammar::type_word(word).with_context(|| format!("unknown type `{word}` of `{name}`"))?;
    let params = parameters(ty, inner).with_context(|| format!("type of `{name}`"));
    Ok(Arg {
        name: name.into(),
        ty,
        params: params.map_err(|e| anyhow!("{e:#}"))?,
        at_enter,
    })
}

fn parameters(ty: &TypeWord, inner: &str) -> Result<Vec<Value>> {
    let given = split_commas(inner);
    if given.len() > ty.2.len() {
        bail!("`{}` takes at most {} parameters", ty.0, ty.2.len());
    }
    let value = |(i, param): (usize, &Param)| parameter(*param, given.get(i).copied());
    ty.2.iter().enumerate().map(value).collect()
}

fn parameter(param: Param, text: Option<&str>) -> Result<Value> {
    if let Param::OptionalLen(field) = param {
        return Ok(Value::OptionalLen(field, text.map(length).transpose()?));
    }
    let text = text.context("a parameter is missing")?;
    Ok(match param {
        Param::Set => Value::Set(text.into()),
        Param::Dir => Value::Dir(
            grammar::lookup(grammar::DIRS, text)
                .with_context(|| format!("unknown direction `{text}`"))?,
        ),
        Param::Struct(field) => Value::Struct(field, text.into()),
        Param::Len(field) | Param::OptionalLen(field) => Value::Len(field, length(text)?),
    })
}

fn length(text: &str) -> Result<Len> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(Len::Const(number(text)?));
    }
    let capped = text
        .strip_prefix("min(ret,")
        .and_then(|t| t.strip_suffix(')'));
    let pages = text
        .strip_prefix("pages(")
        .and_then(|t| t.strip_suffix(')'));
    if let Some(arg) = pages {
        return Ok(Len::Pages(arg.into()));
    }
    Ok(match (text, capped) {
        ("ret", _) => Len::Ret,
        (_, Some(arg)) => Len::RetMax(arg.into()),
        _ => match (text.strip_prefix("**"), text.strip_prefix('*')) {
            (Some(arg), _) => Len::ArgPtr64(arg.into()),
            (_, Some(arg)) => match arg.split_once('+') {
                Some((arg, at)) => Len::ArgPtr32At(arg.into(), at.parse()?),
                None => Len::ArgPtr32(arg.into()),
            },
            _ => Len::Arg(text.into()),
        },
    })
}

/// Splits at commas outside parentheses.
fn split_commas(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let outside = |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    };
    if text.is_empty() {
        Vec::new()
    } else {
        text.split(outside).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_signatures_parse() -> Result<()> {
        let row = signature(
            At::nowhere(),
            "x | file,desc | size | fd:fd b:buf(out,min(ret,n)) n:size p:path@enter | exec",
        )?;
        assert_eq!(row.args.len(), 4);
        assert!(row.args[3].at_enter);
        assert_eq!(row.attrs, ["EXEC"]);
        assert!(matches!(&row.args[1].params[1], Value::Len("len", Len::RetMax(n)) if n == "n"));
        Ok(())
    }

    #[test]
    fn bad_signatures_say_why() {
        let cases = [
            ("x | file", "expected name | classes"),
            ("x | fil | int |", "unknown class `fil`"),
            ("x | - | nothing |", "unknown return kind"),
            ("x | - | int | a", "not name:type"),
            ("x | - | int | a:wat", "unknown type `wat`"),
            ("x | - | int | a:buf(out)", "a parameter is missing"),
            ("x | - | int | a:buf(up,1)", "unknown direction"),
            ("x | - | int | a:buf(in,1,2)", "at most 2"),
            ("x | - | int | a:buf(in,1", "no closing parenthesis"),
            ("x | - | int | | what", "unknown attribute"),
        ];
        for (line, expected) in cases {
            let error = signature(At::nowhere(), line)
                .err()
                .map(|e| format!("{e:#}"))
                .unwrap_or_default();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
