//! Signals: those that reach a traced task, and those thrown away because it ignores them.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_get_current_uid_gid;
use strace_ebpf_common::{
    config::EXTRA_FRAMES,
    counters::{STREAM_IRQ, STREAM_TASK},
    limits::COMM_BYTES,
    record::{
        KIND_SIGNAL, SIGNAL_DEFAULT, SIGNAL_DELIVERED, SIGNAL_IGNORED, SIGNAL_SENT, SIGNAL_SPARSE,
        SignalRecord,
    },
};

use crate::{
    arch::{BP, IP, SP},
    emit::{self, Ticket},
    exit, extra,
    filter::{self, Ids},
    hook, kernel,
    maps::{Scratch, setting},
    read::bpf_probe_read_kernel,
};

/// Never reported: the exit that it causes is. The kernel also "delivers" it to every thread of a
/// process that ends by exit_group(2).
const SIGKILL: u32 = 9;
/// `TRACE_SIGNAL_DELIVERED` and `TRACE_SIGNAL_IGNORED`, `include/trace/events/signal.h`.
const TRACE_SIGNAL_DELIVERED: u64 = 0;
const TRACE_SIGNAL_IGNORED: u64 = 1;

/// No pointers: "none", and "the kernel", `include/linux/sched/signal.h`.
const SEND_SIG_NOINFO: u64 = 0;
const SEND_SIG_PRIV: u64 = 1;
/// `include/uapi/asm-generic/siginfo.h`.
const SI_KERNEL: u32 = 0x80;

#[inline(always)]
fn argument(ctx: *mut c_void, n: usize) -> u64 {
    // SAFETY: both tracepoints have the arguments asked for.
    unsafe { ctx.cast::<u64>().add(n).read_volatile() }
}

/// A signal is taken from the queue, in the receiver's context.
#[inline(always)]
pub fn deliver(ctx: *mut c_void) {
    let signal = argument(ctx, 0) as u32;
    if signal == SIGKILL {
        return;
    }
    let Some(ids) = filter::current_ids() else {
        return;
    };
    let Some(task) = filter::task(ids.tid) else {
        return;
    };
    // SAFETY: a map value.
    let (state, nr) = unsafe { ((*task).state, (*task).nr) };
    if !filter::in_scope(state, ids) {
        return;
    }
    let told = Told {
        signal,
        outcome: SIGNAL_DELIVERED,
        info: argument(ctx, 1),
        nr,
        // `sa_handler` is the first member of `struct k_sigaction`; SIG_DFL is 0.
        flags: if kernel::read::<u64>(argument(ctx, 2), 0) == 0 {
            SIGNAL_DEFAULT
        } else {
            0
        },
        ip: kernel::current_ip(),
    };
    send(ctx, STREAM_TASK, ids, told, kernel::current());
}

/// A signal is sent, in whatever context that happens.
#[inline(always)]
pub fn generate(ctx: *mut c_void) {
    let signal = argument(ctx, 0) as u32;
    let outcome = match argument(ctx, 4) {
        TRACE_SIGNAL_DELIVERED if signal != SIGKILL => SIGNAL_SENT,
        TRACE_SIGNAL_IGNORED => SIGNAL_IGNORED,
        // Already pending, or no memory for it.
        _ => return,
    };
    let receiver = argument(ctx, 2);
    let Some(ids) = filter::ids_of::<false>(receiver as *const u8) else {
        return;
    };
    let Some(task) = filter::task(ids.tid) else {
        return;
    };
    // SAFETY: a map value.
    let (state, nr) = unsafe { ((*task).state, (*task).nr) };
    // The sender's cgroup says nothing about the receiver: only marked tasks, or all of them.
    if state != strace_ebpf_common::config::TASK_TRACED
        && (setting!(scope) & strace_ebpf_common::config::SCOPE_ALL == 0
            || ids.tgid == setting!(self_tgid))
    {
        return;
    }
    let told = Told {
        signal,
        outcome,
        info: argument(ctx, 1),
        nr,
        flags: 0,
        ip: 0,
    };
    send(ctx, STREAM_IRQ, ids, told, receiver);
}

