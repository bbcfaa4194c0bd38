//! Reading kernel structures at the offsets that user space took from BTF.

use crate::read::bpf_probe_read_kernel;
use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::helpers::generated::{
    bpf_get_current_task, bpf_get_current_task_btf, bpf_task_pt_regs,
};
use strace_ebpf_common::config::EXTRA_SIGNAL_IP;

use crate::{
    arch::{IP, TS_COMPAT},
    filter::{self, Ids},
    hook,
    maps::setting,
};

/// Reads a `T` at `base + offset` with the checked helper; zero when that fails.
#[inline(always)]
pub fn read<T: Copy + Default>(base: u64, offset: u32) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the helper checks the source; the destination is ours, and it clears that when it fails. Clearing it here as
    // well can be a call of a function, for which old kernels count 32 bytes of the stack.
    unsafe {
        bpf_probe_read_kernel(
            value.as_mut_ptr().cast::<c_void>(),
            size_of::<T>() as u32,
            (base + u64::from(offset)) as *const c_void,
        );
        value.assume_init()
    }
}

/// Reads a `T` from a pointer that the verifier knows to be a kernel structure.
///
/// # Safety
/// `base` came from a typed program argument or from `bpf_get_current_task_btf`.
#[inline(always)]
pub unsafe fn load<T: Copy>(base: *const u8, offset: u32) -> T {
    // SAFETY: the kernel makes faulting loads through such pointers read zeros.
    unsafe { base.add(offset as usize).cast::<T>().read_volatile() }
}

/// A 32-bit field of the current task: directly where the kernel hands out typed pointers (5.11).
#[inline(always)]
pub fn current_u32(offset: u32) -> u32 {
    // SAFETY: helpers without arguments; `load` gets what it asks for.
    unsafe {
        if setting!(has_task_btf) != 0 {
            load(bpf_get_current_task_btf().cast::<u8>(), offset)
        } else {
            read(bpf_get_current_task(), offset)
        }
    }
}

/// The current task, with its type: helper 158, Linux 5.11.
///
/// # Safety
/// Only where `has_task_btf` is set.
#[inline(always)]
pub unsafe fn current_typed() -> *const u8 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_get_current_task_btf().cast() }
}

/// The current task's numbers, and whether its call came in by a 32-bit entry.
pub struct Current {
    pub ids: Ids,
    pub compat: bool,
}

/// Both with one helper call, where the kernel hands out typed pointers (5.11): calls into the kernel are what costs.
#[inline(always)]
pub fn identify() -> Option<Current> {
    if setting!(has_task_btf) == 0 || setting!(pidns_inum) != 0 {
        let ids = filter::current_ids()?;
        let compat = hook::is_compat();
        return Some(Current { ids, compat });
    }
    // SAFETY: a helper without arguments; `load` gets what it asks for.
    unsafe {
        let task = bpf_get_current_task_btf().cast::<u8>();
        let status: u32 = load(task, setting!(offsets.task_status));
        Some(Current {
            ids: Ids {
                tgid: load(task, setting!(offsets.task_tgid)),
                tid: load(task, setting!(offsets.task_pid)),
            },
            compat: status & TS_COMPAT != 0,
        })
    }
}

/// Where the current task is in its program; 0 unless that is asked for of signals.
#[inline(always)]
pub fn current_ip() -> u64 {
    if setting!(extra) & EXTRA_SIGNAL_IP == 0 {
        return 0;
    }
    // SAFETY: helpers 158 and 175, Linux 5.15; user space checks before it asks.
    let regs = unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) } as u64;
    read(regs, (IP * 8) as u32)
}

/// Address of the current `task_struct`.
#[inline(always)]
pub fn current() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_get_current_task() }
}

/// Address of the `struct file` that the current process has open as `fd`; 0 if it is not open.
#[inline(always)]
pub fn file(fd: i32) -> u64 {
    let files: u64 = read(current(), setting!(sockets.task_files));
    let table: u64 = read(files, setting!(sockets.files_fdt));
    let most: u32 = read(table, setting!(sockets.fdt_max));
    // One that is negative is beyond them, too.
    if fd as u32 >= most {
        return 0;
    }
    let array: u64 = read(table, setting!(sockets.fdt_array));
    read(array + 8 * u64::from(fd as u32), 0)
}

/// Deepest nesting of PID namespaces, `MAX_PID_NS_LEVEL` in `include/linux/pid_namespace.h`.
const MAX_PIDNS_LEVEL: u32 = 32;
/// Size of `struct upid`, and the place of its namespace pointer.
const UPID_BYTES: u32 = 16;
const UPID_NS: u32 = 8;

/// The number of a task in the tracer's PID namespace, 0 if it has none there.
#[inline(always)]
pub fn number_in_our_namespace(task: u64) -> u32 {
    pid_in_our_namespace(read(task, setting!(offsets.task_thread_pid)))
}

/// The number of a `struct pid` in the tracer's PID namespace, 0 if it has none there.
#[inline(always)]
pub fn pid_in_our_namespace(pid: u64) -> u32 {
    if setting!(pidns_inum) == 0 {
        return read(pid, setting!(offsets.pid_numbers));
    }
    let level: u32 = read(pid, setting!(offsets.pid_level));
    let mut i = 0;
    while i <= MAX_PIDNS_LEVEL {
        if i > level {
            break;
        }
        let upid = setting!(offsets.pid_numbers) + i * UPID_BYTES;
        let ns: u64 = read(pid, upid + UPID_NS);
        let inum: u32 = read(ns, setting!(offsets.pidns_inum));
        if inum == setting!(pidns_inum) {
            return read(pid, upid);
        }
        i += 1;
    }
    0
}
