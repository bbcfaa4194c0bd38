//! Which system calls are wanted: `-e trace=` as strace(1) defines it.
//!
//! Text in, a set of names out; a later expression replaces an earlier one, as in strace.

use std::collections::BTreeSet;

use crate::{
    sys,
    tables::{self, Abi},
};

/// A set of system calls, per ABI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// What the set holds, before it is inverted.
    numbers: BTreeSet<(u8, u32)>,
    /// Likewise of the calls that are meant by those that are several in one.
    inner: BTreeSet<u16>,
    inverted: bool,
    /// Are numbers that no table knows wanted?
    unknown: bool,
}

impl Default for Filter {
    fn default() -> Self {
        Self::all()
    }
}

impl Filter {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self {
            numbers: BTreeSet::new(),
            inner: BTreeSet::new(),
            inverted: true,
            unknown: true,
        }
    }

    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self {
            numbers: BTreeSet::new(),
            inner: BTreeSet::new(),
            inverted: false,
            unknown: false,
        }
    }

    /// Is this call wanted? Numbers unknown to the tables are, unless a set was named.
    #[must_use]
    pub fn wants(&self, abi: Abi, nr: u32) -> bool {
        self.numbers.contains(&(abi as u8, nr)) != self.inverted
    }

    /// Is the call wanted that another one of that number in the table means?
    #[must_use]
    pub fn wants_inner(&self, number: u16) -> bool {
        self.inner.contains(&number) != self.inverted
    }

    /// May a call of this number be wanted? Which one is meant by those that are several in one is seen only when it is made.
    #[must_use]
    pub fn may_want(&self, abi: Abi, nr: u32) -> bool {
        let mut inner = tables::syscall(abi, nr)
            .into_iter()
            .flat_map(tables::inner_of);
        self.wants(abi, nr) || inner.any(|(number, _)| self.wants_inner(number))
    }

    /// Are some of the calls wanted that one of those is, and others not?
    #[must_use]
    pub fn parts(&self) -> bool {
        tables::all(Abi::I386).any(|(nr, outer)| {
            let wants = self.wants(Abi::I386, nr);
            tables::inner_of(outer).any(|(number, _)| self.wants_inner(number) != wants)
        })
    }

    /// Is every call of the tables wanted?
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::all() || Self::parse("all").is_ok_and(|all| *self == all)
    }

    /// Are numbers wanted that no table knows?
    #[must_use]
    pub fn wants_unknown(&self) -> bool {
        self.unknown
    }

    /// What both sets hold; calls that are several in one where the other wants one of these.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let both = |abi: Abi, nr: u32| self.wants(abi, nr) && other.may_want(abi, nr);
        Self {
            numbers: Abi::ALL
                .into_iter()
                .flat_map(|abi| tables::all(abi).map(move |(nr, _)| (abi, nr)))
                .filter(|(abi, nr)| both(*abi, *nr))
                .map(|(abi, nr)| (abi as u8, nr))
                .collect(),
            inner: (0..tables::INNER_CALLS as u16)
                .filter(|number| self.wants_inner(*number) && other.wants_inner(*number))
                .collect(),
            inverted: false,
            unknown: false,
        }
    }

    /// Parses what follows `trace=`.
    pub fn parse(text: &str) -> Result<Self, String> {
        // Each ! turns around what the rest says.
        let list = text.trim_start_matches('!');
        let inverted = (text.len() - list.len()) % 2 == 1;
        let mut set = Self::none();
        let mut everything = false;
        let mut items = list.split(',').filter(|item| !item.is_empty()).peekable();
        if items.peek().is_none() {
            return Err(format!("invalid system call '{text}'"));
        }
        for item in items.filter(|_| list != "none") {
            match item {
                "all" => everything = true,
                _ => set.add(item)?,
            }
        }
        if everything {
            set.add("?/")?;
        }
        Ok(Self {
            inverted,
            unknown: everything != inverted,
            ..set
        })
    }

    /// Adds one item of the list: `name`, `?name`, `name@abi`, `%class`, `/regex`, a number.
    fn add(&mut self, item: &str) -> Result<(), String> {
        let optional = item.starts_with('?');
        let rest = item.trim_start_matches('?');
        let (name, abis) = match rest.rsplit_once('@') {
            Some((name, "64")) => (name, vec![Abi::X86_64]),
            Some((name, "32")) => (name, vec![Abi::I386]),
            Some((name, "x32")) => (name, vec![Abi::X32]),
            Some((_, other)) => {
                return Err(format!("{BAD_ABI} '{other}' in qualification '{rest}'"));
            }
            None => (rest, Abi::ALL.to_vec()),
        };
        let mut found = false;
        let matches = matcher(name)?;
        for abi in abis {
            for (nr, syscall) in tables::all(abi) {
                if matches(Some(nr), syscall) {
                    found = true;
                    self.numbers.insert((abi as u8, nr));
                }
                for (number, inner) in tables::inner_of(syscall) {
                    if matches(None, inner.call) {
                        found = true;
                        self.inner.insert(number);
                    }
                }
            }
        }
        if !found && !optional {
            return Err(format!("invalid system call '{item}'"));
        }
        Ok(())
    }
}

/// How strace begins what it says of an ABI that is none; then, as after few others, it points at its help.
pub const BAD_ABI: &str = "incorrect personality designator";

/// Of a call and its number, if it has one.
type Matcher<'a> = Box<dyn Fn(Option<u32>, &tables::Syscall) -> bool + 'a>;

