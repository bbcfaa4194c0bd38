//! The few raw system calls that neither std nor aya offers, each with its checks in one place.

mod inherited;
pub mod perf;
mod regex;

use std::{
    ffi::CStr,
    fs::{self, File},
    io::{self, Read},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

pub use inherited::{Inherited, inherited, lock_any_memory, notice_ends_of_children};
pub use regex::Regex;
use tokio::io::{Interest, unix::AsyncFd};

/// Turns a system call's result into a value or the errno.
pub fn check(ret: libc::c_long) -> io::Result<libc::c_long> {
    if ret < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(ret)
    }
}

fn owned(ret: libc::c_long) -> io::Result<OwnedFd> {
    let fd = check(ret)?;
    // SAFETY: the call just returned this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// `bpf(2)` command `BPF_PROG_LOAD`.
const BPF_PROG_LOAD: u32 = 5;
/// `bpf(2)` command `BPF_RAW_TRACEPOINT_OPEN`.
const BPF_RAW_TRACEPOINT_OPEN: u32 = 17;
/// `bpf(2)` command `BPF_BTF_LOAD`.
const BPF_BTF_LOAD: u32 = 18;
/// `bpf(2)` command `BPF_LINK_CREATE`.
const BPF_LINK_CREATE: u32 = 28;
/// `bpf(2)` command `BPF_OBJ_GET_INFO_BY_FD`.
pub const BPF_OBJ_GET_INFO_BY_FD: u32 = 15;

/// `bpf(2)`: `attr` is the command's part of `union bpf_attr`, zero-extended by the kernel.
///
/// # Safety
/// Pointers inside `attr` are valid for what `command` does with them.
pub unsafe fn bpf(command: u32, attr: &mut [u8]) -> io::Result<libc::c_long> {
    // SAFETY: the kernel reads (and for queries writes) `attr.len()` bytes; the rest by contract.
    check(unsafe { libc::syscall(libc::SYS_bpf, command, attr.as_mut_ptr(), attr.len()) })
}

/// A program to load, for what aya cannot ask for.
#[derive(Debug)]
pub struct ProgLoad<'a> {
    /// `BPF_PROG_TYPE_*`
    pub prog_type: u32,
    /// `BPF_TRACE_*`, 0 for types without
    pub expected_attach_type: u32,
    /// Function to attach to, as a type id of the kernel's BTF; 0 for types without
    pub attach_btf_id: u32,
    /// `BPF_F_*`
    pub flags: u32,
    /// Instructions.
    pub code: &'a [u64],
    /// At most 15 bytes are kept.
    pub name: &'a str,
    /// Its types: needed by programs with callbacks.
    pub types: Option<Types<'a>>,
    /// License.
    pub license: &'a CStr,
}

/// Types of a program's functions.
#[derive(Clone, Copy, Debug)]
pub struct Types<'a> {
    /// BTF that the kernel has taken.
    pub btf: BorrowedFd<'a>,
    /// `struct bpf_func_info` of each function.
    pub functions: &'a [u8],
}

/// `sizeof(struct bpf_func_info)`
const FUNC_INFO_BYTES: u32 = 8;

/// The kernel refused a program.
#[derive(Debug)]
pub struct Refusal {
    /// Its error.
    pub error: io::Error,
    /// The verifier's log.
    pub log: String,
}

/// Loads a program, or not: for those who only want to know whether it can be.
pub fn prog_try(program: &ProgLoad<'_>) -> io::Result<OwnedFd> {
    try_prog_load(program, &mut [])
}

/// Loads a program; when it is refused, once more to get the verifier's log.
pub fn prog_load(program: &ProgLoad<'_>) -> Result<OwnedFd, Refusal> {
    let error = match try_prog_load(program, &mut []) {
        Ok(fd) => return Ok(fd),
        Err(error) => error,
    };
    let mut log = vec![0; 15 << 20];
    // A log that does not fit is cut, with an error of its own: the first one counts.
    let _ = try_prog_load(program, &mut log);
    let end = log.iter().position(|b| *b == 0).unwrap_or(log.len());
    let log = String::from_utf8_lossy(&log[..end]).into_owned();
    Err(Refusal { error, log })
}

