//! Reads xtask/data/syscalls/variants.txt: arguments whose type, or being there at all, depends on another's value.
//!
//! A row is `SIGNATURE[,...] | TEST ... | ARGUMENT:TYPE ... [| WORD:TYPE]`. What the file's head tells is done here: values by name
//! become numbers, and each row becomes a whole list of arguments.
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::data::{Arg, At, Signature, Tables, Value, argument, rows};
use super::sets::{IOCTL_SET, Set, What};

pub struct Row {
    pub at: At,
    signatures: Vec<String>,
    tests: Vec<Test>,
    args: Vec<Arg>,
    ret: Option<Arg>,
    /// The rest as it is without the row.
    keeps_rest: bool,
    /// They are all, from the first on.
    from_first: bool,
}

#[derive(Clone, PartialEq)]
struct Test {
    arg: String,
    how: char,
    values: Vec<String>,
}

/// A row made whole for one signature.
pub struct Variant<'a> {
    pub tests: Vec<Resolved>,
    pub args: Vec<&'a Arg>,
    pub ret: Option<&'a Arg>,
}

#[derive(Clone)]
pub struct Resolved {
    pub arg: usize,
    pub how: char,
    pub mask: u64,
    pub values: Vec<u64>,
}

pub fn read(dir: &Path) -> Result<Vec<Row>> {
    let mut all = rows(dir, "syscalls/variants.txt", row)?;
    all.extend(rows(dir, "syscalls/variants_ioctl.txt", row)?);
    Ok(all)
}

fn row(at: At, line: &str) -> Result<Row> {
    let fields: Vec<&str> = line.split('|').map(str::trim).collect();
    let (names, tests, args, ret) = match fields[..] {
        [names, tests, args] => (names, tests, args, None),
        [names, tests, args, ret] => (names, tests, args, Some(argument(ret)?)),
        _ => bail!("expected signature,... | test ... | argument:type ... [| word:type]"),
    };
    let mut words: Vec<&str> = args.split_whitespace().collect();
    let keeps_rest = words.last() == Some(&"...");
    words.truncate(words.len() - usize::from(keeps_rest));
    let from_first = words.first() == Some(&"^");
    words.drain(..usize::from(from_first));
    Ok(Row {
        at,
        signatures: names.split(',').map(|n| n.trim().into()).collect(),
        tests: tests.split_whitespace().map(test).collect::<Result<_>>()?,
        args: words.into_iter().map(argument).collect::<Result<_>>()?,
        ret,
        keeps_rest,
        from_first,
    })
}

fn test(text: &str) -> Result<Test> {
    let at = text
        .find(['=', '&', '!'])
        .with_context(|| format!("`{text}` is not ARG=VALUES, ARG&FLAGS or ARG!FLAGS"))?;
    let (arg, rest) = text.split_at(at);
    let mut rest = rest.chars();
    Ok(Test {
        arg: arg.into(),
        how: rest.next().unwrap_or_default(),
        values: rest.as_str().split(',').map(Into::into).collect(),
    })
}

/// Every signature that a row names must exist.
pub fn check(tables: &Tables) -> Result<()> {
    for row in &tables.variants {
        for name in &row.signatures {
            if !tables.signatures.iter().any(|s| s.name == *name) {
                return Err(row.at.error(format!("no signature `{name}`")));
            }
        }
    }
    for signature in &tables.signatures {
        of(tables, signature)?;
    }
    Ok(())
}

/// The variants of a signature, those with more tests first.
pub fn of<'a>(tables: &'a Tables, signature: &'a Signature) -> Result<Vec<Variant<'a>>> {
    let mut rows: Vec<&Row> = tables
        .variants
        .iter()
        .filter(|r| r.signatures.contains(&signature.name))
        .collect();
    rows.sort_by_key(|r| std::cmp::Reverse(r.tests.len()));
    rows.into_iter()
        .map(|row| whole(tables, signature, row).map_err(|e| row.at.error(format!("{e:#}"))))
        .collect()
}