fn matcher(name: &str) -> Result<Matcher<'_>, String> {
    if let Some(pattern) = name.strip_prefix('/') {
        let regex = sys::Regex::new(pattern).map_err(|why| format!("regcomp: {pattern}: {why}"))?;
        return Ok(Box::new(move |_, syscall| regex.is_match(syscall.name)));
    }
    if let Some(class) = name.strip_prefix('%') {
        let class = tables::class_by_name(class);
        return Ok(Box::new(move |_, syscall| {
            class.is_some_and(|class| syscall.classes.intersects(class))
        }));
    }
    if name == "all" {
        return Ok(Box::new(|_, _| true));
    }
    if let Ok(number) = name.parse::<u32>() {
        return Ok(Box::new(move |nr, _| nr == Some(number)));
    }
    // strace also takes the classes' names without the %.
    let class = tables::class_by_name(name).filter(|_| OLD_CLASSES.contains(&name));
    Ok(Box::new(move |_, syscall| {
        syscall.name == name || class.is_some_and(|class| syscall.classes.intersects(class))
    }))
}

/// Classes that strace still takes without the `%`, strace(1).
const OLD_CLASSES: &[&str] = &[
    "file", "process", "network", "signal", "ipc", "desc", "memory",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> BTreeSet<&'static str> {
        let filter = Filter::parse(text).expect(text);
        tables::all(Abi::X86_64)
            .filter(|(nr, _)| filter.wants(Abi::X86_64, *nr))
            .map(|(_, syscall)| syscall.name)
            .collect()
    }

    #[test]
    fn names_classes_and_patterns() {
        assert_eq!(names("openat,read"), BTreeSet::from(["openat", "read"]));
        assert_eq!(
            names("/^getp"),
            BTreeSet::from([
                "getpeername",
                "getpgid",
                "getpgrp",
                "getpid",
                "getpmsg",
                "getppid",
                "getpriority"
            ])
        );
        assert!(names("%file").contains("openat") && !names("%file").contains("read"));
        assert!(names("file").contains("openat"));
        assert!(names("%network").contains("sendto"));
        assert_eq!(names("none").len(), 0);
        assert_eq!(names("0"), BTreeSet::from(["read"]));
        assert_eq!(names("?no_such_call,read"), BTreeSet::from(["read"]));
        assert_eq!(names("read@32").len(), 0);
        assert_eq!(names("read@64").len(), 1);
        assert_eq!(names("?%nofile,,read,"), BTreeSet::from(["read"]));
        assert_eq!(names("all@64"), names("all"));
        assert_eq!(names("all@32").len(), 0);
    }

    #[test]
    fn calls_that_are_several_in_one() {
        let (nr, outer) = tables::by_name(Abi::I386, "socketcall").expect("a call");
        let meant = |filter: &Filter| -> Vec<&str> {
            let wanted = tables::inner_of(outer).filter(|(number, _)| filter.wants_inner(*number));
            wanted.map(|(_, inner)| inner.call.name).collect()
        };
        for (text, outer, inner, parts) in [
            ("bind,getpid", false, &["bind"][..], true),
            ("bind@64", false, &[], false),
            ("/^acc", false, &["accept", "accept4"], true),
            ("socketcall", true, &[], true),
            ("102", true, &[], true),
            ("none", false, &[], false),
        ] {
            let filter = Filter::parse(text).expect(text);
            assert_eq!(filter.wants(Abi::I386, nr), outer, "{text}");
            assert_eq!(meant(&filter), inner, "{text}");
            assert_eq!(filter.parts(), parts, "{text}");
            assert_eq!(
                filter.may_want(Abi::I386, nr),
                outer || !inner.is_empty(),
                "{text}"
            );
        }
        let all = tables::inner_of(outer).count();
        let count = |text: &str| meant(&Filter::parse(text).expect(text)).len();
        assert_eq!(
            (count("all"), count("%net"), count("!bind")),
            (all, all, all - 1)
        );
        assert_eq!(meant(&Filter::all()).len(), all);
        // As strace has it: of the outer call only its descriptors.
        assert!(!Filter::parse("%net").expect("valid").wants(Abi::I386, nr));
        let both = Filter::parse("%net").expect("valid");
        let both = both.and(&Filter::parse("!listen").expect("valid"));
        assert_eq!(meant(&both).len(), all - 1);
    }

    #[test]
    fn inversion_and_the_unknown() {
        let all = names("all").len();
        assert_eq!(names("!openat").len(), all - 1);
        assert!(!names("!%file").contains("openat"));
        assert_eq!(names("!none").len(), all);
        assert_eq!(names("!all").len(), 0);
        assert_eq!(names("!!read"), BTreeSet::from(["read"]));
        assert!(Filter::all().wants_unknown());
        assert!(Filter::parse("!read").expect("valid").wants_unknown());
        assert!(!Filter::parse("read").expect("valid").wants_unknown());
        assert!(!Filter::parse("none").expect("valid").wants_unknown());
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (text, message) in [
            ("opnat", "invalid system call 'opnat'"),
            ("read,opnat", "invalid system call 'opnat'"),
            ("%nofile", "invalid system call '%nofile'"),
            ("/(", "regcomp: (: Unmatched ( or \\("),
            (
                "/[[:foo:]]",
                "regcomp: [[:foo:]]: Invalid character class name",
            ),
            ("/)", "invalid system call '/)'"),
            ("", "invalid system call ''"),
            ("!", "invalid system call '!'"),
            (",", "invalid system call ','"),
            ("none,read", "invalid system call 'none'"),
            (
                "?opnat@65",
                "incorrect personality designator '65' in qualification 'opnat@65'",
            ),
            ("99999", "invalid system call '99999'"),
        ] {
            assert_eq!(Filter::parse(text), Err(message.to_owned()), "{text}");
        }
    }
}
