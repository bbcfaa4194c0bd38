//! Reads xtask/data/sets/ and checks what its rows say about each other: sets of symbolic constants and the ioctl numbers.
//!
//! A file is a family of sets. `set NAME flags|enum UNKNOWN [BITS]` begins one. UNKNOWN is the comment after a value
//! without a name; `-` for a bare hexadecimal number, `decimal` for a bare signed one, `decimal,COMMENT` for one with the comment. BITS is how many bits of an
//! argument count, 32 when not said; then perhaps `apart`, where strace shows fields and flags as numbers of their own. Then rows of NAME, a tab, VALUE in the order of printing, and `field MASK WHAT`: bits
//! that are no flags but one value. Fields before the rows are printed first, those after them last. WHAT is an enum set,
//! `signal`, `decimal`, `octal`, `shift NAME` for a number printed as N<<NAME, or `SET shift NAME` for one value of the set that
//! is printed so.
use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};

use super::data::{At, rows, unique};

/// The set that ioctl.txt fills.
pub const IOCTL_SET: &str = "ioctl_request";

const IOCTL_FILE: &str = "sets/ioctl.txt";

pub struct Set {
    pub at: At,
    pub name: String,
    pub kind: Kind,
    pub unknown: Unknown,
    pub bits: u32,
    pub apart: bool,
    pub remarked: bool,
    pub before: Vec<Field>,
    pub values: Vec<Value>,
    pub after: Vec<Field>,
}

/// What is printed for what has no name.
pub enum Unknown {
    Comment(String),
    Hex,
    Decimal,
    /// Signed decimal, with the comment.
    Numbered(String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Flags,
    Enum,
}

pub struct Field {
    pub at: At,
    pub mask: u64,
    pub what: What,
}

#[derive(Debug, PartialEq)]
pub enum What {
    Set(String),
    /// The same; a value without a name counts as flags.
    Joins(String),
    Signal,
    Decimal,
    Octal,
    Shift(String),
    /// One value of a set, shifted.
    Moved(String, String),
}

pub struct Value {
    pub at: At,
    pub name: String,
    pub value: u64,
}

/// One ioctl, `i386` differing where the struct behind it does.
pub struct Ioctl {
    pub name: String,
    pub native: u32,
    pub i386: u32,
}

/// A request with parameters in its number.
pub struct Pattern {
    pub name: String,
    /// `r`, `w` or `R`.
    pub direction: char,
    pub kind: u8,
    pub first: u8,
    pub last: u8,
    pub parts: Vec<String>,
}

impl Pattern {
    /// What the two highest bits may be.
    pub fn directions(&self) -> &'static [u32] {
        match self.direction {
            'r' => &[2],
            'w' => &[1],
            _ => &[2, 3],
        }
    }

    /// The bits that are no parameters, and their values for every number.
    pub fn numbers(&self) -> (u64, Vec<u64>) {
        let number = |direction: u32, nr: u8| {
            u64::from(direction << 30 | u32::from(self.kind) << 8 | u32::from(nr))
        };
        let of = |&direction: &u32| (self.first..=self.last).map(move |nr| number(direction, nr));
        (0xc000_ffff, self.directions().iter().flat_map(of).collect())
    }
}

pub fn read_patterns(dir: &Path) -> Result<Vec<Pattern>> {
    rows(dir, "ioctl_patterns.txt", |_, text| pattern(text))
}

fn pattern(text: &str) -> Result<Pattern> {
    let fields: Vec<&str> = text.split('|').map(str::trim).collect();
    let [name, what, parts] = fields[..] else {
        bail!("expected name | direction type first[-last] | part ...");
    };
    let words: Vec<&str> = what.split_whitespace().collect();
    let ([direction @ ("r" | "w" | "R"), kind, range], true) = (&words[..], !parts.is_empty())
    else {
        bail!("expected r, w or R, a type and numbers, and parts");
    };
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let byte = |text: &str| number(text).and_then(|n| Ok(u8::try_from(n)?));
    Ok(Pattern {
        name: name.into(),
        direction: direction.chars().next().unwrap_or_default(),
        kind: byte(kind)?,
        first: byte(first)?,
        last: byte(last)?,
        parts: parts.split_whitespace().map(Into::into).collect(),
    })
}

pub fn read(dir: &Path) -> Result<Vec<Set>> {
    let mut sets = Vec::new();
    for file in files(dir)? {
        for line in rows(dir, &file, line)? {
            add(&mut sets, line)?;
        }
    }
    for set in &mut sets {
        if set.kind == Kind::Enum {
            set.values.sort_by_key(|v| v.value);
        }
    }
    Ok(sets)
}

pub fn read_ioctls(dir: &Path) -> Result<Vec<Ioctl>> {
    rows(dir, IOCTL_FILE, |_, text| ioctl(text))
}

