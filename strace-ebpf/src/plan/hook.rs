//! Which hook and which transport: what was asked for, or the cheapest complete one of this kernel.

use super::PlanError;
use crate::{
    cli::{Attach, Transport},
    kernel::{
        Facts, NoOffsets, Version,
        hooks::{Hooks, Preemption},
        since,
    },
    probes::{attach::Hook, functions::Places},
};

fn unable<T>(message: String) -> Result<T, PlanError> {
    Err(PlanError::Unable(message))
}

/// The hook to use: what `--attach` says, or the cheapest complete one. Whether one on the kernel's functions
/// can be had is for [`choose_places`] to say.
pub fn choose_hook(attach: Attach, facts: &Facts, preemptible: bool) -> Result<Hook, PlanError> {
    // A release that does not begin with a number says nothing.
    if facts.version < since::OLDEST && facts.version != Version(0, 0) {
        return unable(format!(
            "Linux 5.3 or newer is needed; this is {}",
            facts.release
        ));
    }
    let hidden = matches!(facts.offsets, Err(NoOffsets::NoBtf(_)));
    let hook = match attach {
        Attach::TpBtf => Hook::TpBtf,
        Attach::RawTracepoint => Hook::RawTracepoint,
        Attach::Tracepoint => Hook::Tracepoint,
        Attach::Kprobe => Hook::Kprobe,
        Attach::Kretprobe => Hook::Kretprobe,
        Attach::Fentry => Hook::Fentry,
        Attach::Auto if hidden && !preemptible => Hook::RawTracepoint,
        Attach::Auto if facts.version < since::TP_BTF => Hook::RawTracepoint,
        Attach::Auto if preemptible => Hook::Tracepoint,
        Attach::Auto => Hook::TpBtf,
    };
    if !hidden || facts.pidns_inum != 0 || !does_without_types(hook, facts, preemptible) {
        needs_types(hook, facts)?;
    }
    if hook == Hook::TpBtf && facts.version < since::TP_BTF {
        return unable(format!(
            "--attach tp-btf needs Linux 5.5; this is {}",
            facts.release
        ));
    }
    if hook == Hook::Tracepoint && facts.version < since::TASK_PT_REGS {
        return unable(format!(
            "--attach tracepoint needs Linux 5.15 for the arguments at exit; this is {}",
            facts.release
        ));
    }
    if hook == Hook::Fentry && facts.version < since::BPF_LOOP {
        return unable(format!(
            "--attach fentry needs Linux 5.17; this is {}",
            facts.release
        ));
    }
    Ok(hook)
}

/// Does the hook use classic tracepoints, itself or beside the kernel's functions?
#[must_use]
pub fn needs_tracefs(hook: Hook, preemptible: bool) -> bool {
    hook == Hook::Tracepoint || hook.on_functions() && preemptible
}

/// Raw tracepoints hand over the registers. Elsewhere a helper finds them, which wants types in the kernel but not that we
/// read them. kprobes come with one or the other at exit.
fn does_without_types(hook: Hook, facts: &Facts, preemptible: bool) -> bool {
    match hook {
        Hook::RawTracepoint => true,
        Hook::Kprobe if !preemptible => true,
        Hook::Kprobe | Hook::Kretprobe | Hook::Tracepoint => facts.task_registers,
        Hook::TpBtf | Hook::Fentry => false,
    }
}

fn needs_types(hook: Hook, facts: &Facts) -> Result<(), PlanError> {
    let registers = match hook {
        Hook::Tracepoint => {
            "; without them classic tracepoints do not find a call's arguments at its end"
        }
        _ => "",
    };
    match &facts.offsets {
        Ok(_) => Ok(()),
        Err(NoOffsets::NoBtf(why)) => unable(format!(
            "this kernel's types cannot be read: /sys/kernel/btf/vmlinux: {why} (the kernel needs CONFIG_DEBUG_INFO_BTF){registers}"
        )),
        Err(NoOffsets::Missing(field)) => unable(format!(
            "this kernel has no field {field}: it is newer or older than we know"
        )),
    }
}

/// Where on the kernel's functions `hook` hangs; `None` for a hook on tracepoints.
///
/// All functions at once where the kernel can do that; else the one function that calls them all, where there
/// is one; else one by one.
pub fn choose_places(hook: Hook, hooks: &Hooks) -> Result<Option<Places>, PlanError> {
    match hook {
        Hook::TpBtf | Hook::RawTracepoint | Hook::Tracepoint => Ok(None),
        Hook::Fentry => fentry_places(hooks).map(Some),
        Hook::Kprobe | Hook::Kretprobe => kprobe_places(hook, hooks).map(Some),
    }
}