/// The part of `union bpf_attr` for `BPF_PROG_LOAD`, `include/uapi/linux/bpf.h`.
fn try_prog_load(program: &ProgLoad<'_>, log: &mut [u8]) -> io::Result<OwnedFd> {
    let mut attr = [0u8; 120];
    let mut put = |at: usize, bytes: &[u8]| attr[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &program.prog_type.to_ne_bytes());
    put(4, &(program.code.len() as u32).to_ne_bytes());
    put(8, &(program.code.as_ptr() as u64).to_ne_bytes());
    put(16, &(program.license.as_ptr() as u64).to_ne_bytes());
    if !log.is_empty() {
        put(24, &1u32.to_ne_bytes());
        put(28, &(log.len() as u32).to_ne_bytes());
        put(32, &(log.as_mut_ptr() as u64).to_ne_bytes());
    }
    put(44, &program.flags.to_ne_bytes());
    let name = program.name.as_bytes();
    put(48, &name[..name.len().min(15)]);
    put(68, &program.expected_attach_type.to_ne_bytes());
    if let Some(types) = &program.types {
        let count = types.functions.len() as u32 / FUNC_INFO_BYTES;
        put(72, &(types.btf.as_raw_fd() as u32).to_ne_bytes());
        put(76, &FUNC_INFO_BYTES.to_ne_bytes());
        put(80, &(types.functions.as_ptr() as u64).to_ne_bytes());
        put(88, &count.to_ne_bytes());
    }
    put(108, &program.attach_btf_id.to_ne_bytes());
    // SAFETY: the pointers are to live data of the sizes given.
    owned(unsafe { bpf(BPF_PROG_LOAD, &mut attr) }?)
}

/// Hands types to the kernel.
pub fn btf_load(btf: &[u8]) -> io::Result<OwnedFd> {
    let mut attr = [0u8; 32];
    attr[0..8].copy_from_slice(&(btf.as_ptr() as u64).to_ne_bytes());
    attr[16..20].copy_from_slice(&(btf.len() as u32).to_ne_bytes());
    // SAFETY: a pointer to that many bytes.
    owned(unsafe { bpf(BPF_BTF_LOAD, &mut attr) }?)
}

/// Attaches a typed program (fentry, fexit) to the function that it was loaded for.
pub fn attach_typed(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut attr = [0u8; 16];
    attr[8..12].copy_from_slice(&(program.as_raw_fd() as u32).to_ne_bytes());
    // SAFETY: no pointers.
    owned(unsafe { bpf(BPF_RAW_TRACEPOINT_OPEN, &mut attr) }?)
}

/// `BPF_TRACE_KPROBE_MULTI`, attach type of a program for many functions at once.
pub const BPF_TRACE_KPROBE_MULTI: u32 = 42;

/// Attaches a program to the entry, or the return, of many functions at once: Linux 5.18.
pub fn attach_multi(
    program: BorrowedFd<'_>,
    functions: &[impl AsRef<CStr>],
    returns: bool,
) -> io::Result<OwnedFd> {
    let names: Vec<u64> = functions
        .iter()
        .map(|name| name.as_ref().as_ptr() as u64)
        .collect();
    let mut attr = [0u8; 48];
    let mut put = |at: usize, bytes: &[u8]| attr[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &(program.as_raw_fd() as u32).to_ne_bytes());
    put(8, &BPF_TRACE_KPROBE_MULTI.to_ne_bytes());
    // BPF_F_KPROBE_MULTI_RETURN
    put(16, &u32::from(returns).to_ne_bytes());
    put(20, &(names.len() as u32).to_ne_bytes());
    put(24, &(names.as_ptr() as u64).to_ne_bytes());
    // SAFETY: an array of pointers to NUL-terminated names, both alive.
    owned(unsafe { bpf(BPF_LINK_CREATE, &mut attr) }?)
}

/// `ioctl(2)` with an integer argument.
pub fn ioctl(fd: BorrowedFd<'_>, request: libc::c_ulong, arg: libc::c_ulong) -> io::Result<()> {
    // SAFETY: only used with requests whose argument is a plain number.
    check(libc::c_long::from(unsafe {
        libc::ioctl(fd.as_raw_fd(), request, arg)
    }))
    .map(drop)
}

/// The namespace that a PID namespace is in, ioctl_nsfs(2); not if the caller is not in it itself.
pub fn namespace_parent(namespace: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    /// `NS_GET_PARENT` in `include/uapi/linux/nsfs.h`.
    const GET_PARENT: libc::c_ulong = 0xb702;
    // SAFETY: a live descriptor, and a request without an argument.
    let fd = check(unsafe { libc::ioctl(namespace.as_raw_fd(), GET_PARENT as _) }.into())?;
    // SAFETY: the kernel has just given it to us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// A file descriptor that becomes readable when process `pid` ends, `pidfd_open(2)`.
pub fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })
}

