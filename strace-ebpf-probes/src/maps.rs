//! Every map and every setting, in one place.

#[cfg(not(feature = "perf-only"))]
use aya_ebpf::btf_maps::{ArrayOfMaps, RingBuf};
use aya_ebpf::{
    btf_maps::{Array, CgroupArray, LruHashMap, PerCpuArray, PerCpuHashMap, PerfEventArray},
    macros::btf_map,
};
use strace_ebpf_common::{
    config::{Config, FileOffsets, Injected, Offsets, SocketOffsets, Task},
    counters::{Counters, STREAMS},
    limits::{ABIS, COUNT_SLOTS_MAX, PLANS_PER_ABI, SCRATCH_BYTES, SURVEY_BYTES},
    mapped::{Chunk, Cursor},
    plan::Plan,
    summary::{Count, GroupKey, OffCpu, Row},
};

/// The settings. User space fills them in before load; from then on they are constants.
#[unsafe(no_mangle)]
pub static CONFIG: Config = Config {
    scope: 0,
    self_tgid: 0,
    follow: 0,
    transport: 0,
    status: 0,
    has_task_btf: 0,
    pidns_inum: 0,
    lifecycle: 0,
    extra: 0,
    ring_bytes: 0,
    detach_on_exec: 0,
    lossless: 0,
    has_task_regs: 0,
    kprobes: 0,
    count_missed: 0,
    stoppable: 0,
    count: Count {
        overhead_ns: 0,
        mode: 0,
        clock: 0,
        by: 0,
        status: 0,
        histogram: 0,
        _pad: 0,
    },
    offsets: Offsets {
        task_pid: 0,
        task_tgid: 0,
        task_status: 0,
        task_mm: 0,
        task_exit_code: 0,
        task_comm: 0,
        task_thread_pid: 0,
        task_leader: 0,
        mm_arg_start: 0,
        bprm_filename: 0,
        pid_level: 0,
        pid_numbers: 0,
        pidns_inum: 0,
        task_stack: 0,
    },
    sockets: SocketOffsets {
        task_files: 0,
        files_fdt: 0,
        fdt_max: 0,
        fdt_array: 0,
        file_private: 0,
        socket_file: 0,
        socket_sk: 0,
        sock_family: 0,
        sock_protocol: 0,
    },
    netlink: 0,
    descriptors: 0,
    files: FileOffsets {
        task_fs: 0,
        fs_pwd: 0,
        file_path: 0,
        file_inode: 0,
        path_mount: 0,
        path_dentry: 0,
        inode_mode: 0,
        inode_rdev: 0,
        inode_number: 0,
        inode_super: 0,
        inode_private: 0,
        ns_ops: 0,
        ns_name: 0,
        super_magic: 0,
        dentry_parent: 0,
        dentry_name: 0,
        qstr_name: 0,
        dentry_hash: 0,
        hash_pprev: 0,
        mount_parent: 0,
        mount_point: 0,
        mount_vfs: 0,
        vfs_root: 0,
        sock_port: 0,
        sock_peer_port: 0,
        sock_address: 0,
        sock_peer: 0,
        sock_address6: 0,
        sock_peer6: 0,
        sock_inode: 0,
        sock_socket: 0,
        socket_inode: 0,
        unix_peer: 0,
        unix_address: 0,
        bound_len: 0,
        bound_name: 0,
        netlink_port: 0,
    },
    inject: 0,
    rounds: 0,
};

/// One bit per system call number modulo 1024: some ABI's plan of it has work at enter. It saves
/// every other call the look-up of its ABI and plan at enter.
#[unsafe(no_mangle)]
pub static ENTER_BITS: [u64; 16] = [0; 16];

/// One bit per system call number below 1024: of calls of this number nothing is told, whatever their ABI. They cost no reading of
/// the clock.
#[unsafe(no_mangle)]
pub static UNTOLD_BITS: [u64; 16] = [0; 16];

/// Rounds of the interpreter without `bpf_loop`. Before Linux 5.6 the verifier walks each of them.
#[unsafe(no_mangle)]
pub static PLAIN_ROUNDS: u32 = 16;

/// The summary's row of each system call, by `abi * PLANS_PER_ABI + nr`; 0: it is not wanted.
#[unsafe(no_mangle)]
pub static COUNT_SLOTS: [u16; COUNT_SLOTS_MAX] = [0; COUNT_SLOTS_MAX];

/// Reads one setting. Volatile, or the compiler would take the zeros above for the truth.
macro_rules! setting {
    ($($field:ident).+) => {
        $crate::maps::constant(&raw const $crate::maps::CONFIG.$($field).+)
    };
}
pub(crate) use setting;

/// See [`setting`].
#[inline(always)]
pub fn constant<T: Copy>(place: *const T) -> T {
    // SAFETY: `setting` passes a field of a static.
    unsafe { place.read_volatile() }
}

/// State per tid; user space sizes it by `kernel.pid_max`.
#[btf_map]
pub static TASKS: Array<Task, 32768> = Array::new();

/// Not 0: nothing more is to be reported, though the programs still hang where they do.
#[btf_map]
pub static STOPPED: Array<u32, 1> = Array::new();

