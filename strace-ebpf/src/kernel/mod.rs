//! What this kernel and this user can do, asked once at the start.
//!
//! Facts out, no decisions: those are made in `plan` and `probes`.

pub mod btf;
pub mod caps;
pub mod hooks;
pub mod survey;

use std::{
    fs, io,
    os::fd::{AsFd, OwnedFd},
};

use strace_ebpf_common::config::{FileOffsets, Offsets, SocketOffsets};

use crate::sys;

/// The initial PID namespace's inode, `PID_NS_INIT_INO` in `include/uapi/linux/nsfs.h`.
const PID_NS_INIT_INO: u64 = 0xEFFF_FFFC;
/// `BPF_PROG_TYPE_TRACEPOINT`
const PROG_TYPE_TRACEPOINT: u32 = 5;
/// `BPF_PROG_TYPE_RAW_TRACEPOINT`
const PROG_TYPE_RAW_TRACEPOINT: u32 = 17;
/// `BPF_F_SLEEPABLE`
const F_SLEEPABLE: u32 = 1 << 4;

/// What is said of a kernel that lets no program read memory.
pub const CONFIDENTIAL: &str = "the kernel is locked down for confidentiality and lets no BPF program read memory; boot it without \
    lockdown=confidentiality (see /sys/kernel/security/lockdown)";

/// Kernel release as major and minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl Version {
    /// Parses the start of a release such as `6.1.0-13-amd64`.
    #[must_use]
    pub fn parse(release: &str) -> Option<Self> {
        let mut parts = release.split(|c: char| !c.is_ascii_digit());
        Some(Self(
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
        ))
    }
}

/// Helper and feature dates that choices hang on.
pub mod since {
    use super::Version;
    /// Functions that the verifier walks by themselves.
    pub const GLOBAL_FUNCTIONS: Version = Version(5, 6);
    /// BPF ring buffer.
    pub const RINGBUF: Version = Version(5, 8);
    /// A seccomp filter's listener tells when no process has the filter any more.
    pub const UNUSED_FILTERS: Version = Version(5, 9);
    /// Maps are charged to the cgroup, no longer against RLIMIT_MEMLOCK.
    pub const UNCHARGED_MAPS: Version = Version(5, 11);
    /// Helper 158, `bpf_get_current_task_btf`.
    pub const TASK_BTF: Version = Version(5, 11);
    /// Helper 175, `bpf_task_pt_regs`.
    pub const TASK_PT_REGS: Version = Version(5, 15);
    /// Helper 181, `bpf_loop`.
    pub const BPF_LOOP: Version = Version(5, 17);
    /// Typed raw tracepoints.
    pub const TP_BTF: Version = Version(5, 5);
    /// Loops in programs, and settings that are constants to the verifier (5.2). 5.10 is the oldest that was run.
    pub const OLDEST: Version = Version(5, 3);
}

/// Why field offsets are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoOffsets {
    /// `/sys/kernel/btf/vmlinux` cannot be read.
    NoBtf(String),
    /// It lacks this field.
    Missing(String),
}

/// The answers.
#[derive(Debug)]
pub struct Facts {
    /// `uname -r`.
    pub release: String,
    /// The same as numbers.
    pub version: Version,
    /// Field offsets from the kernel's BTF.
    pub offsets: Result<Offsets, NoOffsets>,
    /// Likewise, of what leads from a descriptor to a socket; zeros where they are not known.
    pub sockets: SocketOffsets,
    /// Its typed tracepoints.
    pub trace_types: btf::TraceTypes,
    /// The user's registers come typed from helper 175: Linux 5.15, and types in the kernel, even if we cannot read them.
    pub task_registers: bool,
    /// Highest tid plus one.
    pub pid_max: u32,
    /// CPUs that may ever be there: numbers below this.
    pub cpus: u32,
    /// Inode of our PID namespace, 0 for the initial one.
    pub pidns_inum: u32,
    /// `[none]`, `[integrity]`, `[confidentiality]`, or empty without the lockdown LSM.
    pub lockdown: String,
    /// Why it cannot be read, where it may be there all the same.
    pub lockdown_unread: Option<String>,
    /// Effective capabilities.
    pub caps: caps::Caps,
}