/// A detached mount of the file system `kind`, seen by nobody but the holder of the descriptor:
/// `fsopen(2)`, Linux 5.2.
pub fn private_mount(kind: &CStr) -> io::Result<OwnedFd> {
    const FSOPEN_CLOEXEC: u32 = 1;
    const FSCONFIG_CMD_CREATE: u32 = 6;
    const FSMOUNT_CLOEXEC: u32 = 1;
    // SAFETY: a NUL-terminated name; the other calls take numbers and null pointers.
    unsafe {
        let fs = owned(libc::syscall(
            libc::SYS_fsopen,
            kind.as_ptr(),
            FSOPEN_CLOEXEC,
        ))?;
        check(libc::syscall(
            libc::SYS_fsconfig,
            fs.as_raw_fd(),
            FSCONFIG_CMD_CREATE,
            std::ptr::null::<u8>(),
            std::ptr::null::<u8>(),
            0,
        ))?;
        owned(libc::syscall(
            libc::SYS_fsmount,
            fs.as_raw_fd(),
            FSMOUNT_CLOEXEC,
            0,
        ))
    }
}

/// `openat(2)` for reading.
pub fn open_at(dir: BorrowedFd<'_>, path: &CStr) -> io::Result<OwnedFd> {
    // SAFETY: a NUL-terminated path.
    owned(libc::c_long::from(unsafe {
        libc::openat(
            dir.as_raw_fd(),
            path.as_ptr(),
            libc::O_RDONLY | libc::O_CLOEXEC,
        )
    }))
}

/// A file of tracefs: where that is mounted, or from a mount of our own that nobody else sees.
pub fn read_tracefs(path: &CStr) -> io::Result<String> {
    let mounts = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
    read_kernel_file(&mounts, c"tracefs", path)
}

/// A file of debugfs, likewise.
pub fn read_debugfs(path: &CStr) -> io::Result<String> {
    read_kernel_file(&["/sys/kernel/debug"], c"debugfs", path)
}

fn read_kernel_file(mounts: &[&str], kind: &CStr, path: &CStr) -> io::Result<String> {
    for mount in mounts {
        if let Ok(text) = fs::read_to_string(format!("{mount}/{}", path.to_string_lossy())) {
            return Ok(text);
        }
    }
    let root = private_mount(kind)?;
    let mut text = String::new();
    File::from(open_at(root.as_fd(), path)?).read_to_string(&mut text)?;
    Ok(text)
}

/// Reads another process's memory, `process_vm_readv(2)`: pages that are not resident are
/// brought in. Returns how many bytes were read.
pub fn read_process(pid: u32, addr: u64, buf: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec {
        iov_base: buf.as_mut_ptr().cast(),
        iov_len: buf.len(),
    };
    let remote = libc::iovec {
        iov_base: addr as *mut libc::c_void,
        iov_len: buf.len(),
    };
    // SAFETY: the local buffer is ours; the remote address is checked by the kernel.
    let got = unsafe { libc::process_vm_readv(pid as libc::pid_t, &local, 1, &remote, 1, 0) };
    check(got as libc::c_long).map(|n| n as usize)
}

/// A timer on the monotonic clock as a file descriptor.
#[derive(Debug)]
pub struct TimerFd(OwnedFd);

impl TimerFd {
    /// A disarmed timer.
    pub fn new() -> io::Result<Self> {
        // SAFETY: plain numbers.
        owned(libc::c_long::from(unsafe {
            libc::timerfd_create(
                libc::CLOCK_MONOTONIC,
                libc::TFD_CLOEXEC | libc::TFD_NONBLOCK,
            )
        }))
        .map(Self)
    }

    /// Makes it readable once, `after_ns` from now.
    pub fn arm(&self, after_ns: u64) -> io::Result<()> {
        let spec = libc::itimerspec {
            it_interval: libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: libc::timespec {
                tv_sec: (after_ns / 1_000_000_000) as libc::time_t,
                tv_nsec: (after_ns % 1_000_000_000).max(1) as libc::c_long,
            },
        };
        // SAFETY: a valid specification, no old value wanted.
        check(libc::c_long::from(unsafe {
            libc::timerfd_settime(self.0.as_raw_fd(), 0, &spec, std::ptr::null_mut())
        }))
        .map(drop)
    }
}

impl AsRawFd for TimerFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for TimerFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Nanoseconds on `clock` (`CLOCK_MONOTONIC`, `CLOCK_REALTIME`).
#[must_use]
pub fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut ts = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a valid place; these clocks always exist.
    unsafe { libc::clock_gettime(clock, &mut ts) };
    ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64
}

/// A memory mapping, unmapped when dropped.
#[derive(Debug)]
pub struct Mapping {
    start: *mut u8,
    len: usize,
}