fn fentry_places(hooks: &Hooks) -> Result<Places, PlanError> {
    let instead = "use --attach auto";
    match (&hooks.fentry, hooks.preemption) {
        (Err(why), _) => unable(format!("--attach fentry: {why}; {instead}")),
        (_, Preemption::Yes) => unable(format!(
            "--attach fentry: this kernel is preemptible, programs on functions would miss calls; {instead}"
        )),
        (_, Preemption::Unknown) => unable(format!(
            "--attach fentry: cannot tell whether this kernel is preemptible, where programs on functions miss calls (/sys/kernel/debug/sched/preempt); {instead}"
        )),
        (Ok(functions), Preemption::No) => Ok(Places::Typed(functions.clone())),
    }
}

fn kprobe_places(hook: Hook, hooks: &Hooks) -> Result<Places, PlanError> {
    let kind = match &hooks.kprobes {
        Ok(kind) => *kind,
        Err(why) => {
            return unable(format!(
                "--attach {}: {why}; use --attach auto",
                hook.name()
            ));
        }
    };
    if hooks.multi.is_ok() {
        return Ok(Places::Multi(hooks.functions.clone()));
    }
    if !hooks.dispatchers.is_empty() {
        return Ok(Places::Dispatchers(kind, hooks.dispatchers.clone()));
    }
    if hooks.functions.is_empty() {
        return unable(format!(
            "--attach {}: no function of a system call can be traced here; use --attach auto",
            hook.name()
        ));
    }
    Ok(Places::Single(kind, hooks.functions.clone()))
}

/// The transport to use. The mapped buffers need programs that nothing preempts, and a processor that keeps the order of
/// stores: elsewhere there are ring buffers.
pub fn choose_transport(
    transport: Transport,
    facts: &Facts,
    preemptible: bool,
) -> Result<Transport, PlanError> {
    let mapped = cfg!(target_arch = "x86_64") && !preemptible;
    match transport {
        Transport::Auto if facts.version >= since::RINGBUF && mapped => Ok(Transport::Mapped),
        Transport::Mapped if !mapped => Err(PlanError::Unable(
            "--transport mapped: this kernel preempts programs at system calls (or the processor is not x86-64)"
                .to_owned(),
        )),
        Transport::Auto if facts.version >= since::RINGBUF => Ok(Transport::Ringbuf),
        Transport::Auto => Ok(Transport::Perf),
        Transport::Ringbuf if facts.version < since::RINGBUF => Err(PlanError::Unable(format!(
            "--transport ringbuf needs Linux 5.8; this is {}",
            facts.release
        ))),
        chosen => Ok(chosen),
    }
}

#[cfg(test)]
mod tests {
    use strace_ebpf_common::config::Offsets;

    use super::*;

    fn facts(major: u32, minor: u32, btf: bool) -> Facts {
        Facts {
            release: format!("{major}.{minor}"),
            version: Version(major, minor),
            sockets: strace_ebpf_common::config::SocketOffsets::default(),
            offsets: if btf {
                Ok(Offsets::default())
            } else {
                Err(NoOffsets::NoBtf("gone".to_owned()))
            },
            trace_types: crate::kernel::btf::TraceTypes::default(),
            task_registers: btf,
            pid_max: 1,
            cpus: 1,
            pidns_inum: 0,
            lockdown: String::new(),
            lockdown_unread: None,
            caps: crate::kernel::caps::Caps(0),
        }
    }

    /// A kernel with types that cannot be read.
    fn hidden(major: u32, minor: u32) -> Facts {
        Facts {
            task_registers: true,
            ..facts(major, minor, false)
        }
    }

    #[test]
    fn without_types_in_a_preemptible_kernel_nothing_is_complete() {
        for attach in [Attach::Auto, Attach::Tracepoint, Attach::Kprobe] {
            let Err(PlanError::Unable(message)) = choose_hook(attach, &facts(7, 2, false), true)
            else {
                panic!("{attach:?}");
            };
            assert!(message.contains("CONFIG_DEBUG_INFO_BTF"), "{message}");
        }
        let nested = Facts {
            pidns_inum: 1,
            ..hidden(7, 2)
        };
        assert!(choose_hook(Attach::Auto, &nested, true).is_err());
        let raw = choose_hook(Attach::RawTracepoint, &facts(7, 2, false), true);
        assert_eq!(raw, Ok(Hook::RawTracepoint));
    }

