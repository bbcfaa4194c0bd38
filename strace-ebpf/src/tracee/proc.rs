//! What /proc says about running processes, proc(5).

use std::{fs, io};

use crate::{resolve::state, sys};

/// The threads of process `pid`; an error if there is no such process.
pub fn threads(pid: u32) -> io::Result<Vec<u32>> {
    let entries = fs::read_dir(format!("/proc/{pid}/task"))?;
    Ok(entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect())
}

/// Every process there is.
pub fn all() -> io::Result<Vec<u32>> {
    let entries = fs::read_dir("/proc")?;
    Ok(entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect())
}

/// Is there such a thread that has not ended (a zombie has)?
#[must_use]
pub fn thread_lives(pid: u32, tid: u32) -> bool {
    lives(&format!("/proc/{pid}/task/{tid}/stat"))
}

/// Has the whole process ended? Its first thread alone may have, and be a zombie while others work.
#[must_use]
pub fn has_ended(pid: u32) -> bool {
    let others_live = || {
        let tids = threads(pid).unwrap_or_default();
        tids.into_iter().any(|tid| thread_lives(pid, tid))
    };
    !lives(&format!("/proc/{pid}/stat")) && !others_live()
}

/// What cannot be read for another reason than that nothing is there is taken to live.
fn lives(stat: &str) -> bool {
    match fs::read(stat) {
        Ok(stat) => state::letter(&stat).is_some_and(|state| !matches!(state, b'Z' | b'X')),
        Err(error) => {
            error.kind() != io::ErrorKind::NotFound && error.raw_os_error() != Some(libc::ESRCH)
        }
    }
}

/// Is any of its threads stopped, and not traced?
#[must_use]
pub fn is_stopped(pid: u32) -> bool {
    let tids = threads(pid).unwrap_or_default();
    tids.into_iter().any(state::is_stopped)
}

/// Is it a thread of the kernel's, which makes no calls? `PF_KTHREAD` in `include/linux/sched.h`.
#[must_use]
pub fn is_kernel_thread(pid: u32) -> bool {
    flags(pid) & 0x0020_0000 != 0
}

/// Is its first thread on its way out, or a zombie? `PF_EXITING` in `include/linux/sched.h`.
#[must_use]
pub fn is_ending(pid: u32) -> bool {
    flags(pid) & 0x4 != 0
}

/// proc_pid_stat(5), field 9; 0 if there is no such process.
fn flags(pid: u32) -> u64 {
    let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    state::field(&stat, 9).unwrap_or_default()
}

/// The process that thread `tid` belongs to.
#[must_use]
pub fn process_of(tid: u32) -> Option<u32> {
    let status = fs::read(format!("/proc/{tid}/status")).ok()?;
    // The name comes first, and newlines in it are escaped.
    let line = status
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"Tgid:"))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

/// Does the process run a 32-bit program? By the class of the file, elf(5).
#[must_use]
pub fn is_32_bit(pid: u32) -> bool {
    let mut ident = [0; 5];
    let read = fs::File::open(format!("/proc/{pid}/exe"))
        .and_then(|mut file| io::Read::read_exact(&mut file, &mut ident));
    read.is_ok() && ident == *b"\x7fELF\x01"
}

/// A call that a thread is blocked in, `/proc/PID/task/TID/syscall`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// System call number, as the thread's ABI counts.
    pub nr: u32,
    /// Raw arguments.
    pub args: [u64; 6],
    /// Where it goes on in the program, behind the instruction that made the call.
    pub ip: u64,
}

/// By which instruction a call was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// `int 0x80`: an i386 call, also in a 64-bit program.
    Int80,
    /// `syscall`.
    Syscall,
}

/// The instruction before `ip`, if it is one that makes calls.
#[must_use]
pub fn entry(tid: u32, ip: u64) -> Option<Entry> {
    let mut bytes = [0; 2];
    let got = sys::read_process(tid, ip.checked_sub(2)?, &mut bytes).ok()?;
    match (got, bytes) {
        (2, [0xcd, 0x80]) => Some(Entry::Int80),
        (2, [0x0f, 0x05]) => Some(Entry::Syscall),
        _ => None,
    }
}

/// The call that the thread is in; `None` when it runs, is in none, or is gone.
#[must_use]
pub fn in_flight(pid: u32, tid: u32) -> Option<InFlight> {
    parse_in_flight(&fs::read_to_string(format!("/proc/{pid}/task/{tid}/syscall")).ok()?)
}

fn parse_in_flight(text: &str) -> Option<InFlight> {
    let mut words = text.split_whitespace();
    let nr: i64 = words.next()?.parse().ok()?;
    let mut args = [0; 6];
    for arg in &mut args {
        *arg = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
    }
    // The stack, then the instruction.
    let ip = words.nth(1).and_then(|word| word.strip_prefix("0x"));
    let ip = ip.and_then(|ip| u64::from_str_radix(ip, 16).ok());
    u32::try_from(nr).ok().map(|nr| InFlight {
        nr,
        args,
        ip: ip.unwrap_or(0),
    })
}

/// The thread's name.
#[must_use]
pub fn comm(pid: u32, tid: u32) -> Vec<u8> {
    let mut name = fs::read(format!("/proc/{pid}/task/{tid}/comm")).unwrap_or_default();
    name.pop_if(|last| *last == b'\n');
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_in_flight() {
        let text = "0 0x3 0x7ffd 0x400 0x0 0x0 0x0 0x7ffc 0x7f00\n";
        let call = parse_in_flight(text).expect("a call");
        assert_eq!((call.nr, call.args), (0, [3, 0x7ffd, 0x400, 0, 0, 0]));
        assert_eq!(call.ip, 0x7f00);
        for text in ["running\n", "-1 0x7ffc 0x7f00\n", "", "0 0x3\n"] {
            assert_eq!(parse_in_flight(text), None, "{text}");
        }
    }

    #[test]
    fn instructions_that_make_calls() {
        let bytes = [0x90u8, 0xcd, 0x80, 0x0f, 0x05, 0x90, 0x90];
        let behind = |at: usize| entry(std::process::id(), bytes.as_ptr() as u64 + at as u64);
        assert_eq!(behind(3), Some(Entry::Int80));
        assert_eq!(behind(5), Some(Entry::Syscall));
        assert_eq!(behind(7), None);
        assert_eq!(entry(std::process::id(), 1), None);
    }

    #[test]
    fn finds_ourselves() {
        let pid = std::process::id();
        assert!(threads(pid).is_ok_and(|tids| tids.contains(&pid)));
        assert!(!has_ended(pid) && thread_lives(pid, pid));
        assert_eq!(process_of(pid), Some(pid));
        assert!(!is_kernel_thread(pid));
        assert!(threads(0).is_err() && has_ended(0) && process_of(0).is_none());
    }
}
