//! Which programs hang where, per kind of hook: data, in the order in which to attach.

use strace_ebpf_common::{
    config::{Config, KPROBE_ENTER, KPROBE_EXIT},
    summary::{CLOCK_CPU, COUNT_OFF, COUNT_ONLY, Count},
};

use crate::kernel::{Facts, since};

/// How system calls are hooked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// BTF-typed raw tracepoints, Linux 5.5: the cheapest.
    TpBtf,
    /// Raw tracepoints, Linux 4.17: without BTF.
    RawTracepoint,
    /// Classic tracepoints: the only complete ones where raw ones run preemptibly (Linux 7.2).
    Tracepoint,
    /// kprobes on the calls' functions, with the tracepoint at exit.
    Kprobe,
    /// kprobes and kretprobes on the calls' functions.
    Kretprobe,
    /// fentry and fexit on the function that calls them all.
    Fentry,
}

/// What the choice of programs depends on, the hook aside.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// The summary.
    pub count: Count,
    /// `bpf_loop` is there (Linux 5.17).
    pub loop_helper: bool,
    /// Functions that are not static are verified by themselves, once (Linux 5.6).
    pub global_functions: bool,
    /// We are in a PID namespace of our own.
    pub nested: bool,
    /// The kernel's types can be read.
    pub typed: bool,
    /// Raw tracepoints run preemptibly (Linux 7.2).
    pub preemptible: bool,
}

impl Kernel {
    /// By what is known of it.
    #[must_use]
    pub fn of(config: &Config, facts: &Facts, preemptible: bool) -> Self {
        Self {
            count: config.count,
            loop_helper: facts.version >= since::BPF_LOOP,
            global_functions: facts.version >= since::GLOBAL_FUNCTIONS,
            nested: config.pidns_inum != 0,
            typed: facts.offsets.is_ok(),
            preemptible,
        }
    }
}

impl Hook {
    /// Every hook.
    pub const ALL: [Self; 6] = [
        Self::TpBtf,
        Self::RawTracepoint,
        Self::Tracepoint,
        Self::Kprobe,
        Self::Kretprobe,
        Self::Fentry,
    ];

    /// Name as in `--check`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TpBtf => "tp_btf",
            Self::RawTracepoint => "raw_tracepoint",
            Self::Tracepoint => "tracepoint",
            Self::Kprobe => "kprobe",
            Self::Kretprobe => "kretprobe",
            Self::Fentry => "fentry",
        }
    }

    /// Does it hang on the kernel's functions?
    #[must_use]
    pub fn on_functions(self) -> bool {
        matches!(self, Self::Kprobe | Self::Kretprobe | Self::Fentry)
    }

    /// May it miss the return of a call whose beginning it saw?
    #[must_use]
    pub fn misses_returns(self) -> bool {
        matches!(self, Self::Kretprobe | Self::Fentry)
    }

    /// Which raw programs hang on functions, `KPROBE_*` bits.
    #[must_use]
    pub fn kprobes(self) -> u32 {
        match self {
            Self::Kprobe => KPROBE_ENTER,
            Self::Kretprobe => KPROBE_ENTER | KPROBE_EXIT,
            _ => 0,
        }
    }

    /// Whose tracepoints a hook on functions uses for all else.
    fn base(self, kernel: &Kernel) -> Self {
        match self {
            Self::Kprobe | Self::Kretprobe | Self::Fentry if kernel.preemptible => Self::Tracepoint,
            Self::Kprobe | Self::Kretprobe | Self::Fentry if kernel.typed => Self::TpBtf,
            Self::Kprobe | Self::Kretprobe | Self::Fentry => Self::RawTracepoint,
            tracepoints => tracepoints,
        }
    }

    /// The programs of this hook, in the order in which to attach them.
    ///
    /// In a nested PID namespace some others are used, and for a summary without a trace. Without `bpf_loop` (before Linux 5.17) other builds of the same bodies are used.
    #[must_use]
    pub fn programs(self, kernel: &Kernel) -> Vec<Program> {
        let base = self.base(kernel);
        let (tasks, calls) = match (base, kernel.loop_helper) {
            (Self::TpBtf, true) => (TASKS_BTF, CALLS_BTF),
            (Self::TpBtf, false) => (TASKS_BTF, CALLS_BTF0),
            (Self::Tracepoint, true) => (TASKS_CLASSIC, CALLS_CLASSIC),
            (Self::Tracepoint, false) => (TASKS_CLASSIC, CALLS_CLASSIC0),
            (_, true) => (TASKS_RAW, CALLS_RAW),
            (_, false) => (TASKS_RAW, CALLS_RAW0),
        };
        let tasks = if kernel.nested && base == Self::Tracepoint {
            TASKS_NESTED
        } else {
            tasks
        };
        let count = &kernel.count;
        let switches = match base {
            _ if count.mode == COUNT_OFF || count.clock != CLOCK_CPU => &[],
            _ if !kernel.typed => SWITCHES_RAW,
            Self::RawTracepoint => SWITCHES_RAW,
            _ => SWITCHES_BTF,
        };
        if count.mode == COUNT_ONLY {
            let calls = match base {
                Self::TpBtf => COUNTS_BTF,
                Self::Tracepoint => COUNTS_CLASSIC,
                _ => COUNTS_RAW,
            };
            return [tasks, switches, calls].concat();
        }
        let [exit, enter] = *calls;
        let kprobes = if kernel.loop_helper {
            KPROBES
        } else {
            KPROBES0
        };
        let calls = match self {
            Self::Kprobe => [exit, kprobes[1]],
            Self::Kretprobe => *kprobes,
            Self::Fentry => *FENTRY,
            _ => [exit, enter],
        };
        [tasks, switches, SIGNALS, &calls].concat()
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
    /// the entry of functions
    Entry,
    /// their return
    Return,
}