    #[test]
    fn hooks_and_transports_by_kernel() {
        for (attach, facts, preemptible, hook) in [
            (Attach::Auto, facts(6, 12, true), false, Hook::TpBtf),
            (Attach::Auto, facts(7, 2, true), true, Hook::Tracepoint),
            (
                Attach::Auto,
                facts(6, 12, false),
                false,
                Hook::RawTracepoint,
            ),
            (Attach::TpBtf, facts(7, 2, true), true, Hook::TpBtf),
            (Attach::Auto, facts(5, 4, true), false, Hook::RawTracepoint),
            (Attach::Kprobe, facts(5, 10, true), false, Hook::Kprobe),
            (Attach::Kprobe, facts(5, 10, false), false, Hook::Kprobe),
            (Attach::Auto, hidden(7, 2), true, Hook::Tracepoint),
            (Attach::Kprobe, hidden(7, 2), true, Hook::Kprobe),
            (Attach::Kretprobe, hidden(6, 1), false, Hook::Kretprobe),
        ] {
            assert_eq!(choose_hook(attach, &facts, preemptible), Ok(hook));
        }
        for (attach, facts, part) in [
            (
                Attach::Auto,
                facts(5, 2, true),
                "Linux 5.3 or newer is needed; this is 5.2",
            ),
            (Attach::TpBtf, facts(5, 4, true), "needs Linux 5.5"),
            (
                Attach::TpBtf,
                facts(6, 12, false),
                "/sys/kernel/btf/vmlinux: gone",
            ),
            (
                Attach::Kretprobe,
                facts(6, 12, false),
                "/sys/kernel/btf/vmlinux: gone",
            ),
            (Attach::Tracepoint, facts(5, 10, true), "needs Linux 5.15"),
            (Attach::Fentry, facts(5, 15, true), "needs Linux 5.17"),
        ] {
            let Err(PlanError::Unable(message)) = choose_hook(attach, &facts, false) else {
                panic!("{attach:?} on {}", facts.release);
            };
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(
            choose_transport(Transport::Auto, &facts(5, 7, true), false),
            Ok(Transport::Perf)
        );
        assert_eq!(
            choose_transport(Transport::Auto, &facts(5, 8, true), true),
            Ok(Transport::Ringbuf)
        );
        assert_eq!(
            choose_transport(Transport::Auto, &facts(6, 1, true), false),
            Ok(Transport::Mapped)
        );
        let refused = choose_transport(Transport::Mapped, &facts(7, 2, true), true);
        assert!(matches!(refused, Err(PlanError::Unable(_))));
    }

    /// A kernel that can do everything.
    fn able() -> Hooks {
        Hooks {
            kprobes: Ok(8),
            multi: Ok(()),
            functions: vec![vec![c"__x64_sys_read".to_owned()]],
            dispatchers: vec![c"x64_sys_call".to_owned()],
            fentry: Ok(vec![(c"x64_sys_call".to_owned(), 7)]),
            preemption: Preemption::No,
        }
    }

    #[test]
    fn all_functions_at_once_then_the_one_that_calls_them_then_one_by_one() {
        let functions = vec![vec![c"__x64_sys_read".to_owned()]];
        let dispatchers = vec![c"x64_sys_call".to_owned()];
        let mut hooks = able();
        let places = |hooks: &Hooks| choose_places(Hook::Kprobe, hooks);
        assert_eq!(places(&hooks), Ok(Some(Places::Multi(functions.clone()))));
        hooks.multi = Err("not supported".to_owned());
        let expected = Places::Dispatchers(8, dispatchers);
        assert_eq!(places(&hooks), Ok(Some(expected)));
        hooks.dispatchers.clear();
        assert_eq!(places(&hooks), Ok(Some(Places::Single(8, functions))));
        hooks.functions.clear();
        assert!(places(&hooks).is_err());
        assert_eq!(choose_places(Hook::TpBtf, &hooks), Ok(None));
    }

    #[test]
    fn what_cannot_be_complete_is_refused_with_the_reason() {
        let refusal = |hook, hooks: &Hooks| match choose_places(hook, hooks) {
            Err(PlanError::Unable(message)) => message,
            other => panic!("{other:?}"),
        };
        let full = Hooks {
            preemption: Preemption::Yes,
            ..able()
        };
        assert!(refusal(Hook::Fentry, &full).contains("is preemptible"));
        assert!(choose_places(Hook::Kprobe, &full).is_ok());
        let notrace = Hooks {
            fentry: Err("x64_sys_call cannot be traced: busy".to_owned()),
            ..able()
        };
        assert!(refusal(Hook::Fentry, &notrace).contains("cannot be traced"));
        let without = Hooks {
            kprobes: Err("this kernel has no kprobes".to_owned()),
            ..able()
        };
        for hook in [Hook::Kprobe, Hook::Kretprobe] {
            let message = refusal(hook, &without);
            assert!(message.contains(hook.name()) && message.contains("no kprobes"));
        }
    }
}