fn whole<'a>(tables: &'a Tables, signature: &'a Signature, row: &'a Row) -> Result<Variant<'a>> {
    let mut args: Vec<&Arg> = signature.args.iter().collect();
    // A row with two tests builds upon the row that has the first alone.
    if let [first, _] = &row.tests[..] {
        let of_first = |r: &&Row| {
            r.signatures.contains(&signature.name) && matches!(&r.tests[..], [t] if t == first)
        };
        if let Some(wider) = tables.variants.iter().find(of_first) {
            args = whole(tables, signature, wider)?.args;
        }
    }
    let mut tests = Vec::new();
    for test in &row.tests {
        tests.push(resolve(tables, &args, test)?);
    }
    let behind = tests.iter().map(|t| t.arg + 1).max().unwrap_or_default();
    let from = if row.from_first { 0 } else { behind };
    let rest = args.split_off(from);
    let kept = rest.into_iter().skip(row.args.len());
    args.extend(&row.args);
    if row.keeps_rest {
        args.extend(kept);
    }
    if args.len() > 6 {
        bail!("more than six arguments");
    }
    let rest = signature.args.iter().skip(args.len());
    let names: Vec<&str> = args
        .iter()
        .copied()
        .chain(rest)
        .map(|a| a.name.as_str())
        .collect();
    for name in args.iter().flat_map(|arg| arg.lengths()) {
        if !names.contains(&name) {
            bail!("no argument `{name}`, which is a length");
        }
    }
    Ok(Variant {
        tests,
        args,
        ret: row.ret.as_ref(),
    })
}

fn resolve(tables: &Tables, args: &[&Arg], test: &Test) -> Result<Resolved> {
    let arg = args.iter().position(|a| a.name == test.arg);
    let arg = arg.with_context(|| format!("no argument `{}`", test.arg))?;
    let set = args[arg].params.iter().find_map(|p| match p {
        Value::Set(name) => Some(name.as_str()),
        _ => None,
    });
    let set = set.or(match args[arg].ty.0 {
        "mode" => Some("file_mode_bits"),
        "qcmd" => Some("quotactl_cmd"),
        _ => None,
    });
    let (mut mask, mut values) = (None, Vec::new());
    for name in &test.values {
        let (of, found) = number(tables, set, name)?;
        if *mask.get_or_insert(of) != of {
            bail!("`{name}` is in other bits than what stands before it");
        }
        values.extend(found);
    }
    // Above the quota's type.
    if args[arg].ty.0 == "qcmd" {
        mask = Some(0xffff_ff00);
        values.iter_mut().for_each(|value| *value <<= 8);
    }
    if test.how != '=' {
        values = vec![values.iter().fold(0, |all, v| all | v)];
    }
    Ok(Resolved {
        arg,
        how: test.how,
        mask: mask.unwrap_or(u64::MAX),
        values,
    })
}

/// The bits that count and the values of a name; an ioctl may have one more on i386.
fn number(tables: &Tables, set: Option<&str>, name: &str) -> Result<(u64, Vec<u64>)> {
    if let Ok(number) = name.parse() {
        return Ok((0xffff_ffff, vec![number]));
    }
    let set = set.with_context(|| format!("`{name}`: the argument has no names"))?;
    if set == IOCTL_SET
        && let Some(pattern) = tables.patterns.iter().find(|p| p.name == name)
    {
        return Ok(pattern.numbers());
    }
    if set == IOCTL_SET {
        let found = tables.ioctls.iter().find(|i| i.name == name);
        let found = found.with_context(|| format!("no ioctl `{name}`"))?;
        let mut values = vec![u64::from(found.native), u64::from(found.i386)];
        values.dedup();
        return Ok((0xffff_ffff, values));
    }
    let find = |set: &str| tables.sets.iter().find(|s| s.name == set);
    let value = |set: &Set| set.values.iter().find(|v| v.name == name).map(|v| v.value);
    let set = find(set).with_context(|| format!("no set `{set}`"))?;
    let in_fields = set
        .before
        .iter()
        .chain(&set.after)
        .fold(0, |all, f| all | f.mask);
    if let Some(value) = value(set) {
        let whole = u64::MAX >> (64 - set.bits);
        let mask = if in_fields == 0 {
            whole
        } else {
            whole & !in_fields
        };
        return Ok((mask, vec![value]));
    }
    for field in set.before.iter().chain(&set.after) {
        if let What::Set(inner) = &field.what
            && let Some(value) = find(inner).and_then(value)
        {
            return Ok((field.mask, vec![value]));
        }
    }
    bail!("no `{name}` in set `{}`", set.name)
}