impl Facts {
    /// Is the kernel locked down such that no program may read memory?
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.lockdown == "[confidentiality]"
    }

    /// Asks the kernel.
    pub fn gather() -> io::Result<Self> {
        let (lockdown, lockdown_unread) = match lockdown() {
            Ok(mode) => (mode, None),
            Err(error) => (String::new(), Some(error.to_string())),
        };
        let release = fs::read_to_string("/proc/sys/kernel/osrelease")?
            .trim()
            .to_owned();
        let version = Version::parse(&release).unwrap_or(Version(0, 0));
        let (found, trace_types) = match read_types() {
            Ok((found, trace_types)) => (found.map_err(NoOffsets::Missing), trace_types),
            Err(why) => (Err(NoOffsets::NoBtf(why)), btf::TraceTypes::default()),
        };
        let sockets = found
            .as_ref()
            .map_or_else(|_| SocketOffsets::default(), |both| both.1);
        let offsets = found.map(|both| both.0);
        let task_registers =
            version >= since::TASK_PT_REGS && (offsets.is_ok() || finds_registers());
        Ok(Self {
            version,
            release,
            offsets,
            sockets,
            trace_types,
            task_registers,
            pid_max: pid_max(),
            cpus: possible_cpus(),
            pidns_inum: own_pidns()?,
            lockdown,
            lockdown_unread,
            caps: caps::Caps::current()?,
        })
    }
}

type Types = (Result<(Offsets, SocketOffsets), String>, btf::TraceTypes);

fn read_types() -> Result<Types, String> {
    with_types(|btf| (btf.offsets(), btf.trace_types()))
}

fn with_types<T>(read_from: impl FnOnce(&btf::Btf<'_>) -> T) -> Result<T, String> {
    let file = fs::File::open("/sys/kernel/btf/vmlinux").map_err(|e| e.to_string())?;
    // Linux 6.16 lets us map it; before, each read gives a page, a thousand of them.
    let (mapped, read);
    let bytes = match sys::map_file(&file) {
        Ok(mapping) => {
            mapped = mapping;
            mapped.bytes()
        }
        Err(_) => {
            read = read_whole(file).map_err(|e| e.to_string())?;
            &read[..]
        }
    };
    let btf = btf::Btf::parse(bytes).ok_or("not BTF")?;
    Ok(read_from(&btf))
}

/// What leads from descriptors to paths; asked for with `-y` and its kin only.
pub fn file_offsets() -> Result<FileOffsets, String> {
    let read = |btf: &btf::Btf<'_>| {
        let offsets = btf.file_offsets();
        offsets.map_err(|field| format!("this kernel has no field {field}"))
    };
    with_types(read)?
}

fn read_whole(mut file: fs::File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut file, &mut bytes)?;
    Ok(bytes)
}

fn read_number(path: &str) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// One more than the largest number in `/sys/devices/system/cpu/possible`, such as `0-3,8`.
fn possible_cpus() -> u32 {
    let list = fs::read_to_string("/sys/devices/system/cpu/possible").unwrap_or_default();
    last_cpu(&list).map_or(1, |last| last + 1)
}

fn last_cpu(list: &str) -> Option<u32> {
    list.trim().rsplit([',', '-']).next()?.parse().ok()
}

fn own_pidns() -> io::Result<u32> {
    use std::os::unix::fs::MetadataExt;
    let inode = fs::metadata("/proc/self/ns/pid")?.ino();
    Ok(if inode == PID_NS_INIT_INO {
        0
    } else {
        inode as u32
    })
}

/// The same where securityfs is not mounted.
fn private_lockdown() -> io::Result<String> {
    let root = sys::private_mount(c"securityfs")?;
    let file = sys::open_at(root.as_fd(), c"lockdown")?;
    io::read_to_string(fs::File::from(file))
}

/// Nothing where the file system for it is there and the file is not.
fn lockdown() -> io::Result<String> {
    let text = match fs::read_to_string("/sys/kernel/security/lockdown").or_else(|error| {
        private_lockdown().map_err(|private| match private.kind() {
            io::ErrorKind::NotFound => private,
            // What the user sees is the file where it should be.
            _ => error,
        })
    }) {
        Ok(text) => text,
        Err(error) if is_without_lockdown(&error) => String::new(),
        Err(error) => return Err(error),
    };
    let mode = text.split_whitespace().find(|word| word.starts_with('['));
    Ok(mode.unwrap_or_default().to_owned())
}

/// Is the file missing because the kernel has none, not because nothing is mounted where it would be?
fn is_without_lockdown(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        && (sys::private_mount(c"securityfs").is_ok()
            || fs::read_dir("/sys/kernel/security").is_ok_and(|mut dir| dir.next().is_some()))
}