/// What a record tells of a signal besides who gets it.
#[derive(Clone, Copy)]
struct Told {
    signal: u32,
    outcome: u32,
    info: u64,
    nr: u32,
    flags: u32,
    ip: u64,
}

#[inline(always)]
fn send(ctx: *mut c_void, stream: u32, ids: Ids, mut told: Told, receiver: u64) {
    let Some(ticket) = Ticket::take(stream) else {
        return;
    };
    let now = emit::now_ns();
    let with_stack = setting!(extra) & EXTRA_FRAMES != 0 && stream == STREAM_TASK;
    if with_stack && let Some(s) = room_for_stack(ticket) {
        // SAFETY: a map value that nobody else uses meanwhile.
        unsafe {
            let record = (&raw mut (*s).data).cast::<SignalRecord>();
            fill(record, ticket, stream, now, ids, told, receiver);
            let regs = hook::registers_of_task();
            (*s).sp = kernel::read(regs, 8 * SP as u32);
            (*s).ip = kernel::read(regs, 8 * IP as u32);
            (*s).bp = kernel::read(regs, 8 * BP as u32);
            (*s).off = size_of::<SignalRecord>() as u64;
            extra::frames(s);
            (*record).header.len = (*s).off as u32;
            emit::bytes(ctx, ticket, record.cast(), (*s).off);
            (*s).busy = 0;
        }
        return;
    }
    if with_stack {
        told.flags |= SIGNAL_SPARSE;
    }
    emit::fixed::<SignalRecord>(ctx, ticket, |record| {
        fill(record, ticket, stream, now, ids, told, receiver);
    });
}

/// Where the stack is to be copied to, unless that had better be left out.
#[inline(always)]
fn room_for_stack(ticket: Ticket) -> Option<*mut Scratch> {
    if emit::nearly_full(ticket.cpu) {
        return None;
    }
    exit::take_scratch()
}

#[inline(always)]
fn fill(
    record: *mut SignalRecord,
    ticket: Ticket,
    stream: u32,
    now: u64,
    ids: Ids,
    told: Told,
    receiver: u64,
) {
    // SAFETY: a whole record's room.
    unsafe {
        let header = &raw mut (*record).header;
        emit::fill_header(
            header,
            ticket,
            KIND_SIGNAL,
            size_of::<SignalRecord>() as u32,
            now,
            ids,
        );
        // The stream's number is told by the high bit of `cpu`: its books are its own.
        (*header).cpu |= (stream as u16) << 15;
        bpf_probe_read_kernel(
            (&raw mut (*header).comm).cast(),
            COMM_BYTES as u32,
            (receiver + u64::from(setting!(offsets.task_comm))) as *const c_void,
        );
        (*record).signal = told.signal;
        (*record).outcome = told.outcome;
        (*record).nr = told.nr;
        (*record).flags = told.flags;
        (*record).ip = told.ip;
        // The helper zeroes the destination when it cannot read.
        let info = (&raw mut (*record).info).cast::<u32>();
        bpf_probe_read_kernel(
            info.cast(),
            size_of::<[u8; 48]>() as u32,
            told.info as *const c_void,
        );
        // In their place, the kernel itself: the `siginfo_t` that the receiver would see.
        if told.info == SEND_SIG_PRIV {
            info.write(told.signal);
            info.add(2).write(SI_KERNEL);
        } else if told.info == SEND_SIG_NOINFO && told.outcome != SIGNAL_DELIVERED {
            // By whoever makes the call that sends it, as by kill(2): `si_code` is SI_USER, 0.
            info.write(told.signal);
            info.add(4)
                .write(filter::current_ids().map_or(0, |sender| sender.tgid));
            info.add(5).write(bpf_get_current_uid_gid() as u32);
        }
    }
}