impl Kind {
    /// Does it hang on the kernel's functions?
    #[must_use]
    pub fn on_functions(self) -> bool {
        matches!(self, Self::Entry | Self::Return)
    }
}

/// One program and its place.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its name in the kernel.
    pub name: &'static str,
    /// Symbol in the object; one may serve several programs.
    pub code: &'static str,
    /// Type.
    pub kind: Kind,
    /// Tracepoint; on functions: the one whose work it does.
    pub target: &'static str,
}

impl Program {
    /// Group of a classic tracepoint.
    #[must_use]
    pub fn group(&self) -> &'static str {
        match self.target {
            "task_newtask" => "task",
            "sched_process_exec" | "sched_process_exit" => "sched",
            _ => "raw_syscalls",
        }
    }
}

const fn program(name: &'static str, kind: Kind, target: &'static str) -> Program {
    Program {
        name,
        code: name,
        kind,
        target,
    }
}

/// A program on functions, made of the code of another one.
const fn made_of(
    code: &'static str,
    name: &'static str,
    kind: Kind,
    target: &'static str,
) -> Program {
    Program {
        name,
        code,
        kind,
        target,
    }
}

const TASKS_BTF: &[Program] = &[
    program("fork_btf", Kind::Btf, "sched_process_fork"),
    program("exec_btf", Kind::Btf, "sched_process_exec"),
    program("gone_btf", Kind::Btf, "sched_process_exit"),
];
const TASKS_CLASSIC: &[Program] = &[
    program("fork_tp", Kind::Classic, "task_newtask"),
    program("exec_tp", Kind::Classic, "sched_process_exec"),
    program("gone_tp", Kind::Classic, "sched_process_exit"),
];
/// The classic record of a fork has the child's number in the initial namespace only. This raw tracepoint runs
/// with the run queue locked, so it misses nothing either.
const TASKS_NESTED: &[Program] = &[
    program("fork_woken", Kind::Raw, "sched_wakeup_new"),
    program("exec_tp", Kind::Classic, "sched_process_exec"),
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
/// Complete also where raw tracepoints are preemptible: both run with interrupts off, under the lock of the process's
/// signals (not with PREEMPT_RT, where misses are counted). So does sched_switch.
const SIGNALS: &[Program] = &[
    program("sig_deliver", Kind::Raw, "signal_deliver"),
    program("sig_generate", Kind::Raw, "signal_generate"),
];
const CALLS_BTF: &[Program; 2] = &[
    program("exit_btf", Kind::Btf, "sys_exit"),
    program("enter_btf", Kind::Btf, "sys_enter"),
];
const CALLS_RAW: &[Program; 2] = &[
    program("exit_raw", Kind::Raw, "sys_exit"),
    program("enter_raw", Kind::Raw, "sys_enter"),
];
const CALLS_CLASSIC: &[Program; 2] = &[
    program("exit_tp", Kind::Classic, "sys_exit"),
    program("enter_tp", Kind::Classic, "sys_enter"),
];
const CALLS_BTF0: &[Program; 2] = &[
    program("exit_btf0", Kind::Btf, "sys_exit"),
    program("enter_btf0", Kind::Btf, "sys_enter"),
];
const CALLS_RAW0: &[Program; 2] = &[
    program("exit_raw0", Kind::Raw, "sys_exit"),
    program("enter_raw0", Kind::Raw, "sys_enter"),
];
const CALLS_CLASSIC0: &[Program; 2] = &[
    program("exit_tp0", Kind::Classic, "sys_exit"),
    program("enter_tp0", Kind::Classic, "sys_enter"),
];

const KPROBES: &[Program; 2] = &[
    made_of("exit_raw", "exit_krp", Kind::Return, "sys_exit"),
    made_of("enter_raw", "enter_kp", Kind::Entry, "sys_enter"),
];
const KPROBES0: &[Program; 2] = &[
    made_of("exit_raw0", "exit_krp0", Kind::Return, "sys_exit"),
    made_of("enter_raw0", "enter_kp0", Kind::Entry, "sys_enter"),
];
/// Without `bpf_loop` they are refused.
const FENTRY: &[Program; 2] = &[
    program("exit_fex", Kind::Return, "sys_exit"),
    made_of("enter_btf", "enter_fen", Kind::Entry, "sys_enter"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use strace_ebpf_common::summary::COUNT_TOO;

    #[test]
    fn every_program_is_in_the_object_and_exits_come_before_enters() {
        let there = crate::probes::embedded_programs();
        let flags = [false, true];
        let kernels = flags.into_iter().flat_map(|loop_helper| {
            flags.into_iter().flat_map(move |typed| {
                flags.map(|preemptible| Kernel {
                    count: Count::default(),
                    loop_helper,
                    global_functions: false,
                    nested: false,
                    typed,
                    preemptible,
                })
            })
        });
        let modes = [COUNT_OFF, COUNT_ONLY, COUNT_TOO].map(|mode| Count {
            mode,
            clock: CLOCK_CPU,
            ..Count::default()
        });
        let kernels = kernels.flat_map(|kernel| modes.map(|count| Kernel { count, ..kernel }));
        for (kernel, hook) in kernels.flat_map(|kernel| Hook::ALL.map(|hook| (kernel, hook))) {
            let programs = hook.programs(&kernel);
            for program in &programs {
                assert!(
                    there.iter().any(|name| name == program.code),
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
