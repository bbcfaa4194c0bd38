//! The tables of `xtask/data`, as far as drawing arguments needs them.

use std::{collections::HashMap, sync::LazyLock};

use crate::memory;

const TABLES: [&str; 3] = [
    include_str!("../../../xtask/data/syscalls/x86_64.tbl"),
    include_str!("../../../xtask/data/syscalls/i386.tbl"),
    include_str!("../../../xtask/data/syscalls/x32.tbl"),
];
const SIGNATURES: &str = include_str!("../../../xtask/data/syscalls/signatures.txt");
const SETS: [&str; 16] = [
    include_str!("../../../xtask/data/sets/addresses.txt"),
    include_str!("../../../xtask/data/sets/credentials.txt"),
    include_str!("../../../xtask/data/sets/events.txt"),
    include_str!("../../../xtask/data/sets/files.txt"),
    include_str!("../../../xtask/data/sets/filesystems.txt"),
    include_str!("../../../xtask/data/sets/futex.txt"),
    include_str!("../../../xtask/data/sets/ipc.txt"),
    include_str!("../../../xtask/data/sets/machine.txt"),
    include_str!("../../../xtask/data/sets/memory.txt"),
    include_str!("../../../xtask/data/sets/prctl.txt"),
    include_str!("../../../xtask/data/sets/processes.txt"),
    include_str!("../../../xtask/data/sets/signals.txt"),
    include_str!("../../../xtask/data/sets/sockets.txt"),
    include_str!("../../../xtask/data/sets/sockopts.txt"),
    include_str!("../../../xtask/data/sets/terminals.txt"),
    include_str!("../../../xtask/data/sets/time.txt"),
];

/// Whose table and registers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Abi {
    X86_64,
    I386,
    X32,
}

impl Abi {
    pub fn parse(name: &str) -> Result<Self, String> {
        match name {
            "x86_64" => Ok(Self::X86_64),
            "i386" => Ok(Self::I386),
            "x32" => Ok(Self::X32),
            _ => Err(format!("no such ABI: {name}")),
        }
    }
}

/// Calls that are not what they say when nothing carries them out (exec and the like end differently for a tracer), and those
/// that are no part of this sweep: families with programs of their own, several calls in one number (i386).
const LEFT_OUT: &str = "
execve execveat exit exit_group rt_sigreturn sigreturn restart_syscall clone clone3 fork vfork uretprobe uprobe
bpf perf_event_open io_uring_setup io_uring_enter io_uring_register keyctl add_key request_key
landlock_create_ruleset landlock_add_rule landlock_restrict_self ioctl fsconfig mount_setattr mount move_mount open_tree
fsopen fsmount fspick fanotify_init fanotify_mark
ipc socketcall old_select rseq
";

/// Names that strace 6.1 does not know: their values are not drawn.
const NEWER: &str = "
ARCH_GET_MAX_TAG_BITS ARCH_GET_UNTAG_MASK ARCH_SHSTK_DISABLE ARCH_SHSTK_ENABLE ARCH_SHSTK_STATUS
ARCH_ENABLE_TAGGED_ADDR ARCH_FORCE_TAGGED_SVA ARCH_SHSTK_LOCK ARCH_SHSTK_UNLOCK AT_HANDLE_CONNECTABLE
AT_HANDLE_FID AT_HANDLE_MNT_ID_UNIQUE FALLOC_FL_WRITE_ZEROES F_CREATED_QUERY F_DUPFD_QUERY F_GETDELEG
F_SETDELEG F_GET_FILE_RW_HINT F_GET_RW_HINT F_SET_FILE_RW_HINT F_SET_RW_HINT FUTEX_ROBUST_LIST32
FUTEX_ROBUST_UNLOCK KEXEC_CRASH_HOTPLUG_SUPPORT KEXEC_UPDATE_ELFCOREHDR KEXEC_FILE_DEBUG
KEXEC_FILE_FORCE_DTB KEXEC_FILE_NO_CMA MADV_GUARD_INSTALL MADV_GUARD_REMOVE MAP_ABOVE4G MAP_DROPPABLE
MEMBARRIER_CMD_GET_REGISTRATIONS MFD_EXEC MFD_NOEXEC_SEAL MSG_SOCK_DEVMEM O_EMPTYPATH
PIDFD_SIGNAL_PROCESS_GROUP PIDFD_SIGNAL_THREAD PIDFD_SIGNAL_THREAD_GROUP PIDFD_THREAD PIDFD_AUTOKILL
PKEY_UNRESTRICTED PR_GET_AUXV PR_GET_CFI PR_SET_CFI PR_GET_SHADOW_STACK_STATUS
PR_SET_SHADOW_STACK_STATUS PR_LOCK_SHADOW_STACK_STATUS PR_SET_MDWE PR_GET_MDWE PR_SET_MEMORY_MERGE
PR_GET_MEMORY_MERGE PR_TIMER_CREATE_RESTORE_IDS PR_FUTEX_HASH PR_RSEQ_SLICE_EXTENSION
PR_SYS_DISPATCH_INCLUSIVE_ON PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG
PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG PTRACE_SET_SYSCALL_INFO RWF_ATOMIC RWF_DONTCACHE RWF_NOAPPEND
RWF_NOSIGNAL SCHED_EXT SECBIT_EXEC_DENY_INTERACTIVE SECBIT_EXEC_DENY_INTERACTIVE_LOCKED
SECBIT_EXEC_RESTRICT_FILE SECBIT_EXEC_RESTRICT_FILE_LOCKED SOL_MPTCP SOL_MCTP SOL_SMC SOL_VSOCK
STATX_DIO_READ_ALIGN STATX_MNT_ID_UNIQUE STATX_SUBVOL STATX_WRITE_ATOMIC UNSHARE_EMPTY_MNTNS
";

