//! Settings that the probes read as one read-only global, and the state they keep per task.
//!
//! The global is frozen before the programs load, so the verifier sees constants and removes
//! what a setting switches off.

use crate::summary::Count;

/// Trace every task but the tracer.
pub const SCOPE_ALL: u32 = 1;
/// Trace the tasks under the cgroup in map `CGROUP`.
pub const SCOPE_CGROUP: u32 = 2;

/// Events leave through the per-CPU ring buffers (Linux 5.8).
pub const TRANSPORT_RINGBUF: u32 = 0;
/// Events leave through the per-CPU perf buffers.
pub const TRANSPORT_PERF: u32 = 1;

/// Events leave through memory that both sides have mapped, see [`crate::mapped`]: where programs cannot be preempted.
pub const TRANSPORT_MAPPED: u32 = 2;

/// Report calls that succeeded.
pub const STATUS_SUCCESS: u32 = 1;
/// Report calls that failed.
pub const STATUS_FAILURE: u32 = 2;

/// Add an [`crate::capture::Identity`] to every call.
pub const EXTRA_IDENTITY: u32 = 1;
/// Add the user-space stack to every call.
pub const EXTRA_STACK: u32 = 2;
/// Add the instruction pointer to every call, also to its enter record.
pub const EXTRA_IP: u32 = 4;
/// Add it to signals (helper 175 `bpf_task_pt_regs`, Linux 5.15).
pub const EXTRA_SIGNAL_IP: u32 = 8;

/// Add registers and the top of the stack to every call, from which user space finds its callers (`-k`).
pub const EXTRA_FRAMES: u32 = 16;

/// Threads of traced processes are traced.
pub const FOLLOW_THREADS: u32 = 0;
/// Their children too (`-f`).
pub const FOLLOW_ALL: u32 = 1;
/// Nothing that is born is traced, as in strace without `-f`.
pub const FOLLOW_NONE: u32 = 2;

/// The raw programs of sys_enter hang on the calls' functions, as kprobes.
pub const KPROBE_ENTER: u32 = 1;
/// Those of sys_exit do, as kretprobes.
pub const KPROBE_EXIT: u32 = 2;

/// Where the probes find a field they need, in bytes from the start of its structure, as read
/// from the running kernel's BTF. 0 in a field that cannot be at 0 means "not known".
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offsets {
    /// `task_struct.pid`
    pub task_pid: u32,
    /// `task_struct.tgid`
    pub task_tgid: u32,
    /// `task_struct.thread_info.status`, holds `TS_COMPAT`
    pub task_status: u32,
    /// `task_struct.mm`
    pub task_mm: u32,
    /// `task_struct.exit_code`
    pub task_exit_code: u32,
    /// `task_struct.comm`
    pub task_comm: u32,
    /// `task_struct.thread_pid`
    pub task_thread_pid: u32,
    /// `task_struct.group_leader`
    pub task_leader: u32,
    /// `mm_struct.arg_start`, followed by `arg_end`
    pub mm_arg_start: u32,
    /// `linux_binprm.filename`
    pub bprm_filename: u32,
    /// `pid.level`
    pub pid_level: u32,
    /// `pid.numbers`, an array of `struct upid { int nr; struct pid_namespace *ns; }`
    pub pid_numbers: u32,
    /// `pid_namespace.ns.inum`
    pub pidns_inum: u32,
    /// `task_struct.stack`
    pub task_stack: u32,
}

/// The same for what leads from a descriptor to the protocol of its socket. All 0 where they are not known.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketOffsets {
    /// `task_struct.files`
    pub task_files: u32,
    /// `files_struct.fdt`
    pub files_fdt: u32,
    /// `fdtable.max_fds`
    pub fdt_max: u32,
    /// `fdtable.fd`
    pub fdt_array: u32,
    /// `file.private_data`
    pub file_private: u32,
    /// `socket.file`
    pub socket_file: u32,
    /// `socket.sk`
    pub socket_sk: u32,
    /// `sock.__sk_common.skc_family`
    pub sock_family: u32,
    /// `sock.sk_protocol`
    pub sock_protocol: u32,
}