// SAFETY: the mapping belongs to this value alone; access to it is the user's own matter.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps `len` bytes of `fd` from `offset`, shared.
    pub fn new(fd: BorrowedFd<'_>, len: usize, offset: i64, writable: bool) -> io::Result<Self> {
        let prot = if writable {
            libc::PROT_READ | libc::PROT_WRITE
        } else {
            libc::PROT_READ
        };
        // SAFETY: a new mapping at a place of the kernel's choice.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                prot,
                libc::MAP_SHARED,
                fd.as_raw_fd(),
                offset,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            start: start.cast(),
            len,
        })
    }

    /// All of it.
    #[must_use]
    fn bytes_of_private(&self) -> &[u8] {
        // SAFETY: mapped with this length.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }

    /// First byte.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        self.start
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length.
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}

/// A file's bytes, for reading, that nobody changes.
pub struct MappedFile(Mapping);

impl MappedFile {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes_of_private()
    }
}

/// Maps a file of the kernel's that never changes.
pub fn map_file(file: &std::fs::File) -> io::Result<MappedFile> {
    let len = file.metadata()?.len() as usize;
    // SAFETY: a new mapping at a place of the kernel's choice.
    let start = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            len,
            libc::PROT_READ,
            libc::MAP_PRIVATE | libc::MAP_POPULATE,
            file.as_raw_fd(),
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(MappedFile(Mapping {
        start: start.cast(),
        len,
    }))
}

/// Signals as a file descriptor, `signalfd(2)`: they no longer interrupt, and each tells where it
/// came from.
#[derive(Debug)]
pub struct SignalFd(OwnedFd);

impl SignalFd {
    /// Blocks `signals` in this thread (and those made later) and opens the descriptor.
    pub fn new(signals: &[i32]) -> io::Result<Self> {
        // SAFETY: sigset functions on a valid set; the other calls take it read-only.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut set);
            for &signal in signals {
                libc::sigaddset(&mut set, signal);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
            owned(libc::c_long::from(libc::signalfd(
                -1,
                &set,
                libc::SFD_CLOEXEC | libc::SFD_NONBLOCK,
            )))
            .map(Self)
        }
    }

    /// The next signal, and whether the kernel sent it (a key at the terminal) rather than a process.
    pub fn read(&self) -> Option<(i32, bool)> {
        const SI_KERNEL: i32 = 0x80;
        // SAFETY: zero is a valid value of every field.
        let mut info: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: room for one entry.
        let got = unsafe { libc::read(self.0.as_raw_fd(), (&raw mut info).cast(), size) };
        (got == size as isize).then_some((info.ssi_signo as i32, info.ssi_code == SI_KERNEL))
    }
}

impl AsRawFd for SignalFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Has a signal come that this thread has blocked, to read it later?
#[must_use]
pub fn is_signal_pending() -> bool {
    // SAFETY: sigset functions on a valid set.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigpending(&mut set);
        [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT]
            .into_iter()
            .any(|signal| libc::sigismember(&set, signal) == 1)
    }
}

/// As many open files as we may have: a kprobe on each of a thousand functions needs a thousand.
pub fn allow_descriptors() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: a valid structure.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

/// Makes this process one that nothing ends but SIGKILL: a session of its own, all signals blocked. May be called behind a fork
/// of a process with threads.
pub fn be_alone(name: &CStr) {
    // SAFETY: a valid set; a live string.
    unsafe {
        libc::setsid();
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &all, std::ptr::null_mut());
        libc::prctl(libc::PR_SET_NAME, name.as_ptr());
    }
}

/// Sends a signal to a process. That it is gone is no error worth telling.
pub fn kill(pid: u32, signal: i32) {
    // SAFETY: plain numbers.
    unsafe { libc::kill(pid as libc::pid_t, signal) };
}

/// Ends this process by `signal`, without a core file of our own.
pub fn die_by(signal: i32) -> ! {
    // SAFETY: the process ends here; no other thread depends on the signal state any more.
    unsafe {
        let none = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        libc::setrlimit(libc::RLIMIT_CORE, &none);
        libc::signal(signal, libc::SIG_DFL);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
        libc::raise(signal);
        libc::_exit(128 + signal)
    }
}

/// This thread's number.
#[must_use]
pub fn gettid() -> i32 {
    // SAFETY: no arguments.
    unsafe { libc::gettid() }
}

/// Puts a thread, 0 for this one, ahead of the ordinary ones, so that a busy machine does not keep it from emptying the buffers;
/// its children are ordinary again. False where that is not permitted.
pub fn schedule_first(tid: i32) -> bool {
    let param = libc::sched_param { sched_priority: 1 };
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: a valid parameter.
    unsafe { libc::sched_setscheduler(tid, policy, &param) == 0 }
}

/// Registers `inner` with the event loop, to be told when it becomes readable.
pub fn watch<T: AsRawFd>(inner: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: every type used here owns its descriptor and gives the same one all its life.
    unsafe { AsyncFd::register_with_interest(inner, Interest::READABLE) }.map_err(Into::into)
}