fn is_in(list: &str, name: &str) -> bool {
    list.split_whitespace().any(|word| word == name)
}

/// The last call that strace 6.1 knows.
const LAST: &str = "set_mempolicy_home_node";

/// Number, name and the types of the arguments of every call up to the last one.
pub fn table(abi: Abi) -> Result<Vec<(u64, String, Vec<String>)>, String> {
    let mut signatures = HashMap::new();
    for line in SIGNATURES.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.split('|').map(str::trim);
        if let (Some(name), Some(args)) = (parts.next(), parts.nth(2)) {
            let kinds = args
                .split(' ')
                .filter_map(|arg| Some(arg.split_once(':')?.1.to_owned()));
            signatures.insert(name, kinds.collect::<Vec<_>>());
        }
    }
    let mut rows = Vec::new();
    for line in TABLES[abi as usize]
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let mut words = line.split_whitespace();
        let (Some(nr), Some(name)) = (words.next(), words.next()) else {
            continue;
        };
        let nr: u64 = nr.parse().map_err(|error| format!("{line}: {error}"))?;
        let signature = words.next().unwrap_or(name);
        if is_in(LEFT_OUT, signature) {
            continue;
        }
        let kinds = signatures
            .get(signature)
            .ok_or(format!("{name}: no signature"))?;
        let bit = if abi == Abi::X32 { 0x4000_0000 } else { 0 };
        rows.push((nr | bit, name.to_owned(), kinds.clone()));
    }
    let last = rows
        .iter()
        .find(|row| row.1 == LAST)
        .map_or(u64::MAX, |row| row.0);
    rows.retain(|row| row.0 <= last || abi == Abi::X32 && row.0 >= 0x4000_0200);
    Ok(rows)
}

/// The values of every set.
static VALUES: LazyLock<HashMap<&str, Vec<u64>>> = LazyLock::new(|| {
    let mut values: HashMap<&str, Vec<u64>> = HashMap::new();
    let mut set = "";
    for line in SETS.iter().flat_map(|text| text.lines()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["set", name, ..] => set = name,
            [name, number] if !is_in(NEWER, name) => {
                values.entry(set).or_default().extend(parse(number));
            }
            _ => {}
        }
    }
    values
});

fn parse(number: &str) -> Option<u64> {
    match number.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => number.parse::<i64>().ok().map(|n| n as u64),
    }
}

/// A source of arguments.
pub struct Draw(u64);

impl Draw {
    pub fn new(name: &str) -> Self {
        Self(
            name.bytes()
                .fold(7, |all, byte| all * 31 % 0xffff_fffb + u64::from(byte)),
        )
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n.max(1)
    }

    /// What to put into the register of an argument of this type.
    pub fn argument(&mut self, kind: &str, abi: Abi, good: bool) -> u64 {
        let value = match (kind.split_once('('), self.below(12)) {
            (None, 0) => self.number(),
            (Some((what, _)), 0) if !good && what != "enum" && !what.starts_with("flags") => {
                self.number()
            }
            (Some(("enum", _)), 1) => 0x7fff_fff0,
            (Some(("enum", set)), _) => self.of_set(set, 1),
            (Some((what, set)), _) if what.starts_with("flags") => {
                let bits = self.below(4);
                let unknown = if self.below(8) == 0 { 0x4000_0000 } else { 0 };
                self.of_set(set, bits) | unknown
            }
            (Some(_), 1) => 0,
            (Some(_), _) => memory::address(good, &mut |n| self.below(n)),
            (None, _) if matches!(kind, "path" | "str" | "envvec" | "strvec") => {
                memory::address(good, &mut |n| self.below(n))
            }
            // What other commands of the call take.
            (None, 1..8) if matches!(kind, "addr" | "hex") => {
                memory::address(good, &mut |n| self.below(n))
            }
            (None, 1..4) => self.number(),
            (None, _) => self.below(40),
        };
        if abi == Abi::I386 {
            value & 0xffff_ffff
        } else {
            value
        }
    }

    fn of_set(&mut self, set: &str, most: u64) -> u64 {
        let values = VALUES.get(set.trim_end_matches(')'));
        let Some(values) = values.filter(|values| !values.is_empty()) else {
            return self.number();
        };
        (0..most).fold(0, |all, _| {
            all | values[self.below(values.len() as u64) as usize]
        })
    }

    fn number(&mut self) -> u64 {
        const NUMBERS: [u64; 14] = [
            0,
            1,
            2,
            8,
            16,
            128,
            4096,
            u64::MAX,
            u64::MAX - 99,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_ffff,
            0xdead_beef,
            0x1234_5678_9abc_def0,
        ];
        NUMBERS[self.below(NUMBERS.len() as u64) as usize]
    }
}