/// Does this kernel run programs on sys_enter and sys_exit preemptibly (Linux 7.2)? Then a
/// program that is preempted makes the kernel skip other tasks' runs on that CPU, and only classic
/// tracepoints see everything. Such kernels are those that accept a sleepable raw tracepoint.
#[must_use]
pub fn raw_tracepoints_are_preemptible() -> bool {
    load_trivial(&Trivial {
        flags: F_SLEEPABLE,
        ..Trivial::of(PROG_TYPE_RAW_TRACEPOINT)
    })
    .is_ok()
}

/// Classic tracepoints go by numbers that are in tracefs, and by perf events: can this user have both? The error says what
/// to do.
pub fn find_tracepoints(caps: caps::Caps) -> Result<(), String> {
    let id = sys::read_tracefs(c"events/raw_syscalls/sys_enter/id").map_err(|error| {
        format!("the numbers of tracepoints cannot be read: {error} (mount tracefs at /sys/kernel/tracing where this user can read it, or run with CAP_SYS_ADMIN)")
    })?;
    if caps.can_mount() {
        return Ok(());
    }
    let attr = sys::perf::tracepoint(id.trim().parse().unwrap_or(0));
    sys::perf::open(&attr, 0).map(drop).map_err(|error| {
        let setting = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap_or_default();
        format!("tracepoints cannot be opened: {error} (kernel.perf_event_paranoid is {}: make it 2 or less, or run with CAP_SYS_ADMIN)", setting.trim())
    })
}

/// Enough for all our maps.
const LOCKED_BYTES: u64 = 1 << 30;

/// No process has this number or a higher one, as things are, proc_sys_kernel(5).
#[must_use]
pub fn pid_max() -> u32 {
    read_number("/proc/sys/kernel/pid_max").unwrap_or(4_194_304)
}

/// Kernels before 5.11 charge maps against RLIMIT_MEMLOCK: raises it. The error says what to do where it cannot be raised.
pub fn allow_locked_memory(version: Version) -> Result<(), String> {
    if version >= since::UNCHARGED_MAPS || sys::lock_any_memory() >= LOCKED_BYTES {
        return Ok(());
    }
    Err("before Linux 5.11 maps count as locked memory, of which this user may have too little (ulimit -l unlimited, or CAP_SYS_RESOURCE)".into())
}

/// May we load tracing programs at all? The error is the kernel's.
pub fn try_load() -> io::Result<()> {
    load_trivial(&Trivial::of(PROG_TYPE_RAW_TRACEPOINT)).map(drop)
}

/// Does the kernel accept a program that asks for the current task's registers? Without types in it, it does not.
fn finds_registers() -> bool {
    load_trivial(&Trivial {
        code: &FIND_REGISTERS,
        ..Trivial::of(PROG_TYPE_TRACEPOINT)
    })
    .is_ok()
}

fn load_trivial(trivial: &Trivial) -> io::Result<OwnedFd> {
    sys::prog_try(&sys::ProgLoad {
        prog_type: trivial.prog_type,
        expected_attach_type: trivial.attach_type,
        attach_btf_id: trivial.btf_id,
        flags: trivial.flags,
        code: trivial.code,
        name: "probe",
        types: None,
        license: c"GPL",
    })
}

/// `r0 = 0; exit`
const RETURN: [u64; 2] = [0xb7, 0x95];
/// `call bpf_get_current_task_btf; r1 = r0; call bpf_task_pt_regs; r0 = 0; exit`
const FIND_REGISTERS: [u64; 5] = [0x85 | 158 << 32, 0x1bf, 0x85 | 175 << 32, 0xb7, 0x95];

/// A program that does next to nothing, of a kind.
#[derive(Clone, Copy, Default)]
struct Trivial {
    prog_type: u32,
    attach_type: u32,
    btf_id: u32,
    flags: u32,
    code: &'static [u64],
}

impl Trivial {
    /// One that returns at once.
    fn of(prog_type: u32) -> Self {
        Self {
            prog_type,
            code: &RETURN,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(Version::parse("6.18.44-fc"), Some(Version(6, 18)));
        assert_eq!(Version::parse("5.10.0"), Some(Version(5, 10)));
        assert_eq!(Version::parse("x"), None);
        assert!(Version(5, 8) < Version(5, 10));
    }

    #[test]
    fn cpu_lists() {
        assert_eq!(last_cpu("0-3\n"), Some(3));
        assert_eq!(last_cpu("0\n"), Some(0));
        assert_eq!(last_cpu("0-3,8-11"), Some(11));
        assert_eq!(last_cpu(""), None);
    }
}