fn files(dir: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(dir.join("sets")).context("listing xtask/data/sets")?;
    let names = entries.map(|e| Ok(format!("sets/{}", e?.file_name().to_string_lossy())));
    let mut names: Vec<String> = names.collect::<Result<_>>()?;
    names.retain(|n| n.ends_with(".txt") && n != IOCTL_FILE);
    names.sort();
    Ok(names)
}

enum Line {
    Set(Set),
    Field(Field),
    /// The value is cut to the bits of its set later on.
    Value(Value),
}

fn add(sets: &mut Vec<Set>, line: Line) -> Result<()> {
    let set = match line {
        Line::Set(set) => {
            sets.push(set);
            return Ok(());
        }
        Line::Field(Field { ref at, .. }) | Line::Value(Value { ref at, .. }) => sets
            .last_mut()
            .ok_or_else(|| at.error("a `set` line must come first"))?,
    };
    match line {
        Line::Field(field) if set.values.is_empty() => set.before.push(field),
        Line::Field(field) => set.after.push(field),
        Line::Value(value) if !set.after.is_empty() => {
            bail!(value.at.error("a name after the last fields"))
        }
        Line::Value(mut value) => {
            value.value = cut(value.value, set.bits).map_err(|e| value.at.error(e))?;
            set.values.push(value);
        }
        Line::Set(_) => {}
    }
    Ok(())
}

/// A negative number keeps its low bits; a positive one must fit.
fn cut(value: u64, bits: u32) -> Result<u64> {
    let mask = u64::MAX >> (64 - bits);
    if value & !mask != 0 && value | mask != u64::MAX {
        bail!("{value:#x} has more than {bits} bits");
    }
    Ok(value & mask)
}

fn line(at: At, text: &str) -> Result<Line> {
    let mut words: Vec<&str> = match text.split_once('\t') {
        // Names may have spaces within.
        Some((name, value)) if !value.contains('\t') => vec![name, value.trim()],
        _ => text.split_whitespace().collect(),
    };
    let mut ends_with = |word: &str| {
        let found = words.first() == Some(&"set") && words.last() == Some(&word);
        words.truncate(words.len() - usize::from(found));
        found
    };
    let remarked = ends_with("remarked");
    let how = (ends_with("apart"), remarked);
    Ok(match words[..] {
        ["set", name, kind, unknown] => Line::Set(set(at, name, kind, unknown, 32, how)?),
        ["set", name, kind, unknown, bits] => {
            let bits = number(bits)?;
            if ![8, 16, 32, 64].contains(&bits) {
                bail!("a set has 8, 16, 32 or 64 bits");
            }
            // One of the three above.
            Line::Set(set(at, name, kind, unknown, bits as u32, how)?)
        }
        ["field", mask, ref what @ ..] => Line::Field(Field {
            at,
            mask: number(mask)?,
            what: field(what)?,
        }),
        [name, value] => Line::Value(Value {
            at,
            name: name.into(),
            value: number(value)?,
        }),
        _ => bail!("expected `set`, `field` or name<TAB>value"),
    })
}

fn set(
    at: At,
    name: &str,
    kind: &str,
    unknown: &str,
    bits: u32,
    (apart, remarked): (bool, bool),
) -> Result<Set> {
    Ok(Set {
        at,
        name: name.into(),
        kind: match kind {
            "flags" => Kind::Flags,
            "enum" => Kind::Enum,
            _ => bail!("a set is `flags` or `enum`, not `{kind}`"),
        },
        unknown: match unknown {
            "-" => Unknown::Hex,
            "decimal" => Unknown::Decimal,
            numbered if let Some(comment) = numbered.strip_prefix("decimal,") => {
                Unknown::Numbered(comment.into())
            }
            comment => Unknown::Comment(comment.into()),
        },
        bits,
        apart,
        remarked,
        before: Vec::new(),
        values: Vec::new(),
        after: Vec::new(),
    })
}

fn field(what: &[&str]) -> Result<What> {
    Ok(match what {
        ["signal"] => What::Signal,
        ["decimal"] => What::Decimal,
        ["octal"] => What::Octal,
        ["shift", name] => What::Shift((*name).into()),
        [set, "shift", name] => What::Moved((*set).into(), (*name).into()),
        [set, "joins"] => What::Joins((*set).into()),
        [set] => What::Set((*set).into()),
        _ => bail!(
            "expected field MASK and one of SET, SET joins, SET shift NAME, signal, decimal, octal, shift NAME"
        ),
    })
}

/// Decimal, 0x hexadecimal or 0 octal; negative numbers in two's complement.
fn number(text: &str) -> Result<u64> {
    let (digits, negative) = text.strip_prefix('-').map_or((text, false), |t| (t, true));
    let parsed = match (digits.strip_prefix("0x"), digits.strip_prefix('0')) {
        (Some(hex), _) => u64::from_str_radix(hex, 16),
        (None, Some(octal)) if !octal.is_empty() => u64::from_str_radix(octal, 8),
        _ => digits.parse(),
    };
    let value = parsed.map_err(|_| anyhow!("`{text}` is not a number in range"))?;
    Ok(if negative {
        value.wrapping_neg()
    } else {
        value
    })
}

