//! The eBPF programs of strace-ebpf: entry points only.
//!
//! Each subject has one body, generic over the hook, in its own module; here the bodies are
//! wrapped once per hook type. User space loads only the set that fits the running kernel. Map
//! and program names stay within 15 bytes, the kernel keeps no more.
//!
//! The crate is empty when it is built for anything but the BPF target.
#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

#[cfg(not(target_arch = "bpf"))]
fn main() {}

#[cfg(target_arch = "bpf")]
mod arch;
#[cfg(target_arch = "bpf")]
mod brake;
#[cfg(target_arch = "bpf")]
mod capture;
#[cfg(target_arch = "bpf")]
mod count;
#[cfg(target_arch = "bpf")]
mod descriptor;
#[cfg(target_arch = "bpf")]
mod emit;
#[cfg(target_arch = "bpf")]
mod enter;
#[cfg(target_arch = "bpf")]
mod exit;
#[cfg(target_arch = "bpf")]
mod extra;
#[cfg(target_arch = "bpf")]
mod filter;
#[cfg(target_arch = "bpf")]
mod hook;
#[cfg(target_arch = "bpf")]
mod inject;
#[cfg(target_arch = "bpf")]
mod kernel;
#[cfg(target_arch = "bpf")]
mod mapped;
#[cfg(target_arch = "bpf")]
mod maps;
#[cfg(target_arch = "bpf")]
mod netlink;
#[cfg(target_arch = "bpf")]
mod read;
#[cfg(target_arch = "bpf")]
mod signal;
#[cfg(target_arch = "bpf")]
mod simple;
#[cfg(target_arch = "bpf")]
mod survey;
#[cfg(target_arch = "bpf")]
mod switch;
#[cfg(target_arch = "bpf")]
mod task;
#[cfg(target_arch = "bpf")]
mod verifier;

#[cfg(target_arch = "bpf")]
mod programs {
    use core::ffi::c_void;

    use crate::{count, enter, exit, hook, signal, survey, switch, task};

    /// Defines one program: its ELF section, its name, its body with the raw context pointer. Never by way of a function:
    /// each costs 32 bytes of the 512 that Linux allows for the stack.
    macro_rules! program {
        ($section:literal, $name:ident, |$ctx:ident| $body:expr) => {
            #[unsafe(no_mangle)]
            #[unsafe(link_section = $section)]
            fn $name($ctx: *mut c_void) -> i32 {
                $body;
                0
            }
        };
        ($section:literal, $name:ident, $body:path) => {
            program!($section, $name, |ctx| $body(ctx));
        };
    }

    // sys_enter(struct pt_regs *regs, long id)              Linux 4.17+ (raw), 5.5+ (BTF)
    // sys_exit(struct pt_regs *regs, long ret)
    // Those ending in 0 do without bpf_loop: Linux before 5.17.
    program!("tp_btf/sys_enter", enter_btf, |c| enter::run::<_, true>(
        hook::Typed(c)
    ));
    program!("tp_btf/sys_exit", exit_btf, |c| exit::run::<_, true>(
        hook::Typed(c)
    ));
    program!("tp_btf/sys_enter", enter_btf0, |c| enter::run::<_, false>(
        hook::Typed(c)
    ));
    program!("tp_btf/sys_exit", exit_btf0, |c| exit::run::<_, false>(
        hook::Typed(c)
    ));
    program!("raw_tp/sys_enter", enter_raw, |c| enter::run::<_, true>(
        hook::Raw::<false>(c)
    ));
    program!("raw_tp/sys_exit", exit_raw, |c| exit::run::<_, true>(
        hook::Raw::<true>(c)
    ));
    program!("raw_tp/sys_enter", enter_raw0, |c| enter::run::<_, false>(
        hook::Raw::<false>(c)
    ));
    program!("raw_tp/sys_exit", exit_raw0, |c| exit::run::<_, false>(
        hook::Raw::<true>(c)
    ));
    // The same for a summary without a trace.
    program!("tp_btf/sys_enter", c_enter_btf, |c| count::enter(
        hook::Typed(c)
    ));
    program!("tp_btf/sys_exit", c_exit_btf, |c| count::exit(hook::Typed(
        c
    )));
    program!("raw_tp/sys_enter", c_enter_raw, |c| count::enter(
        hook::Raw::<false>(c)
    ));
    program!("raw_tp/sys_exit", c_exit_raw, |c| count::exit(hook::Raw::<
        true,
    >(c)));
    program!("tracepoint", c_enter_tp, |c| count::enter(hook::Classic(c)));
    program!("tracepoint", c_exit_tp, |c| count::exit(hook::Classic(c)));
    // raw_syscalls:sys_enter { long id; unsigned long args[6]; }, raw_syscalls:sys_exit { long id; long ret; }
    // Classic tracepoints, Linux 4.7+; the arguments at exit need helper 175, Linux 5.15+.
    program!("tracepoint", enter_tp, |c| enter::run::<_, true>(
        hook::Classic(c)
    ));
    program!("tracepoint", exit_tp, |c| exit::run::<_, true>(
        hook::Classic(c)
    ));
    program!("tracepoint", enter_tp0, |c| enter::run::<_, false>(
        hook::Classic(c)
    ));
    program!("tracepoint", exit_tp0, |c| exit::run::<_, false>(
        hook::Classic(c)
    ));

