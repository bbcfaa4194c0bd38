//! Which of the kernel's functions a hook on them needs, and which calls have none.
//!
//! Nothing tells for sure which function serves which call. Names are compared by their stems; where that finds
//! nothing, every function of the ABI is kept: one too many costs time, one too few an event.

use std::collections::BTreeSet;

use strace_ebpf_common::{
    limits::PLANS_PER_ABI,
    plan::{PLAN_EXEC, PLAN_WANTED, Plan},
};

use crate::{
    kernel::hooks::{Function, stem},
    tables::{self, Abi},
};

/// Does this function serve 32-bit programs?
fn is_compat(function: &str) -> bool {
    function.starts_with("__ia32_")
}

/// Names of the calls of 64-bit programs (x32 included), or of 32-bit ones, whose plan has one of `flags`.
fn calls(plans: &[Plan], compat: bool, flags: u16) -> BTreeSet<&'static str> {
    let of_kind = |abi: &Abi| (*abi == Abi::I386) == compat;
    let abis = Abi::ALL.into_iter().filter(of_kind);
    let calls = abis.flat_map(|abi| tables::all(abi).map(move |(nr, call)| (abi, nr, call)));
    calls
        .filter(|(abi, nr, _)| {
            let plan = plans.get((*abi as u32 * PLANS_PER_ABI + nr) as usize);
            plan.is_some_and(|plan| plan.flags & flags != 0)
        })
        .map(|(.., call)| call.name)
        .collect()
}

/// The stems of the functions of 64-bit calls, or of 32-bit ones.
fn stems(function: &Function, compat: bool) -> impl Iterator<Item = &str> {
    let names = function.iter().filter_map(|name| name.to_str().ok());
    names
        .filter(move |name| is_compat(name) == compat)
        .map(stem)
}

/// Those of `functions` that the plans need: of calls that are wanted, and of those that change the program.
#[must_use]
pub fn needed(functions: &[Function], plans: &[Plan]) -> Vec<Function> {
    let keep = [false, true].map(|compat| {
        let there: BTreeSet<&str> = functions.iter().flat_map(|f| stems(f, compat)).collect();
        let flags = PLAN_WANTED | PLAN_EXEC;
        let needed: BTreeSet<&str> = calls(plans, compat, flags).into_iter().map(stem).collect();
        // None of them: all are kept.
        needed.is_subset(&there).then_some(needed)
    });
    let is_needed = |function: &Function| {
        [false, true].into_iter().any(|compat| {
            let keep = &keep[usize::from(compat)];
            stems(function, compat).any(|s| keep.as_ref().is_none_or(|k| k.contains(s)))
        })
    };
    let needed = functions.iter().filter(|function| is_needed(function));
    needed.cloned().collect()
}

/// Calls of 64-bit programs that are wanted and that none of `functions` serves.
#[must_use]
pub fn without(functions: &[Function], plans: &[Plan]) -> Vec<&'static str> {
    let there: BTreeSet<&str> = functions.iter().flat_map(|f| stems(f, false)).collect();
    let index = |nr: u32| (Abi::X86_64 as u32 * PLANS_PER_ABI + nr) as usize;
    let wanted = |nr: u32| {
        let plan = plans.get(index(nr));
        plan.is_some_and(|plan| plan.flags & PLAN_WANTED != 0)
    };
    tables::all(Abi::X86_64)
        .filter(|(nr, call)| wanted(*nr) && !there.contains(stem(call.name)))
        .map(|(_, call)| call.name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{
        capture::{self, Limits},
        detail::Details,
        filter::Filter,
        qualify::Qualifiers,
    };

    fn plans(trace: &str) -> Vec<Plan> {
        let limits = Limits {
            string: 32,
            no_return: true,
            report_enter: false,
            descriptors: false,
        };
        let filter = Filter::parse(trace).expect("a filter");
        capture::compile_all(&filter, &limits, &Details::new(&Qualifiers::default()))
    }

    fn functions() -> Vec<Function> {
        let mut functions: Vec<Function> = [
            c"__x64_sys_read",
            c"__x64_sys_newstat",
            c"__x64_sys_execve",
            c"__x64_sys_execveat",
            c"__x64_compat_sys_execve",
            c"__ia32_sys_read",
            c"__ia32_sys_getuid",
            c"__ia32_compat_sys_execve",
            c"__ia32_compat_sys_execveat",
        ]
        .map(|name| vec![name.to_owned()])
        .to_vec();
        functions.push(vec![
            c"__ia32_sys_getpid".to_owned(),
            c"__x64_sys_getpid".to_owned(),
        ]);
        functions
    }

    fn names(functions: &[Function]) -> Vec<&str> {
        let names = functions.iter().flatten();
        names.filter_map(|name| name.to_str().ok()).collect()
    }

    #[test]
    fn only_the_functions_of_wanted_calls_and_of_execs_are_needed() {
        let some = needed(&functions(), &plans("read"));
        let execs = [
            "__x64_sys_execve",
            "__x64_sys_execveat",
            "__x64_compat_sys_execve",
        ];
        assert!(
            execs.iter().all(|name| names(&some).contains(name)),
            "{some:?}"
        );
        assert!(names(&some).contains(&"__x64_sys_read"));
        assert!(names(&some).contains(&"__ia32_sys_read"));
        assert!(!names(&some).contains(&"__x64_sys_newstat"));
        assert!(!names(&some).contains(&"__ia32_sys_getuid"));
        let shared = needed(&functions(), &plans("getpid"));
        assert!(names(&shared).contains(&"__x64_sys_getpid"));
    }

    #[test]
    fn a_call_without_a_function_of_its_stem_keeps_them_all() {
        let all = needed(&functions(), &plans("ugetrlimit"));
        assert!(names(&all).contains(&"__ia32_sys_getuid"));
        assert!(!names(&all).contains(&"__x64_sys_newstat"));
        assert_eq!(needed(&functions(), &plans("all")), functions());
    }

    #[test]
    fn calls_without_a_function_are_named_if_they_are_wanted() {
        assert_eq!(without(&functions(), &plans("read,stat,getpid")), [""; 0]);
        assert_eq!(without(&functions(), &plans("read,write")), ["write"]);
        assert!(without(&functions(), &plans("all")).len() > 300);
    }
}
