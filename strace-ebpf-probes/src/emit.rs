//! Sends records to user space; the only place that counts what was seen and what was dropped.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::{
    bindings::{BPF_F_CURRENT_CPU, BPF_RB_AVAIL_DATA, BPF_RB_NO_WAKEUP},
    helpers::generated::{
        bpf_get_current_comm, bpf_get_smp_processor_id, bpf_ktime_get_ns, bpf_perf_event_output,
        bpf_ringbuf_output, bpf_ringbuf_query, bpf_ringbuf_reserve, bpf_ringbuf_submit,
    },
};
use strace_ebpf_common::{
    capture::padded,
    config::{TRANSPORT_MAPPED, TRANSPORT_PERF},
    counters::{Counters, STREAM_TASK},
    limits::COMM_BYTES,
    record::Header,
};

use crate::{
    capture::mask16,
    filter::Ids,
    kernel,
    mapped::{self, Place},
    maps::{COUNTERS, EVENTS, RINGS, debug, setting},
    read::bpf_probe_read_kernel,
};

/// A record's place in the books: taken before anything can fail.
#[derive(Clone, Copy)]
pub struct Ticket {
    books: *mut Counters,
    /// May the mapped buffer be used? Not by what interrupts others.
    in_task: bool,
    pub cpu: u32,
    pub seq: u64,
}

impl Ticket {
    /// Counts one record as seen.
    #[inline(always)]
    pub fn take(stream: u32) -> Option<Self> {
        let books = COUNTERS.get_ptr_mut(stream)?;
        // SAFETY: a map value; only programs of this stream on this CPU write it.
        unsafe {
            (*books).seen += 1;
            Some(Self {
                books,
                in_task: stream == STREAM_TASK,
                cpu: bpf_get_smp_processor_id(),
                seq: (*books).seen,
            })
        }
    }

    /// The record was refused: no room.
    #[inline(always)]
    pub fn dropped_full(self) {
        // SAFETY: as in `take`.
        unsafe { (*self.books).dropped_full += 1 }
    }

    /// Does it go through the mapped buffer?
    #[inline(always)]
    pub fn mapped(self) -> bool {
        setting!(transport) == TRANSPORT_MAPPED && self.in_task
    }

    /// The record was refused: the scratch buffer was taken.
    #[inline(always)]
    pub fn dropped_busy(self) {
        // SAFETY: as in `take`.
        unsafe { (*self.books).dropped_busy += 1 }
    }

    /// The record was refused: this CPU has no buffer.
    #[inline(always)]
    pub fn dropped_no_buffer(self) {
        // SAFETY: as in `take`.
        unsafe { (*self.books).dropped_no_buffer += 1 }
    }
}

/// The books of a stream, for the counts of tasks.
#[inline(always)]
pub fn books(stream: u32) -> Option<*mut Counters> {
    COUNTERS.get_ptr_mut(stream)
}

/// Fills in the common part. `comm` is left to the caller.
///
/// # Safety
/// `header` points to writable memory of that size.
#[inline(always)]
pub unsafe fn fill_header(
    header: *mut Header,
    ticket: Ticket,
    kind: u16,
    len: u32,
    ts_ns: u64,
    ids: Ids,
) {
    // SAFETY: by contract.
    unsafe {
        (*header).len = len;
        (*header).kind = kind;
        (*header).cpu = ticket.cpu as u16;
        (*header).seq = ticket.seq;
        (*header).ts_ns = ts_ns;
        (*header).tgid = ids.tgid;
        (*header).tid = ids.tid;
    }
}

/// Is the buffer of this CPU nearly full: are seven eighths of it in use?
#[inline(always)]
pub fn nearly_full(cpu: u32) -> bool {
    let limit = u64::from(setting!(ring_bytes) / 8 * 7);
    if setting!(transport) == TRANSPORT_MAPPED {
        return mapped::holds_more_than(cpu, limit);
    }
    used(cpu) > limit
}

/// Bytes in use in the buffer of this CPU. Of a perf buffer it cannot be told.
#[inline(always)]
pub fn used(cpu: u32) -> u64 {
    if setting!(transport) == TRANSPORT_MAPPED {
        return mapped::used(cpu);
    }
    if setting!(transport) == TRANSPORT_PERF {
        return 0;
    }
    let Some(ring) = RINGS.get(cpu) else {
        return 0;
    };
    // SAFETY: a ring buffer.
    unsafe {
        bpf_ringbuf_query(
            core::ptr::from_ref(ring).cast_mut().cast(),
            u64::from(BPF_RB_AVAIL_DATA),
        )
    }
}

