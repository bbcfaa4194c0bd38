//! Makes calls and writes down the lines that they must have in a trace.

use std::{
    ffi::{CStr, c_long},
    fmt::{Display, Write as _},
};

/// What a register of a call can be made of.
pub trait Raw {
    fn raw(self) -> usize;
}

#[allow(
    non_upper_case_globals,
    reason = "named as the C library names the others"
)]
/// Numbers of calls; those from 424 on that the C library has no name for are the same on every architecture.
pub mod numbers {
    use std::ffi::c_long;

    pub use libc::*;
    pub const SYS_create_module: c_long = 174;
    pub const SYS_get_kernel_syms: c_long = 177;
    pub const SYS_query_module: c_long = 178;
    pub const SYS_io_pgetevents: c_long = 333;
    pub const SYS_uretprobe: c_long = 335;
    pub const SYS_uprobe: c_long = 336;
    pub const SYS_cachestat: c_long = 451;
    pub const SYS_fchmodat2: c_long = 452;
    pub const SYS_map_shadow_stack: c_long = 453;
    pub const SYS_futex_wake: c_long = 454;
    pub const SYS_futex_wait: c_long = 455;
    pub const SYS_futex_requeue: c_long = 456;
    pub const SYS_statmount: c_long = 457;
    pub const SYS_listmount: c_long = 458;
    pub const SYS_lsm_get_self_attr: c_long = 459;
    pub const SYS_lsm_set_self_attr: c_long = 460;
    pub const SYS_lsm_list_modules: c_long = 461;
    pub const SYS_setxattrat: c_long = 463;
    pub const SYS_getxattrat: c_long = 464;
    pub const SYS_listxattrat: c_long = 465;
    pub const SYS_removexattrat: c_long = 466;
    pub const SYS_open_tree_attr: c_long = 467;
    pub const SYS_file_getattr: c_long = 468;
    pub const SYS_file_setattr: c_long = 469;
    pub const SYS_listns: c_long = 470;
    pub const SYS_rseq_slice_yield: c_long = 471;
}

/// Numbers of so many bytes each, one behind the other: what a structure is made of.
pub fn words<const N: usize>(parts: &[(u64, usize)]) -> [u8; N] {
    let each = parts
        .iter()
        .flat_map(|&(value, width)| value.to_le_bytes().into_iter().take(width));
    let mut bytes = [0; N];
    for (place, byte) in bytes.iter_mut().zip(each) {
        *place = byte;
    }
    bytes
}

macro_rules! numbers {
    ($($ty:ty)*) => { $(impl Raw for $ty { fn raw(self) -> usize { self as usize } })* };
}
numbers!(i32 u32 i64 u64 usize isize);

impl<T> Raw for *const T {
    fn raw(self) -> usize {
        self as usize
    }
}

impl<T> Raw for *mut T {
    fn raw(self) -> usize {
        self as usize
    }
}

impl<T, const N: usize> Raw for &[T; N] {
    fn raw(self) -> usize {
        self.as_ptr() as usize
    }
}

impl<T> Raw for &Vec<T> {
    fn raw(self) -> usize {
        self.as_ptr() as usize
    }
}

impl Raw for &CStr {
    fn raw(self) -> usize {
        self.as_ptr() as usize
    }
}

/// `call!(lines, SYS_close, [3], "close(%)", 3)`: makes the call, then expects the line; each `%` stands for one of the
/// values behind it, taken after the call. Gives the result, a negative error number if it failed.
macro_rules! call {
    ($lines:expr, $nr:ident, [$($arg:expr),* $(,)?], $text:expr $(, $value:expr)* $(,)?) => {{
        let ret = $lines.run($crate::lines::numbers::$nr, &[$($crate::lines::Raw::raw($arg)),*]);
        $lines.expect($text, &[$(&$value),*], ret);
        ret
    }};
}

/// The same of a call of at most five arguments that is answered with 0 instead of made: `answers`.
macro_rules! done {
    ($lines:expr, $nr:ident, [$($arg:expr),* $(,)?], $text:expr $(, $value:expr)* $(,)?) => {{
        let args: &[usize] = &[$($crate::lines::Raw::raw($arg)),*];
        let ret = $crate::answers::answered($lines, $crate::lines::numbers::$nr, args);
        $lines.expect($text, &[$(&$value),*], ret);
    }};
}

/// The same as `call!` without an expectation.
macro_rules! quiet {
    ($lines:expr, $nr:ident, [$($arg:expr),* $(,)?]) => {
        $lines.run($crate::lines::numbers::$nr, &[$($crate::lines::Raw::raw($arg)),*])
    };
}

/// The expected lines so far, in memory that was there from the beginning.
pub struct Lines {
    text: String,
    pub pid: u32,
}

impl Lines {
    pub fn new() -> Self {
        Self {
            text: String::with_capacity(1 << 20),
            pid: std::process::id(),
        }
    }

    /// From here on the calls count.
    pub fn begin(&mut self) {
        self.run(
            libc::SYS_write,
            &[usize::MAX, c"begin".as_ptr() as usize, 5],
        );
    }

    /// To here.
    pub fn end(&mut self) {
        self.run(libc::SYS_write, &[usize::MAX, c"end".as_ptr() as usize, 3]);
    }

    pub fn run(&mut self, nr: c_long, args: &[usize]) -> i64 {
        let arg = |n: usize| args.get(n).copied().unwrap_or(0);
        // SAFETY: that the kernel cannot be harmed by any arguments is what is tested; the families see to themselves.
        let ret = unsafe { libc::syscall(nr, arg(0), arg(1), arg(2), arg(3), arg(4), arg(5)) };
        if ret != -1 {
            return ret;
        }
        // SAFETY: the thread's own errno.
        -i64::from(unsafe { *libc::__errno_location() })
    }