/// The same for what leads from a descriptor to a path or a socket's addresses. Only asked for with
/// `-y` and its kin; a socket's fields are 0 where the kernel has no such family.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileOffsets {
    /// `task_struct.fs`
    pub task_fs: u32,
    /// `fs_struct.pwd`
    pub fs_pwd: u32,
    /// `file.f_path`
    pub file_path: u32,
    /// `file.f_inode`
    pub file_inode: u32,
    /// `path.mnt`
    pub path_mount: u32,
    /// `path.dentry`
    pub path_dentry: u32,
    /// `inode.i_mode`
    pub inode_mode: u32,
    /// `inode.i_rdev`
    pub inode_rdev: u32,
    /// `inode.i_ino`
    pub inode_number: u32,
    /// `inode.i_sb`
    pub inode_super: u32,
    /// `inode.i_private`
    pub inode_private: u32,
    /// `ns_common.ops`
    pub ns_ops: u32,
    /// `proc_ns_operations.name`
    pub ns_name: u32,
    /// `super_block.s_magic`
    pub super_magic: u32,
    /// `dentry.d_parent`
    pub dentry_parent: u32,
    /// `dentry.d_name`
    pub dentry_name: u32,
    /// `qstr.name`
    pub qstr_name: u32,
    /// `dentry.d_hash`
    pub dentry_hash: u32,
    /// `hlist_bl_node.pprev`
    pub hash_pprev: u32,
    /// `mount.mnt_parent`
    pub mount_parent: u32,
    /// `mount.mnt_mountpoint`
    pub mount_point: u32,
    /// `mount.mnt`
    pub mount_vfs: u32,
    /// `vfsmount.mnt_root`
    pub vfs_root: u32,
    /// `sock.__sk_common.skc_num`, which is 0 again where a connection could not be made; `inet_sock.inet_sport` is not
    pub sock_port: u32,
    /// `sock.__sk_common.skc_dport`
    pub sock_peer_port: u32,
    /// `sock.__sk_common.skc_rcv_saddr`
    pub sock_address: u32,
    /// `sock.__sk_common.skc_daddr`
    pub sock_peer: u32,
    /// `sock.__sk_common.skc_v6_rcv_saddr`
    pub sock_address6: u32,
    /// `sock.__sk_common.skc_v6_daddr`
    pub sock_peer6: u32,
    /// `sock.sk_ino`, Linux 6.17
    pub sock_inode: u32,
    /// `sock.sk_socket`
    pub sock_socket: u32,
    /// `socket_alloc.vfs_inode`
    pub socket_inode: u32,
    /// `unix_sock.peer`
    pub unix_peer: u32,
    /// `unix_sock.addr`
    pub unix_address: u32,
    /// `unix_address.len`
    pub bound_len: u32,
    /// `unix_address.name`
    pub bound_name: u32,
    /// `netlink_sock.portid`
    pub netlink_port: u32,
}

/// Descriptors are left alone.
pub const DESCRIPTORS_PLAIN: u32 = 0;
/// Find out their paths.
pub const DESCRIPTORS_PATHS: u32 = 1;
/// And what sockets are connected to, which process a pidfd is for.
pub const DESCRIPTORS_DETAILS: u32 = 2;

