//! Names of processes and threads by number (`-Y`): those that are traced as their own events last told, others as /proc
//! has them now.

use std::{cell::RefCell, collections::VecDeque, fs};

use strace_ebpf_common::{
    limits::COMM_BYTES,
    record::{ForkRecord, Header},
};

use super::spaces::Spaces;
use crate::session::ByTid;

/// A thread's name, with zeros behind it.
pub type Comm = [u8; COMM_BYTES];

/// A process that has ended is remembered for so long: whoever waits for it is told its number later. Numbers are given
/// out in a circle, so that none comes back so soon.
const ENDED_NS: u64 = 1_000_000_000;

/// What is known of traced threads.
#[derive(Debug, Default)]
pub struct Names {
    by_tid: ByTid<Name>,
    /// Processes that have ended, and when.
    ended: VecDeque<(u64, u32)>,
    /// Whose numbers are those of another PID namespace than ours.
    spaces: RefCell<Spaces>,
    show: Show,
}

/// What is shown behind numbers of processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Show {
    /// Their names.
    pub comm: bool,
    /// Their numbers in our own PID namespace, where they have others.
    pub pidns: bool,
}

#[derive(Clone, Copy, Debug)]
struct Name {
    comm: Comm,
    ended: bool,
}

impl Names {
    /// Nothing known yet.
    #[must_use]
    pub fn new(show: Show) -> Self {
        Self {
            spaces: RefCell::new(Spaces::new(show.pidns)),
            show,
            ..Self::default()
        }
    }

    /// A thread was heard of.
    pub fn note(&mut self, header: &Header) {
        self.forget_ended(header.ts_ns);
        let name = Name {
            comm: header.comm,
            ended: false,
        };
        let known = self.by_tid.insert(header.tid, name).is_some();
        let spaces = self.spaces.get_mut();
        if !spaces.knows(header.tgid) {
            spaces.note(header.tgid, None);
        } else if known {
            return;
        }
        spaces.note_numbers(header.tgid, header.tid);
    }

    /// A thread was made; it is called as its maker.
    pub fn born(&mut self, record: &ForkRecord) {
        let name = Name {
            comm: record.header.comm,
            ended: false,
        };
        self.by_tid.insert(record.child_tid, name);
        let spaces = self.spaces.get_mut();
        if record.child_tgid != record.header.tgid {
            spaces.note(record.child_tgid, Some(record.header.tgid));
        }
        spaces.note_numbers(record.child_tgid, record.child_tid);
    }

    /// A thread has ended. The first one of a process keeps its number until somebody has waited for it.
    pub fn ended(&mut self, header: &Header) {
        if header.tid != header.tgid {
            self.by_tid.remove(&header.tid);
            self.spaces.get_mut().forget(header.tid);
            return;
        }
        if let Some(name) = self.by_tid.get_mut(&header.tid) {
            name.ended = true;
            self.ended.push_back((header.ts_ns, header.tid));
        }
    }

    /// A process that has ended was waited for.
    pub fn waited(&mut self, pid: u32) {
        if self.by_tid.get(&pid).is_some_and(|name| name.ended) {
            self.by_tid.remove(&pid);
            self.spaces.get_mut().forget(pid);
        }
    }

    /// The name of the process or thread `pid`, as `teller`, a process, counts them; nothing if none are shown.
    #[must_use]
    pub fn of(&self, pid: i32, teller: u32) -> Option<Comm> {
        let pid = u32::try_from(pid).ok().filter(|pid| *pid > 0)?;
        if !self.show.comm {
            return None;
        }
        let (pid, _) = self.spaces.borrow_mut().ours(pid, teller)?;
        let known = self.by_tid.get(&pid).map(|name| name.comm);
        known.or_else(|| from_proc(pid))
    }

    /// Our own number for it, where that is another one; nothing if none are shown.
    #[must_use]
    pub fn ours(&self, pid: i32, teller: u32) -> Option<u32> {
        let pid = u32::try_from(pid).ok().filter(|pid| *pid > 0)?;
        if !self.show.pidns {
            return None;
        }
        let (ours, foreign) = self.spaces.borrow_mut().ours(pid, teller)?;
        foreign.then_some(ours)
    }

    /// Are names shown?
    #[must_use]
    pub fn shows_comms(&self) -> bool {
        self.show.comm
    }

    /// The name of a traced thread.
    #[must_use]
    pub fn of_traced(&self, tid: u32) -> Option<Comm> {
        if !self.show.comm {
            return None;
        }
        let known = self.by_tid.get(&tid).map(|name| name.comm);
        known.or_else(|| from_proc(tid))
    }

    fn forget_ended(&mut self, now_ns: u64) {
        while let Some((at_ns, pid)) = self.ended.front().copied()
            && at_ns.saturating_add(ENDED_NS) < now_ns
        {
            self.ended.pop_front();
            self.waited(pid);
        }
    }
}

/// What /proc calls it now; that of a thread is there too, though not listed.
fn from_proc(pid: u32) -> Option<Comm> {
    let bytes = fs::read(format!("/proc/{pid}/comm")).ok()?;
    let name = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let mut comm = [0; COMM_BYTES];
    let len = name.len().min(COMM_BYTES - 1);
    comm.get_mut(..len)?.copy_from_slice(name.get(..len)?);
    Some(comm)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(tid: u32, tgid: u32, name: u8, ts_ns: u64) -> Header {
        let mut comm = [0; COMM_BYTES];
        comm[0] = name;
        Header {
            tid,
            tgid,
            ts_ns,
            comm,
            ..Header::default()
        }
    }

    const SHOW: Show = Show {
        comm: true,
        pidns: true,
    };
    // No kernel has so many.
    const FIRST: u32 = 0x7fff_0000;

    fn name(names: &Names, pid: u32) -> Option<u8> {
        names.of(pid as i32, 1).map(|comm| comm[0])
    }

    #[test]
    fn the_last_event_tells() {
        let mut names = Names::new(SHOW);
        assert_eq!(name(&names, FIRST), None);
        names.note(&header(FIRST, FIRST, b'a', 1));
        names.note(&header(FIRST, FIRST, b'b', 2));
        assert_eq!(name(&names, FIRST), Some(b'b'));
        names.born(&ForkRecord {
            header: header(FIRST, FIRST, b'b', 3),
            child_tgid: FIRST + 1,
            child_tid: FIRST + 1,
        });
        assert_eq!(name(&names, FIRST + 1), Some(b'b'));
        assert_eq!((names.of(0, 1), names.of(-5, 1)), (None, None));
        assert!(names.of(std::process::id() as i32, 1).is_some());
    }

    #[test]
    fn what_ended_is_forgotten_when_it_was_waited_for_or_soon() {
        let mut names = Names::new(SHOW);
        for pid in [FIRST, FIRST + 1] {
            names.note(&header(pid, pid, b'a', 1));
            names.ended(&header(pid, pid, b'a', 5));
            assert_eq!(name(&names, pid), Some(b'a'));
        }
        names.waited(FIRST);
        assert_eq!(name(&names, FIRST), None);
        names.note(&header(FIRST + 2, FIRST, b'c', 6 + ENDED_NS));
        assert_eq!(name(&names, FIRST + 1), None);
        names.ended(&header(FIRST + 2, FIRST, b'c', 7 + ENDED_NS));
        assert_eq!(name(&names, FIRST + 2), None, "a thread is gone at once");
    }
}
