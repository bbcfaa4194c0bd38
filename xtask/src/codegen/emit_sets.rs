//! The text of generated/sets.rs and generated/ioctls.rs.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::data::Tables;
use super::emit::{HEAD, camel_case, id_enum};
use super::sets::{Field, IOCTL_SET, Ioctl, Kind, Set, Unknown, What};

/// Sets by name, so that a new one moves as few lines as possible.
pub fn sets(tables: &Tables) -> String {
    let by_name: BTreeMap<&str, &Set> = tables.sets.iter().map(|s| (s.name.as_str(), s)).collect();
    let mut names: Vec<&str> = by_name.keys().copied().collect();
    names.push(IOCTL_SET);
    let mut out = format!(
        "{HEAD}//! Sets of symbolic constants that arguments and struct members are made of.\nuse crate::tables::{{Field, FieldKind, Set, SetKind, Unknown}};\n\n"
    );
    id_enum(
        &mut out,
        "SetId",
        "A set of symbolic constants, as `flags(SET)` or `enum(SET)` name it.",
        &names,
    );
    let _ = writeln!(
        out,
        "/// By `SetId`.\npub static SETS: [Set; {}] = [",
        names.len()
    );
    by_name.values().for_each(|s| set(&mut out, s));
    ioctl_set(&mut out, tables);
    out + "];\n"
}

fn set(out: &mut String, set: &Set) {
    let values = set.values.iter().map(|v| (v.value, v.name.as_str()));
    let kind = match set.kind {
        Kind::Flags => "Flags",
        Kind::Enum => "Enum",
    };
    let unknown = match &set.unknown {
        Unknown::Comment(comment) => format!("Comment({comment:?})"),
        Unknown::Hex => "Hex".into(),
        Unknown::Decimal => "Decimal".into(),
        Unknown::Numbered(comment) => format!("Numbered({comment:?})"),
    };
    let _ = writeln!(
        out,
        "Set {{ name: {:?}, kind: SetKind::{kind}, unknown: Unknown::{unknown}, bits: {}, apart: {}, remarked: {}, before: &[{}], values: &[{}], after: &[{}] }},",
        set.name,
        set.bits,
        set.apart,
        set.remarked,
        fields(&set.before),
        rows(values),
        fields(&set.after),
    );
}

fn rows<'a>(values: impl Iterator<Item = (u64, &'a str)>) -> String {
    values
        .map(|(v, name)| format!("({v:#x}, {name:?}),"))
        .collect()
}

fn fields(fields: &[Field]) -> String {
    fields.iter().map(field).collect()
}

fn field(field: &Field) -> String {
    let kind = match &field.what {
        What::Set(name) => format!("Set(SetId::{})", camel_case(name)),
        What::Joins(name) => format!("Joins(SetId::{})", camel_case(name)),
        What::Signal => "Signal".into(),
        What::Decimal => "Decimal".into(),
        What::Octal => "Octal".into(),
        What::Moved(set, name) => format!("Moved(SetId::{}, {name:?})", camel_case(set)),
        What::Shift(name) => format!("Shift({name:?})"),
    };
    format!(
        "Field {{ mask: {:#x}, kind: FieldKind::{kind} }},",
        field.mask
    )
}

/// Names by number, those of one number in alphabetical order, as strace has them.
fn by_number(ioctls: &[Ioctl], number: impl Fn(&Ioctl) -> u32) -> BTreeMap<u32, Vec<&str>> {
    let mut map: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for ioctl in ioctls {
        map.entry(number(ioctl)).or_default().insert(&ioctl.name);
    }
    map.into_iter()
        .map(|(nr, names)| (nr, names.into_iter().collect()))
        .collect()
}

fn ioctl_set(out: &mut String, tables: &Tables) {
    let joined: Vec<(u64, String)> = by_number(&tables.ioctls, |i| i.native)
        .into_iter()
        .map(|(nr, names)| (nr.into(), names.join(" or ")))
        .collect();
    let values = joined.iter().map(|(nr, names)| (*nr, names.as_str()));
    let _ = writeln!(
        out,
        "Set {{ name: {IOCTL_SET:?}, kind: SetKind::Enum, unknown: Unknown::Hex, bits: 32, apart: false, remarked: false, before: &[], values: &[{}], after: &[] }},",
        rows(values)
    );
}

/// Two tables: what the 64-bit headers say, and the numbers of i386 that mean something else or nothing there.
pub fn ioctls(tables: &Tables) -> String {
    let patterns = &tables.patterns;
    let native = by_number(&tables.ioctls, |i| i.native);
    let mut compat = by_number(&tables.ioctls, |i| i.i386);
    compat.retain(|nr, names| native.get(nr) != Some(names));
    let mut out = format!(
        "{HEAD}//! Names of ioctl numbers.\n\nuse crate::tables::{{IoctlPart, IoctlPattern, SetId}};\n\n"
    );
    let tables = [
        ("NATIVE", "By number, of x86_64.", native),
        ("I386", "By number, where i386 differs from x86_64.", compat),
    ];
    for (name, doc, map) in tables {
        let _ = writeln!(
            out,
            "/// {doc}\npub static {name}: [(u32, &[&str]); {}] = [",
            map.len()
        );
        for (nr, names) in map {
            let _ = writeln!(out, "({nr:#x}, &{names:?}),");
        }
        out.push_str("];\n\n");
    }
    out +=
        "/// Requests with parameters in their numbers.\npub static PATTERNS: &[IoctlPattern] = &[";
    for pattern in patterns {
        let directions = pattern.directions();
        let parts = pattern.parts.iter().map(|part| match part.as_str() {
            "size" => "IoctlPart::Size".into(),
            "nr" => "IoctlPart::Number".into(),
            set => format!("IoctlPart::Named(SetId::{})", camel_case(set)),
        });
        let parts: Vec<String> = parts.collect();
        let _ = writeln!(
            out,
            "IoctlPattern {{ name: {:?}, directions: &{directions:?}, kind: {:#x}, first: {:#x}, last: {:#x}, parts: &[{}] }},",
            pattern.name,
            pattern.kind,
            pattern.first,
            pattern.last,
            parts.join(",")
        );
    }
    out += "];\n";
    out
}