/// What to do with each system call, `abi * PLANS_PER_ABI + nr`.
#[btf_map]
pub static PLANS: Array<Plan, { (PLANS_PER_ABI * ABIS) as usize }> = Array::new();

/// Threads in an execve: their numbers in the initial PID namespace, and in ours. For where the two differ.
#[btf_map]
pub static EXECS: LruHashMap<u32, u32, 1024> = LruHashMap::new();

/// The books, per CPU, one entry per stream.
#[btf_map]
pub static COUNTERS: PerCpuArray<Counters, { STREAMS as usize }> = PerCpuArray::new();

/// The summary, a row per wanted system call; row 0 stays empty.
#[btf_map]
pub static ROWS: PerCpuArray<Row, 1> = PerCpuArray::new();

/// The summary by groups.
#[btf_map]
pub static GROUPS: PerCpuHashMap<GroupKey, Row, 1> = PerCpuHashMap::new();

/// Time without a CPU, by tid; as large as `TASKS` when the summary counts CPU time.
#[btf_map]
pub static OFF_CPU: Array<OffCpu, 1> = Array::new();

/// A record under construction, and the interpreter's state: in memory, so that the verifier
/// sees the same unknown values in every round of its loop.
#[repr(C)]
pub struct Scratch {
    /// 1 while a program of this CPU works here.
    pub busy: u64,
    /// End of the record so far.
    pub off: u64,
    /// Present operation.
    pub op: u64,
    /// Elements (pointers) handled in it.
    pub element: u64,
    /// The capture whose elements are walked, as an offset into `data`.
    pub cursor: u64,
    /// Position within that capture.
    pub pos: u64,
    /// Bytes left of the total, for `OP_RESULT_IS_TOTAL`.
    pub left: u64,
    /// Captures written.
    pub captures: u64,
    /// 1 if one of them could not be read.
    pub failed: u64,
    /// The phase.
    pub phase: u64,
    /// Stack pointer of the tracee.
    pub sp: u64,
    /// Its instruction pointer.
    pub ip: u64,
    /// Its frame pointer.
    pub bp: u64,
    /// Bits of the present word of an `fd_set` that are still to be looked at.
    pub bits: u64,
    /// The capture of a descriptor whose way up is being walked, as an offset into `data`; else 0.
    pub walk: u64,
    /// A name that stands in for that of the first directory entry; else 0.
    pub name: u64,
    /// On that way: the present directory entry, its mount, and the mount's root.
    pub dentry: u64,
    pub mount: u64,
    pub root: u64,
    /// Where each operation's captures begin.
    pub starts: [u64; 16],
    /// The record.
    pub data: [u8; SCRATCH_BYTES],
}

/// One per CPU, indexed by it: larger than a per-CPU allocation may be.
#[btf_map]
pub static SCRATCH: Array<Scratch, 1> = Array::new();

/// A ring buffer per CPU; user space makes them in the size it wants.
#[cfg(not(feature = "perf-only"))]
#[btf_map]
pub static RINGS: ArrayOfMaps<RingBuf<(), 4096>, 1> = ArrayOfMaps::new();

/// In its place: what uses it is dead code where the transport is perf, but names it.
#[cfg(feature = "perf-only")]
#[btf_map]
pub static RINGS: Array<u64, 1> = Array::new();

/// The perf buffers, one per CPU.
#[btf_map]
pub static EVENTS: PerfEventArray = PerfEventArray::new();

/// `BPF_F_MMAPABLE`, Linux 5.5.
#[cfg(not(feature = "perf-only"))]
const MAPPED: usize = 1 << 10;
#[cfg(feature = "perf-only")]
const MAPPED: usize = 0;

/// Both ends of the mapped buffers, one per CPU.
#[btf_map]
pub static CURSORS: Array<Cursor, 1, MAPPED> = Array::new();

/// The mapped buffers: for each CPU as many pieces as its buffer has.
#[btf_map]
pub static CHUNKS: Array<Chunk, 1, MAPPED> = Array::new();

/// Processes that are held back, `HELD_*`, one entry per number up to `pid_max`.
#[btf_map]
pub static HELD: Array<u64, 1, MAPPED> = Array::new();

/// What was done to calls by `inject=`, by tid; as large as `TASKS` where there is such a thing.
#[btf_map]
pub static INJECTED: Array<Injected, 1> = Array::new();

/// A copy of a `task_struct`, see [`crate::survey`].
#[btf_map]
pub static SURVEY: Array<[u8; SURVEY_BYTES], 1> = Array::new();

/// The cgroup under which tasks are traced with `SCOPE_CGROUP`.
#[btf_map]
pub static CGROUP: CgroupArray<1> = CgroupArray::new();

/// A message for `--debug-probes`; nothing at all in the ordinary build.
macro_rules! debug {
    ($ctx:expr, $($arg:tt)+) => {
        #[cfg(feature = "log")]
        aya_log_ebpf::debug!(
            &aya_ebpf::programs::RawTracePointContext::new($ctx),
            $($arg)+
        );
    };
}
pub(crate) use debug;
