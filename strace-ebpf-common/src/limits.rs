//! Sizes that bound the probes, each with its reason.

/// Bytes of a thread name, `TASK_COMM_LEN` in `include/linux/sched.h`.
pub const COMM_BYTES: usize = 16;

/// Most bytes of a path, `PATH_MAX` in `include/uapi/linux/limits.h`, its NUL included.
pub const PATH_MAX: u32 = 4096;

/// Most bytes of one record. A perf sample carries its size in a `u16`, headers included.
pub const RECORD_MAX: u32 = 60 * 1024;

/// Bytes of a scratch buffer: a record, then room for one more copy of the largest size behind
/// it, so that the verifier can see from two masks of 16 bits that no copy leaves the buffer.
pub const SCRATCH_BYTES: usize = 0x2_0100;

/// Capture operations of one system call; `pselect6` and `recvmmsg` need the most. The probes keep
/// an operation's number in four bits.
pub const MAX_OPS: usize = 16;

/// Elements that one operation walks (buffers of an iovec, strings of an argv).
pub const MAX_ELEMENTS: u16 = 128;

/// The same where all of them are to be shown (`-v`, a large `-s`).
pub const MANY_ELEMENTS: u16 = 2048;

/// Pointers of a NULL-terminated vector that are looked at (argv, envp); beyond it the count is
/// a lower bound and says so.
pub const MAX_POINTERS: u16 = 512;

/// Entries of the plan table for one ABI. The last one stands for every unknown number; the
/// largest known one is 547 (x32, `execveat`... `arch/x86/entry/syscalls/syscall_64.tbl`).
pub const PLANS_PER_ABI: u32 = 576;

/// Tables in the plan map: x86-64, i386, x32.
pub const ABIS: u32 = 3;

/// Entries of the table from system calls to rows of the summary: a power of two, because the probes mask the index.
pub const COUNT_SLOTS_MAX: usize = 2048;
const _: () = assert!((PLANS_PER_ABI * ABIS) as usize <= COUNT_SLOTS_MAX);

/// Bit of a system call number that marks x32, `__X32_SYSCALL_BIT` in
/// `arch/x86/include/uapi/asm/unistd.h`.
pub const X32_SYSCALL_BIT: u32 = 0x4000_0000;

/// Bytes of a `task_struct` that are looked at where there is no BTF; it has had 9 to 14 KiB.
pub const SURVEY_BYTES: usize = 16 * 1024;

/// First bytes of the name of the tasks whose end is looked at for that.
pub const SURVEY_COMM: &[u8; 8] = b"sebpf-sv";
