//! What must hold between the rows of xtask/data/ before code is made of them.
use std::collections::{HashMap, HashSet};

use anyhow::{Result, bail};

use super::data::{AbiTable, Arg, At, Call, Len, Signature, Struct, Tables, Value, unique};
use super::emit::camel_case;
use super::grammar;
use super::inner;
use super::sets;
use super::variants;

/// Registers that carry system call arguments.
const MAX_ARGS: usize = 6;

pub fn check(tables: &Tables) -> Result<()> {
    unique(tables.signatures.iter().map(|s| (&s.name, &s.at)))?;
    unique(tables.structs.iter().map(|s| (camel_case(&s.name), &s.at)))?;
    ascending(tables.errnos.iter().map(|e| (e.nr, &e.at)))?;
    unique(tables.errnos.iter().map(|e| (&e.name, &e.at)))?;
    ascending(tables.signals.iter().map(|s| (s.nr, &s.at)))?;
    sets::check(&tables.sets)?;
    sets_exist(tables)?;
    let structs: HashMap<&str, &Struct> = tables
        .structs
        .iter()
        .map(|s| (s.name.as_str(), s))
        .collect();
    for signature in &tables.signatures {
        check_signature(signature, &structs)?;
    }
    variants::check(tables)?;
    inner::check(tables)?;
    let signatures: HashSet<&str> = tables.signatures.iter().map(|s| s.name.as_str()).collect();
    for abi in &tables.abis {
        check_abi(abi, &signatures)?;
    }
    nothing_unused(tables)
}

/// Rows in order are unique too, and diffs of them stay readable.
fn ascending<'a>(rows: impl Iterator<Item = (u32, &'a At)>) -> Result<()> {
    let mut last = None;
    for (nr, at) in rows {
        if last.is_some_and(|last| last >= nr) {
            return Err(at.error(format!("{nr} is out of order or listed twice")));
        }
        last = Some(nr);
    }
    Ok(())
}

fn check_abi(abi: &AbiTable, signatures: &HashSet<&str>) -> Result<()> {
    ascending(abi.calls.iter().map(|c| (c.nr, &c.at)))?;
    unique(abi.calls.iter().map(|c| (&c.name, &c.at)))?;
    if let Some(call) = abi
        .calls
        .iter()
        .find(|c| !signatures.contains(c.signature.as_str()))
    {
        return Err(call.at.error(format!(
            "no signature `{}` in signatures.txt",
            call.signature
        )));
    }
    let rows: HashMap<u32, &Call> = abi.calls.iter().map(|c| (c.nr, c)).collect();
    for wanted in &abi.header {
        if rows
            .get(&wanted.nr)
            .is_none_or(|row| row.name != wanted.name)
        {
            bail!(wanted.at.error(format!(
                "{} {} has no row in the {} table",
                wanted.nr, wanted.name, abi.rust
            )));
        }
    }
    Ok(())
}

fn sets_exist(tables: &Tables) -> Result<()> {
    let known: HashSet<&str> = tables.sets.iter().map(|s| s.name.as_str()).collect();
    for signature in &tables.signatures {
        for param in signature.args.iter().flat_map(|a| &a.params) {
            if let Value::Set(set) = param
                && set != sets::IOCTL_SET
                && !known.contains(set.as_str())
            {
                let error = format!("no set `{set}` in xtask/data/sets");
                return Err(signature.at.error(error));
            }
        }
    }
    Ok(())
}

fn nothing_unused(tables: &Tables) -> Result<()> {
    let used: HashSet<&str> = tables
        .abis
        .iter()
        .flat_map(|a| &a.calls)
        .map(|c| c.signature.as_str())
        .chain(tables.inner.iter().map(|inner| inner.signature.as_str()))
        .collect();
    match tables
        .signatures
        .iter()
        .find(|s| !used.contains(s.name.as_str()))
    {
        Some(signature) => Err(signature.at.error(format!(
            "no ABI has a call with signature `{}`",
            signature.name
        ))),
        None => Ok(()),
    }
}

fn check_signature(signature: &Signature, structs: &HashMap<&str, &Struct>) -> Result<()> {
    let at = &signature.at;
    if signature.args.len() > MAX_ARGS {
        return Err(at.error(format!(
            "{} arguments, a call has at most {MAX_ARGS}",
            signature.args.len()
        )));
    }
    unique(signature.args.iter().map(|a| (&a.name, at)))?;
    for (i, arg) in signature.args.iter().enumerate() {
        let next = signature.args.get(i + 1);
        if grammar::SPLIT.contains(&arg.ty.0) && next.is_none_or(|n| n.ty.0 != "unused") {
            return Err(at.error(format!(
                "`{}` is split: the next argument must be `unused`",
                arg.name
            )));
        }
        if arg.at_enter && !is_read_only(arg) {
            return Err(at.error(format!(
                "`{}`: @enter is for what the kernel only reads",
                arg.name
            )));
        }
        for value in &arg.params {
            check_value(value, signature, structs)
                .map_err(|e| at.error(format!("`{}`: {e}", arg.name)))?;
        }
    }
    Ok(())
}

fn is_read_only(arg: &Arg) -> bool {
    grammar::READ_ONLY.contains(&arg.ty.0)
        || arg.params.iter().any(|p| matches!(p, Value::Dir("In")))
}

fn check_value(
    value: &Value,
    signature: &Signature,
    structs: &HashMap<&str, &Struct>,
) -> Result<()> {
    match value {
        Value::Struct(_, name) if !structs.contains_key(name.as_str()) => {
            bail!("no struct `{name}` in structs.txt")
        }
        Value::Len(_, len) | Value::OptionalLen(_, Some(len)) => check_length(len, signature),
        _ => Ok(()),
    }
}

fn check_length(len: &Len, signature: &Signature) -> Result<()> {
    let (name, wants_pointer) = match len {
        Len::Const(_) | Len::Ret => return Ok(()),
        Len::Arg(name) | Len::RetMax(name) | Len::Pages(name) => (name, false),
        Len::ArgPtr32(name) | Len::ArgPtr32At(name, _) | Len::ArgPtr64(name) => (name, true),
    };
    let Some(arg) = signature.args.iter().find(|a| a.name == *name) else {
        bail!("no argument `{name}` to take the length from");
    };
    let fits = if wants_pointer {
        arg.ty.0 == "struct"
    } else {
        grammar::COUNTS.contains(&arg.ty.0)
    };
    if !fits {
        bail!("`{name}` is `{}`, which holds no length", arg.ty.0);
    }
    Ok(())
}