fn ioctl(text: &str) -> Result<Ioctl> {
    let words: Vec<&str> = text.split('\t').collect();
    let (name, native, i386) = match words[..] {
        [name, native] => (name, native, native),
        [name, native, i386] => (name, native, i386),
        _ => bail!("expected name<TAB>number[<TAB>number on i386]"),
    };
    Ok(Ioctl {
        name: name.into(),
        native: u32::try_from(number(native)?)?,
        i386: u32::try_from(number(i386)?)?,
    })
}

pub fn check(sets: &[Set]) -> Result<()> {
    unique(sets.iter().map(|s| (&s.name, &s.at)))?;
    let kinds: HashMap<&str, Kind> = sets.iter().map(|s| (s.name.as_str(), s.kind)).collect();
    for set in sets {
        unique(set.values.iter().map(|v| (&v.name, &v.at)))?;
        match set.kind {
            Kind::Flags => check_flags(set, &kinds)?,
            Kind::Enum => check_enum(set)?,
        }
    }
    Ok(())
}

fn check_enum(set: &Set) -> Result<()> {
    let mut seen = HashSet::new();
    if !set.before.is_empty() || !set.after.is_empty() {
        return Err(set.at.error("an enum has no fields"));
    }
    match set.values.iter().find(|v| !seen.insert(v.value)) {
        Some(v) => Err(v
            .at
            .error(format!("{} is {:#x}, as another is", v.name, v.value))),
        None => Ok(()),
    }
}

fn check_flags(set: &Set, kinds: &HashMap<&str, Kind>) -> Result<()> {
    let mut taken = 0;
    for Field { at, mask, what } in set.before.iter().chain(&set.after) {
        if mask & taken != 0 || set.values.iter().any(|v| v.value & mask != 0) {
            return Err(at.error("other fields or names have bits of this field"));
        }
        taken |= mask;
        if let What::Set(name) | What::Moved(name, _) = what
            && kinds.get(name.as_str()) != Some(&Kind::Enum)
        {
            return Err(at.error(format!("no enum set `{name}`")));
        }
    }
    for (i, late) in set.values.iter().enumerate() {
        let hides = |v: &&Value| v.value & late.value == v.value && v.value != 0;
        if let Some(early) = set.values[..i].iter().find(hides) {
            return Err(late.at.error(format!(
                "{} is never found: its part {} comes first",
                late.name, early.name
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(lines: &[&str]) -> Result<Vec<Set>> {
        let mut sets = Vec::new();
        for text in lines {
            add(&mut sets, line(At::nowhere(), text)?)?;
        }
        check(&sets)?;
        Ok(sets)
    }

    #[test]
    fn fields_go_before_or_after_the_names() -> Result<()> {
        let sets = parse(&[
            "set base enum B_???",
            "B_NEG\t-1",
            "set all flags A_??? 64",
            "field 0xf base",
            "A_X\t0x10",
            "field 0700 shift A_SHIFT",
        ])?;
        assert_eq!(sets[0].values[0].value, 0xffff_ffff);
        assert_eq!((sets[1].before.len(), sets[1].after.len()), (1, 1));
        assert_eq!(sets[1].after[0].mask, 0o700);
        assert_eq!(sets[1].after[0].what, What::Shift("A_SHIFT".into()));
        Ok(())
    }

    #[test]
    fn bad_sets_say_why() {
        let cases: [(&[&str], &str); 9] = [
            (&["A\t1"], "a `set` line must come first"),
            (&["set s both A_???"], "not `both`"),
            (&["set s flags A_??? 31"], "16, 32 or 64 bits"),
            (&["set s flags -", "A\tx"], "`x` is not a number"),
            (&["set s flags -", "A\t0x100000000"], "more than 32 bits"),
            (&["set s enum -", "A\t1", "B\t1"], "as another is"),
            (&["set s flags -", "A\t1", "B\t3"], "its part A comes first"),
            (
                &["set s flags -", "field 3 base", "A\t4"],
                "no enum set `base`",
            ),
            (
                &["set s flags -", "field 3 decimal", "A\t2"],
                "bits of this field",
            ),
        ];
        for (lines, expected) in cases {
            let error = parse(lines).err().map(|e| format!("{e:#}"));
            let error = error.unwrap_or_default();
            assert!(error.contains(expected), "{lines:?}: {error}");
        }
    }

    #[test]
    fn ioctls_have_one_or_two_numbers() -> Result<()> {
        let both = ioctl("A\t0x10\t0x8")?;
        assert_eq!((both.native, both.i386), (16, 8));
        assert_eq!(ioctl("A\t0x10")?.i386, 16);
        assert!(ioctl("A").is_err());
        Ok(())
    }
}
