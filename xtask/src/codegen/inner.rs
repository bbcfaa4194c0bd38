//! Reads xtask/data/syscalls/inner.txt: calls that are several in one, and where the arguments of each of them are.
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::data::{At, Tables, Value, rows};

pub struct Inner {
    pub at: At,
    pub outer: String,
    value: String,
    pub name: String,
    pub signature: String,
    places: Vec<Place>,
}

enum Place {
    Register(u8),
    Word(u8),
}

pub fn read(dir: &Path) -> Result<Vec<Inner>> {
    rows(dir, "syscalls/inner.txt", row)
}

fn row(at: At, line: &str) -> Result<Inner> {
    let fields: Vec<&str> = line.split('|').map(str::trim).collect();
    let [outer, value, name, places] = fields[..] else {
        bail!("expected call | value | name[:signature] | place ...");
    };
    let (name, signature) = name.split_once(':').unwrap_or((name, name));
    Ok(Inner {
        at,
        outer: outer.into(),
        value: value.into(),
        name: name.into(),
        signature: signature.into(),
        places: places
            .split_whitespace()
            .map(place)
            .collect::<Result<_>>()?,
    })
}

fn place(word: &str) -> Result<Place> {
    let (kind, n) = word.split_at_checked(1).unwrap_or_default();
    let n = n.parse().ok().filter(|n| *n < 6);
    match (kind, n) {
        ("r", Some(n)) => Ok(Place::Register(n)),
        ("w", Some(n)) => Ok(Place::Word(n)),
        _ => bail!("`{word}` is neither rN nor wN"),
    }
}

/// Names that a row refers to exist, and each call has a place for every argument.
pub fn check(tables: &Tables) -> Result<()> {
    for row in &tables.inner {
        value(tables, row).map_err(|e| row.at.error(format!("{e:#}")))?;
        let known = tables.signatures.iter().find(|s| s.name == row.signature);
        let Some(signature) = known else {
            return Err(row.at.error(format!("no signature `{}`", row.signature)));
        };
        if signature.args.len() != row.places.len() {
            return Err(row.at.error("a place for each argument is needed"));
        }
    }
    Ok(())
}

fn value(tables: &Tables, row: &Inner) -> Result<Option<u64>> {
    if row.value == "-" {
        return Ok(None);
    }
    if let Some(hex) = row.value.strip_prefix("0x") {
        return Ok(Some(u64::from_str_radix(hex, 16)?));
    }
    let outer = tables.signatures.iter().find(|s| s.name == row.outer);
    let outer = outer.with_context(|| format!("no signature `{}`", row.outer))?;
    let set = outer.args.first().and_then(|arg| arg.params.first());
    let Some(Value::Set(set)) = set else {
        bail!("the first argument of `{}` has no names", row.outer);
    };
    let set = tables.sets.iter().find(|s| s.name == *set);
    let found = set.and_then(|set| set.values.iter().find(|v| v.name == row.value));
    let found = found.with_context(|| format!("no `{}`", row.value))?;
    Ok(Some(found.value))
}

/// The name of the call that is made.
fn outer_name<'a>(tables: &'a Tables, row: &Inner) -> Result<&'a str> {
    let mut calls = tables.abis.iter().flat_map(|abi| &abi.calls);
    let made = calls.find(|call| call.signature == row.outer);
    Ok(&made
        .with_context(|| format!("no call `{}`", row.outer))?
        .name)
}

/// The table, by what names the row of a call.
pub fn emit(
    out: &mut String,
    tables: &Tables,
    row_name: impl Fn(&str, &str) -> String,
) -> Result<()> {
    let _ = writeln!(
        out,
        "/// Calls that are several in one.\npub static INNER: [Inner; {}] = [",
        tables.inner.len()
    );
    for row in &tables.inner {
        let places: String = row
            .places
            .iter()
            .map(|place| match place {
                Place::Register(n) => format!("Place::Register({n}),"),
                Place::Word(n) => format!("Place::Word({n}),"),
            })
            .collect();
        let _ = writeln!(
            out,
            "Inner {{ outer: {:?}, value: {:?}, call: &{}, places: &[{places}] }},",
            outer_name(tables, row)?,
            value(tables, row)?,
            row_name(&row.name, &row.signature)
        );
    }
    out.push_str("];\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_where_each_argument_is() {
        let read = |line| row(At::nowhere(), line);
        let inner = read("ipc | SEMCTL | semctl:other | r1 w2").expect("good");
        assert_eq!(
            (inner.name.as_str(), inner.signature.as_str()),
            ("semctl", "other")
        );
        assert!(matches!(
            inner.places[..],
            [Place::Register(1), Place::Word(2)]
        ));
        for bad in [
            "ipc | SEMOP | semop",
            "ipc | SEMOP | semop | r6",
            "ipc | SEMOP | semop | 1",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