    // long __x64_sys_*(const struct pt_regs *regs) and its kin    Linux 4.17+; kprobe.multi 5.18+
    // kprobes and kretprobes on these are served by the raw tracepoints' programs, as settings say.
    // long x64_sys_call(const struct pt_regs *regs, unsigned int nr)    Linux 6.9+, and older ones with its fixes
    // Its fentry has the arguments of tp_btf/sys_enter and is served by that program. No build without bpf_loop:
    // where there is no bpf_loop fentry is refused.
    program!("fexit/x64_sys_call", exit_fex, |c| exit::run::<_, true>(
        hook::Fexit(c)
    ));

    // sched_process_fork(struct task_struct *parent, struct task_struct *child)
    program!(
        "tp_btf/sched_process_fork",
        fork_btf,
        |c| task::fork::<true>(c)
    );
    program!(
        "raw_tp/sched_process_fork",
        fork_raw,
        |c| task::fork::<false>(c)
    );
    // sched_process_exec(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)
    program!(
        "tp_btf/sched_process_exec",
        exec_btf,
        |c| task::exec::<true>(c)
    );
    program!(
        "raw_tp/sched_process_exec",
        exec_raw,
        |c| task::exec::<false>(c)
    );
    // sched_process_exit(struct task_struct *p), a second argument since Linux 6.16
    program!(
        "tp_btf/sched_process_exit",
        gone_btf,
        |c| task::gone::<true>(c)
    );
    program!(
        "raw_tp/sched_process_exit",
        gone_raw,
        |c| task::gone::<false>(c)
    );
    // The same as classic tracepoints, for kernels whose raw ones run preemptibly (Linux 7.2).
    // task:task_newtask { pid_t pid; char comm[16]; u64 clone_flags; ... }, in the parent
    program!("tracepoint", fork_tp, task::fork_classic);
    // sched:sched_process_exec { __data_loc char[] filename; pid_t pid; pid_t old_pid; }
    program!("tracepoint", exec_tp, task::exec_classic);
    // sched:sched_process_exit, in the task itself
    program!("tracepoint", gone_tp, task::gone_classic);
    // sched_wakeup_new(struct task_struct *p), in the parent
    program!("raw_tp/sched_wakeup_new", fork_woken, task::fork_woken);
    // sched_switch(bool preempt, struct task_struct *prev, struct task_struct *next), a fourth argument since Linux 5.18
    program!("tp_btf/sched_switch", switch_btf, switch::run::<true>);
    program!("raw_tp/sched_switch", switch_raw, switch::run::<false>);
    // Field offsets where there is no BTF.
    program!("raw_tp/sys_enter", survey_own, |_ctx| survey::named_task());
    program!("raw_tp/sched_process_exit", survey_gone, |_ctx| {
        survey::named_task()
    });
    // signal_deliver(int sig, struct kernel_siginfo *info, struct k_sigaction *ka)
    program!("raw_tp/signal_deliver", sig_deliver, signal::deliver);
    // signal_generate(int sig, struct kernel_siginfo *info, struct task_struct *task, int group, int result)
    program!("raw_tp/signal_generate", sig_generate, signal::generate);
}

/// The kernel offers its tracing helpers to GPL-compatible programs only.
#[cfg(target_arch = "bpf")]
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    // No program panics: the verifier would see this loop and refuse it.
    loop {}
}
