//! `--check`: what this kernel and this user can do, one row per feature, and what to do about
//! what is missing.

use std::{ffi::CString, fmt::Write};

use anyhow::{Context, Result};

use crate::{
    cli::{Attach, Transport},
    kernel::{
        self, Facts, NoOffsets,
        hooks::{Ask, Hooks},
        since,
    },
    plan::{PlanError, hook},
    probes::{attach::Hook, functions::Places},
};

struct Row {
    feature: &'static str,
    ok: bool,
    says: String,
    /// Without it nothing can be traced.
    needed: bool,
}

/// The table, and whether tracing would work.
pub fn report(attach: Attach, transport: Transport) -> Result<(String, bool)> {
    let facts = Facts::gather().context("asking the kernel")?;
    let rows = rows(&facts, attach, transport);
    let able = rows.iter().all(|row| row.ok || !row.needed);
    let mut text = String::new();
    for Row {
        feature,
        ok,
        says,
        needed,
    } in rows
    {
        let mark = match (ok, needed) {
            (true, _) => "yes",
            (false, true) => "NO",
            (false, false) => "no",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{feature}\t{mark}\t{says}");
    }
    Ok((text, able))
}

fn rows(facts: &Facts, attach: Attach, transport: Transport) -> Vec<Row> {
    let locked = kernel::allow_locked_memory(facts.version);
    let can_trace = facts.caps.can_trace();
    let loads = can_trace.then(kernel::try_load);
    let may_load = matches!(loads, Some(Ok(())));
    let preemptible = may_load && kernel::raw_tracepoints_are_preemptible();
    let row = |feature, ok, needed, says: String| Row {
        feature,
        ok,
        needed,
        says,
    };
    let mut rows = vec![
        row(
            "kernel",
            facts.version >= since::OLDEST,
            true,
            format!("Linux {} (5.3 or newer is needed)", facts.release),
        ),
        row(
            "privilege",
            can_trace,
            true,
            if can_trace {
                "CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN".to_owned()
            } else if kernel::caps::in_user_namespace() {
                kernel::caps::USER_NAMESPACE.to_owned()
            } else {
                "CAP_BPF and CAP_PERFMON are missing; run with sudo".to_owned()
            },
        ),
        row(
            "locked memory",
            locked.is_ok(),
            true,
            locked
                .err()
                .unwrap_or_else(|| "enough for our maps".to_owned()),
        ),
        row(
            "load programs",
            may_load,
            true,
            match &loads {
                Some(Ok(())) => "the kernel accepts tracing programs".to_owned(),
                Some(Err(error)) => format!(
                    "refused: {error} (lockdown {})",
                    match facts.lockdown.as_str() {
                        "" => "not known",
                        mode => mode,
                    }
                ),
                None => "not tried without the privilege".to_owned(),
            },
        ),
        row(
            "BTF",
            facts.offsets.is_ok(),
            false,
            match &facts.offsets {
                Ok(_) => "/sys/kernel/btf/vmlinux has every field we need".to_owned(),
                Err(NoOffsets::NoBtf(why)) => format!(
                    "/sys/kernel/btf/vmlinux: {why}; the fields we need are looked for instead, PID namespaces, typed hooks and -y are out of reach (CONFIG_DEBUG_INFO_BTF)"
                ),
                Err(NoOffsets::Missing(field)) => format!("no field {field} in this kernel"),
            },
        ),
        row(
            "lockdown",
            !facts.is_confidential(),
            true,
            match (&facts.lockdown_unread, facts.lockdown.as_str()) {
                (Some(why), _) => {
                    format!("not known: /sys/kernel/security/lockdown cannot be read: {why}")
                }
                (None, "") => "not built in".to_owned(),
                (None, mode) => mode.to_owned(),
            },
        ),
        row(
            "ring buffer",
            facts.version >= since::RINGBUF,
            false,
            "Linux 5.8".to_owned(),
        ),
        row(
            "raw tracepoints complete",
            !preemptible,
            false,
            if preemptible {
                "they run preemptibly here and miss events: classic tracepoints are used".to_owned()
            } else {
                "they run with preemption off".to_owned()
            },
        ),
        row(
            "read non-resident strings",
            facts.caps.can_read_others(),
            false,
            if facts.caps.can_read_others() {
                "process_vm_readv with CAP_SYS_PTRACE".to_owned()
            } else {
                "only of own processes; CAP_SYS_PTRACE for others".to_owned()
            },
        ),
        row(
            "drain first",
            facts.caps.can_schedule(),
            false,
            if facts.caps.can_schedule() {
                "SCHED_FIFO with CAP_SYS_NICE".to_owned()
            } else {
                "ordinary priority; CAP_SYS_NICE makes loss less likely".to_owned()
            },
        ),
        row(
            "PID namespace",
            true,
            false,
            if facts.pidns_inum == 0 {
                "the initial one".to_owned()
            } else {
                "a nested one: PIDs are shown as in it".to_owned()
            },
        ),
    ];
    let hooks = if may_load && !facts.is_confidential() {
        Hooks::gather(Ask::Both)
    } else {
        Hooks::unknown("not tried")
    };
    // Nothing is tried on a kernel that is locked down: unmounting its tracefs is a bug of Linux 7.2's.
    let confidential = facts.is_confidential();
    let tracepoints = if confidential {
        Err(kernel::CONFIDENTIAL.to_owned())
    } else {
        kernel::find_tracepoints(facts.caps)
    };
    let try_hook = |attach| -> Result<_, PlanError> {
        if confidential {
            return Err(PlanError::Unable(kernel::CONFIDENTIAL.to_owned()));
        }
        let hook = hook::choose_hook(attach, facts, preemptible)?;
        if hook::needs_tracefs(hook, preemptible) {
            tracepoints.clone().map_err(PlanError::Unable)?;
        }
        Ok((hook, hook::choose_places(hook, &hooks)?))
    };
    for (feature, attach) in BY_NAME {
        let answer = try_hook(attach);
        let complete = !preemptible || attach == Attach::Tracepoint;
        rows.push(row(
            feature,
            answer.is_ok(),
            false,
            match answer {
                Ok((hook, places)) => describe(hook, places.as_ref(), complete),
                Err(error) => error.message(),
            },
        ));
    }
    let hook = try_hook(attach);
    rows.push(row(
        "hook",
        hook.is_ok(),
        true,
        match hook {
            Ok((hook, _)) => hook.name().to_owned(),
            Err(error) => error.message(),
        },
    ));
    let transport = hook::choose_transport(transport, facts, preemptible);
    rows.push(row(
        "transport",
        transport.is_ok(),
        true,
        match transport {
            Ok(transport) => transport.name().to_owned(),
            Err(error) => error.message(),
        },
    ));
    rows
}

/// Every hook as `--attach` calls it.
const BY_NAME: [(&str, Attach); 6] = [
    ("attach tp-btf", Attach::TpBtf),
    ("attach raw-tracepoint", Attach::RawTracepoint),
    ("attach tracepoint", Attach::Tracepoint),
    ("attach kprobe", Attach::Kprobe),
    ("attach kretprobe", Attach::Kretprobe),
    ("attach fentry", Attach::Fentry),
];

/// What a hook hangs on, and what to know about it; `complete` where its tracepoints see every call.
fn describe(hook: Hook, places: Option<&Places>, complete: bool) -> String {
    let on = match places {
        Some(Places::Multi(functions)) => {
            format!("{} functions at once (kprobe.multi)", functions.len())
        }
        Some(Places::Single(_, functions)) => format!(
            "{} functions one by one: slow to attach and detach",
            functions.len()
        ),
        Some(Places::Dispatchers(_, names)) => join(names.iter()),
        Some(Places::Typed(functions)) => join(functions.iter().map(|f| &f.0)),
        None if complete => "complete".to_owned(),
        None => "works, but misses events (they are counted)".to_owned(),
    };
    match hook {
        Hook::Kretprobe => {
            format!("{on}; misses returns when many are in flight (they are counted)")
        }
        Hook::Kprobe => format!("{on}; exits by tracepoint"),
        _ => on,
    }
}

fn join<'a>(names: impl Iterator<Item = &'a CString>) -> String {
    let names: Vec<_> = names.map(|name| name.to_string_lossy()).collect();
    names.join(", ")
}