    /// A line with its result.
    pub fn expect(&mut self, text: &str, values: &[&dyn Display], ret: i64) {
        self.fill(text, values);
        self.text.push_str(" = ");
        if (-4095..0).contains(&ret) {
            let (name, message) = error(-ret as i32);
            let _ = writeln!(self.text, "-1 {name} ({message})");
        } else {
            let _ = writeln!(self.text, "{ret}");
        }
    }

    /// Makes the last line one of a wait in vain.
    pub fn timeout(&mut self) {
        let end = self.text.len() - 1;
        self.text.insert_str(end, " (Timeout)");
    }

    /// Makes the last line's result one of an error that was cut to 32 bits, if it is one.
    pub fn cut(&mut self, ret: i64) {
        let errno = (ret as u32).wrapping_neg();
        if ret > 0 && (1..4096).contains(&errno) {
            let (name, message) = error(errno as i32);
            let end = self.text.len() - 1;
            self.text.insert_str(end, &format!(" {name} ({message})"));
        }
    }

    /// A line that tells its result itself, or is no call.
    pub fn line(&mut self, text: &str, values: &[&dyn Display]) {
        self.fill(text, values);
        self.text.push('\n');
    }

    fn fill(&mut self, text: &str, values: &[&dyn Display]) {
        let mut values = values.iter();
        for (i, part) in text.split('%').enumerate() {
            if i > 0 {
                let value = values.next().expect("a value for each %");
                let _ = write!(self.text, "{value}");
            }
            self.text.push_str(part);
        }
        assert!(values.next().is_none(), "a % for each value: {text}");
    }

    pub fn print(&self) {
        print!("{}", self.text);
    }
}

/// A pointer as strace prints it.
pub struct Ptr<T>(pub *const T);

impl<T> Display for Ptr<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 as usize {
            0 => f.write_str("NULL"),
            at => write!(f, "{at:#x}"),
        }
    }
}

/// A page with one behind it that cannot be read.
pub struct Edge(*mut u8);

const PAGE: usize = 4096;

impl Edge {
    pub fn new() -> Self {
        // SAFETY: a mapping of its own.
        unsafe {
            let prot = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let at = libc::mmap(std::ptr::null_mut(), 2 * PAGE, prot, flags, -1, 0);
            assert_ne!(at, libc::MAP_FAILED);
            assert_eq!(libc::mprotect(at.byte_add(PAGE), PAGE, libc::PROT_NONE), 0);
            std::ptr::write_bytes(at.cast::<u8>(), 0, PAGE);
            Self(at.cast())
        }
    }

    /// The first address that cannot be read.
    pub fn wall(&self) -> *const u8 {
        self.0.wrapping_add(PAGE)
    }

    /// Puts bytes there, behind which nothing can be read.
    pub fn before(&self, bytes: &[u8]) -> *mut u8 {
        let at = self.0.wrapping_add(PAGE - bytes.len());
        // SAFETY: the destination ends with the page, which is longer.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), at, bytes.len()) };
        at
    }

    /// Puts the first bytes of a value there, of which the others cannot be read.
    pub fn cut<T: Copy>(&self, value: T, bytes: usize) -> *mut T {
        let at = self.0.wrapping_add(PAGE - bytes);
        // SAFETY: the source is a whole value, the destination ends with the page.
        unsafe { std::ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), at, bytes) };
        at.cast()
    }
}

/// Name and message of an error.
fn error(errno: i32) -> (&'static str, String) {
    let name = ERRORS.iter().find(|error| error.0 == errno);
    // SAFETY: the C library's own text, copied at once.
    let message = unsafe { CStr::from_ptr(libc::strerror(errno)) };
    let message = message.to_string_lossy().into_owned();
    (name.map_or("?", |error| error.1), message)
}

macro_rules! errors {
    ($($name:ident)*) => { &[$((libc::$name, stringify!($name))),*] };
}

const ERRORS: &[(i32, &str)] = errors!(
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV
    ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE
    ENAMETOOLONG ENOSYS ENOTEMPTY ELOOP ENOMSG EIDRM ENODATA ETIME EPROTO EBADMSG EOVERFLOW EBADFD ENOTSOCK EDESTADDRREQ EMSGSIZE
    EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETUNREACH
    ECONNREFUSED EISCONN ENOTCONN ETIMEDOUT EALREADY EINPROGRESS ESTALE ENOKEY EKEYREVOKED EKEYREJECTED EDQUOT
);

/// How a file system is mounted, as strace writes `f_flags` of statfs(2): `/proc` is not mounted in the same way everywhere.
/// Values of `ST_*`: `include/linux/statfs.h`.
pub fn mounted(flags: usize) -> String {
    const NAMES: [(usize, &str); 11] = [
        (0x20, "ST_VALID"),
        (0x1, "ST_RDONLY"),
        (0x2, "ST_NOSUID"),
        (0x4, "ST_NODEV"),
        (0x8, "ST_NOEXEC"),
        (0x10, "ST_SYNCHRONOUS"),
        (0x40, "ST_MANDLOCK"),
        (0x400, "ST_NOATIME"),
        (0x800, "ST_NODIRATIME"),
        (0x1000, "ST_RELATIME"),
        (0x2000, "ST_NOSYMFOLLOW"),
    ];
    let set = NAMES.iter().filter(|(bit, _)| flags & bit != 0);
    set.map(|(_, name)| *name).collect::<Vec<_>>().join("|")
}