/// Everything the probes are told.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `SCOPE_*` bits; 0: only the tasks marked in map `TASKS`.
    pub scope: u32,
    /// The tracer's own tgid (in its PID namespace), never traced under `SCOPE_ALL`.
    pub self_tgid: u32,
    /// `FOLLOW_*`.
    pub follow: u32,
    /// `TRANSPORT_*`.
    pub transport: u32,
    /// `STATUS_*` bits.
    pub status: u32,
    /// 1: `bpf_get_current_task_btf` (helper 158, Linux 5.11) may be called.
    pub has_task_btf: u32,
    /// Inode number of the tracer's PID namespace, 0 when that is the initial one.
    pub pidns_inum: u32,
    /// 1: report forks, execs, exits and signals.
    pub lifecycle: u32,
    /// `EXTRA_*` bits.
    pub extra: u32,
    /// Bytes of a CPU's buffer, a power of two.
    pub ring_bytes: u32,
    /// 1: a traced task is let go of when it has replaced its program (`-b execve`).
    pub detach_on_exec: u32,
    /// 1: hold the traced processes back rather than lose events (`--lossless`).
    pub lossless: u32,
    /// 1: `bpf_task_pt_regs` (helper 175, Linux 5.15) may be called.
    pub has_task_regs: u32,
    /// `KPROBE_*` bits.
    pub kprobes: u32,
    /// 1: count calls whose return was not seen; only hooks that can miss returns pay for it.
    pub count_missed: u32,
    /// 1: look at map `STOPPED` first; for hooks whose detaching takes long.
    pub stoppable: u32,
    /// The summary.
    pub count: Count,
    /// Where things are in this kernel.
    pub offsets: Offsets,
    /// Likewise.
    pub sockets: SocketOffsets,
    /// 1: messages of netlink sockets are copied whole.
    pub netlink: u32,
    /// `DESCRIPTORS_*`
    pub descriptors: u32,
    /// The same for files; zeros where they are not asked for.
    pub files: FileOffsets,
    /// 1: look at map `INJECTED`.
    pub inject: u32,
    /// Rounds of the interpreter's loop for one record, where there is `bpf_loop`: operations and elements together.
    pub rounds: u32,
}

const _: () = assert!(size_of::<Config>() == 16 * 4 + 32 + 14 * 4 + 9 * 4 + 4 + 38 * 4 + 2 * 4);

/// In map `HELD`, indexed by process: it may run.
pub const HELD_NOT: u64 = 0;
/// The probes have stopped it.
pub const HELD_STOPPED: u64 = 1;
/// It has been told to go on, and may yet be stopped by a signal that was under way.
pub const HELD_RELEASED: u64 = 2;
/// In the entry of process 0, which is nobody's: whatever comes to the end of a call is to be stopped.
pub const HELD_EVERY: u64 = 3;
/// It must never be stopped: the tracer, and what the tracer waits for.
pub const HELD_NEVER: u64 = u64::MAX;

/// This task is not traced.
pub const TASK_IDLE: u16 = 0;
/// Of this task only execve is reported, until one succeeds; then it is traced.
pub const TASK_ARMED: u16 = 1;
/// This task is traced.
pub const TASK_TRACED: u16 = 2;

/// In [`Task::abi`]: something could not be read at enter.
pub const TASK_RETRY: u16 = 0x100;
/// In [`Task::abi`]: what was to be copied at enter was left out.
pub const TASK_SPARSE: u16 = 0x200;

/// One entry of map `TASKS`, indexed by tid.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// Monotonic time at which the present call was entered, 0: not in a call that we saw begin.
    pub enter_ns: u64,
    /// Number of that call.
    pub nr: u32,
    /// `TASK_*`.
    pub state: u16,
    /// One more than the `ABI_*` of that call, where its enter was reported; 0: ask at exit. An
    /// execve changes the answer. With [`TASK_RETRY`] where not everything could be read.
    pub abi: u16,
}

const _: () = assert!(size_of::<Task>() == 16);

/// One entry of map `INJECTED`, indexed by tid: what the injector has done to the call that this thread is in. Written
/// while the thread waits for it, so that nobody else looks.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Injected {
    /// Monotonic time at which the call was really made, before any delay.
    pub enter_ns: u64,
    /// How long ago the call would have returned without a delay of its return.
    pub late_ns: u64,
    /// `CALL_*` bits for the record; 0: nothing was done.
    pub flags: u16,
    /// A signal that the thread is to get, or 0.
    pub signal: u16,
    /// Not 0: the injector knows this thread, and not one that had the number before.
    pub known: u32,
}

const _: () = assert!(size_of::<Injected>() == 24);

#[cfg(feature = "user")]
// SAFETY: repr(C), integers only, no padding (sizes asserted above).
unsafe impl aya::Pod for Config {}
#[cfg(feature = "user")]
// SAFETY: as above.
unsafe impl aya::Pod for Task {}