/// Monotonic time.
#[inline(always)]
pub fn now_ns() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_ktime_get_ns() }
}

/// Writes the current thread's name.
///
/// # Safety
/// `header` points to writable memory of that size.
#[inline(always)]
pub unsafe fn fill_comm(header: *mut Header) {
    // SAFETY: by contract.
    unsafe {
        let comm = &raw mut (*header).comm;
        if setting!(has_task_btf) != 0 && setting!(offsets.task_comm) != 0 {
            // Two loads: 15 ns less than the helper, as the task is at hand anyway.
            let task = kernel::current_typed();
            let words: [u64; 2] = [
                kernel::load(task, setting!(offsets.task_comm)),
                kernel::load(task, setting!(offsets.task_comm) + 8),
            ];
            comm.cast::<[u64; 2]>().write(words);
        } else {
            bpf_get_current_comm(comm.cast(), COMM_BYTES as u32);
        }
    }
}

/// Sends a record of fixed size: in place in the buffer, or from the stack.
#[inline(always)]
pub fn fixed<T>(ctx: *mut c_void, ticket: Ticket, fill: impl Fn(*mut T)) {
    if ticket.mapped() {
        if let Some(place) = Place::find(ticket, size_of::<T>() as u64) {
            fill(place.at().cast());
            place.publish(size_of::<T>() as u64);
        }
        return;
    }
    if setting!(transport) != TRANSPORT_PERF {
        let Some(ring) = RINGS.get(ticket.cpu) else {
            ticket.dropped_no_buffer();
            return;
        };
        // SAFETY: reserved memory is ours until it is submitted.
        unsafe {
            let slot = bpf_ringbuf_reserve(
                core::ptr::from_ref(ring).cast_mut().cast(),
                size_of::<T>() as u64,
                0,
            );
            if slot.is_null() {
                debug!(ctx, "dropped: record {} of CPU {}", ticket.seq, ticket.cpu);
                ticket.dropped_full();
                return;
            }
            fill(slot.cast::<T>());
            bpf_ringbuf_submit(slot, u64::from(BPF_RB_NO_WAKEUP));
        }
        return;
    }
    let mut record = MaybeUninit::<T>::zeroed();
    fill(record.as_mut_ptr());
    output_perf(
        ctx,
        ticket,
        record.as_mut_ptr().cast(),
        size_of::<T>() as u64,
    );
}

/// Sends the first `len` bytes (at most 65,535) of scratch memory.
#[inline(always)]
pub fn bytes(ctx: *mut c_void, ticket: Ticket, data: *mut u8, len: u64) {
    let len = mask16(len);
    if ticket.mapped() {
        if let Some(place) = Place::find(ticket, padded(len)) {
            // SAFETY: behind every place there is room for 16 bits of length; `data` has at least as much.
            unsafe { bpf_probe_read_kernel(place.at().cast(), len as u32, data.cast()) };
            place.publish(padded(len));
        }
        return;
    }
    if setting!(transport) != TRANSPORT_PERF {
        let Some(ring) = RINGS.get(ticket.cpu) else {
            ticket.dropped_no_buffer();
            return;
        };
        // SAFETY: `data` has at least 65,535 bytes.
        let refused = unsafe {
            bpf_ringbuf_output(
                core::ptr::from_ref(ring).cast_mut().cast(),
                data.cast(),
                len,
                u64::from(BPF_RB_NO_WAKEUP),
            )
        };
        if refused != 0 {
            ticket.dropped_full();
        }
        return;
    }
    output_perf(ctx, ticket, data, len);
}

#[inline(always)]
fn output_perf(ctx: *mut c_void, ticket: Ticket, data: *mut u8, len: u64) {
    // SAFETY: the verifier checks `data` and `len`.
    let refused = unsafe {
        bpf_perf_event_output(
            ctx,
            (&raw const EVENTS).cast_mut().cast(),
            BPF_F_CURRENT_CPU,
            data.cast(),
            len,
        )
    };
    if refused != 0 {
        ticket.dropped_full();
    }
}
