//! Which programs hang where, per kind of hook: data, in the order in which to attach.

use strace_ebpf_common::summary::{CLOCK_CPU, COUNT_OFF, COUNT_ONLY, Count};

/// How system calls are hooked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// BTF-typed raw tracepoints, Linux 5.5: the cheapest.
    TpBtf,
    /// Raw tracepoints, Linux 4.17: without BTF.
    RawTracepoint,
    /// Classic tracepoints: the only complete ones where raw ones run preemptibly (Linux 7.2).
    Tracepoint,
}

impl Hook {
    /// Name as in `--attach` and `--check`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TpBtf => "tp_btf",
            Self::RawTracepoint => "raw_tracepoint",
            Self::Tracepoint => "tracepoint",
        }
    }

    /// The programs of this hook, in the order in which to attach them.
    ///
    /// In a `nested` PID namespace some others are used, and for a summary without a trace. Without `bpf_loop` (before Linux 5.17) other builds of the same bodies are used.
    #[must_use]
    pub fn programs(self, loop_helper: bool, nested: bool, count: &Count) -> Vec<Program> {
        let (tasks, calls) = match (self, loop_helper) {
            (Self::TpBtf, true) => (TASKS_BTF, CALLS_BTF),
            (Self::TpBtf, false) => (TASKS_BTF, CALLS_BTF0),
            (Self::RawTracepoint, true) => (TASKS_RAW, CALLS_RAW),
            (Self::RawTracepoint, false) => (TASKS_RAW, CALLS_RAW0),
            (Self::Tracepoint, true) => (TASKS_CLASSIC, CALLS_CLASSIC),
            (Self::Tracepoint, false) => (TASKS_CLASSIC, CALLS_CLASSIC0),
        };
        // The classic record of a fork has the child's number in the initial namespace only.
        let tasks = if nested && self == Self::Tracepoint {
            TASKS_BTF
        } else {
            tasks
        };
        let switches = match self {
            _ if count.mode == COUNT_OFF || count.clock != CLOCK_CPU => &[],
            Self::RawTracepoint => SWITCHES_RAW,
            _ => SWITCHES_BTF,
        };
        if count.mode == COUNT_ONLY {
            let calls = match self {
                Self::TpBtf => COUNTS_BTF,
                Self::RawTracepoint => COUNTS_RAW,
                Self::Tracepoint => COUNTS_CLASSIC,
            };
            return [tasks, switches, calls].concat();
        }
        [tasks, switches, SIGNALS, calls].concat()
    }
}

/// Program type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// tp_btf
    Btf,
    /// raw tracepoint
    Raw,
    /// classic tracepoint
    Classic,
}

/// One program and its place.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Symbol in the object.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// Tracepoint.
    pub target: &'static str,
}

impl Program {
    /// Group of a classic tracepoint.
    #[must_use]
    pub fn group(&self) -> &'static str {
        match self.target {
            "task_newtask" => "task",
            "sched_process_exit" => "sched",
            _ => "raw_syscalls",
        }
    }
}

const fn program(name: &'static str, kind: Kind, target: &'static str) -> Program {
    Program { name, kind, target }
}

const TASKS_BTF: &[Program] = &[
    program("fork_btf", Kind::Btf, "sched_process_fork"),
    program("exec_btf", Kind::Btf, "sched_process_exec"),
    program("gone_btf", Kind::Btf, "sched_process_exit"),
];
/// An exec that is missed costs its line and the mending of an execve's arguments, not a mark.
const TASKS_CLASSIC: &[Program] = &[
    program("fork_tp", Kind::Classic, "task_newtask"),
    program("exec_btf", Kind::Btf, "sched_process_exec"),
    program("gone_tp", Kind::Classic, "sched_process_exit"),
];
const TASKS_RAW: &[Program] = &[
    program("fork_raw", Kind::Raw, "sched_process_fork"),
    program("exec_raw", Kind::Raw, "sched_process_exec"),
    program("gone_raw", Kind::Raw, "sched_process_exit"),
];
const COUNTS_BTF: &[Program] = &[
    program("c_exit_btf", Kind::Btf, "sys_exit"),
    program("c_enter_btf", Kind::Btf, "sys_enter"),
];
const COUNTS_RAW: &[Program] = &[
    program("c_exit_raw", Kind::Raw, "sys_exit"),
    program("c_enter_raw", Kind::Raw, "sys_enter"),
];
const COUNTS_CLASSIC: &[Program] = &[
    program("c_exit_tp", Kind::Classic, "sys_exit"),
    program("c_enter_tp", Kind::Classic, "sys_enter"),
];
const SWITCHES_BTF: &[Program] = &[program("switch_btf", Kind::Btf, "sched_switch")];
const SWITCHES_RAW: &[Program] = &[program("switch_raw", Kind::Raw, "sched_switch")];
const SIGNALS: &[Program] = &[
    program("sig_deliver", Kind::Raw, "signal_deliver"),
    program("sig_generate", Kind::Raw, "signal_generate"),
];
const CALLS_BTF: &[Program] = &[
    program("exit_btf", Kind::Btf, "sys_exit"),
    program("enter_btf", Kind::Btf, "sys_enter"),
];
const CALLS_RAW: &[Program] = &[
    program("exit_raw", Kind::Raw, "sys_exit"),
    program("enter_raw", Kind::Raw, "sys_enter"),
];
const CALLS_CLASSIC: &[Program] = &[
    program("exit_tp", Kind::Classic, "sys_exit"),
    program("enter_tp", Kind::Classic, "sys_enter"),
];
const CALLS_BTF0: &[Program] = &[
    program("exit_btf0", Kind::Btf, "sys_exit"),
    program("enter_btf0", Kind::Btf, "sys_enter"),
];
const CALLS_RAW0: &[Program] = &[
    program("exit_raw0", Kind::Raw, "sys_exit"),
    program("enter_raw0", Kind::Raw, "sys_enter"),
];
const CALLS_CLASSIC0: &[Program] = &[
    program("exit_tp0", Kind::Classic, "sys_exit"),
    program("enter_tp0", Kind::Classic, "sys_enter"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use strace_ebpf_common::summary::COUNT_TOO;

    #[test]
    fn every_program_is_in_the_object_and_exits_come_before_enters() {
        let there = crate::probes::embedded_programs();
        let hooks = [Hook::TpBtf, Hook::RawTracepoint, Hook::Tracepoint];
        let modes = [COUNT_OFF, COUNT_ONLY, COUNT_TOO];
        let each = hooks
            .into_iter()
            .flat_map(|hook| modes.map(|mode| (hook, mode)))
            .flat_map(|(hook, mode)| [(hook, mode, true), (hook, mode, false)]);
        for (hook, mode, loop_helper) in each {
            let count = Count {
                mode,
                clock: CLOCK_CPU,
                ..Count::default()
            };
            let programs = hook.programs(loop_helper, false, &count);
            for program in &programs {
                assert!(
                    there.iter().any(|name| name == program.name),
                    "{} is missing",
                    program.name
                );
                assert!(
                    program.name.len() <= 15,
                    "{} is cut by the kernel",
                    program.name
                );
            }
            let place = |target| programs.iter().position(|p| p.target == target);
            assert!(place("sys_exit") < place("sys_enter"));
            assert!(place("sched_process_exec") < place("sys_exit"));
        }
    }
}
