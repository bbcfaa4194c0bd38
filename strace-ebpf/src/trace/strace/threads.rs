//! The traced threads that are alive, as far as was seen.

use strace_ebpf_common::record::TaskExitRecord;

use crate::session::ByTid;

/// Which, of which processes, in the order in which they came.
#[derive(Debug, Default)]
pub struct Threads {
    /// Number in order, and process.
    by_tid: ByTid<(u64, u32)>,
    processes: ByTid<Process>,
    seen: u64,
}

#[derive(Debug, Default)]
struct Process {
    threads: u32,
    /// The first thread has ended before the others, which a tracer by ptrace(2) is told last.
    leader_end: Option<TaskExitRecord>,
}

impl Threads {
    /// A thread that is alive.
    pub fn known(&mut self, tid: u32, tgid: u32) {
        let next = self.seen;
        self.by_tid.entry(tid).or_insert_with(|| {
            self.seen += 1;
            self.processes.entry(tgid).or_default().threads += 1;
            (next, tgid)
        });
    }

    /// Is it among them?
    pub fn knows(&self, tid: u32) -> bool {
        self.by_tid.contains_key(&tid)
    }

    /// Are lines to tell whose they are?
    pub fn several(&self) -> bool {
        self.by_tid.len() > 1
    }

    /// A thread has ended. What is to be told now: nothing of a first thread while others live, and
    /// then both.
    pub fn ended(&mut self, record: &TaskExitRecord) -> [Option<TaskExitRecord>; 2] {
        let (tid, tgid) = (record.header.tid, record.header.tgid);
        self.known(tid, tgid);
        let Some(process) = self.processes.get_mut(&tgid) else {
            return [Some(*record), None];
        };
        if tid == tgid && process.threads > 1 {
            process.leader_end = Some(*record);
            return [None, None];
        }
        let last = process.threads == 2;
        [Some(*record), process.leader_end.take_if(|_| last)]
    }

    /// The thread's end has been told, or it has taken over another number.
    pub fn forget(&mut self, tid: u32) {
        let Some((_, tgid)) = self.by_tid.remove(&tid) else {
            return;
        };
        if let Some(process) = self.processes.get_mut(&tgid) {
            process.threads -= 1;
            if process.threads == 0 {
                self.processes.remove(&tgid);
            }
        }
    }

    /// Thread `old` has taken over the number of the first one, whose end is none.
    pub fn superseded(&mut self, old: u32, new: u32) {
        self.forget(old);
        self.known(new, new);
        if let Some(process) = self.processes.get_mut(&new) {
            process.leader_end = None;
        }
    }

    /// All of them, in order.
    pub fn all(&self) -> Vec<u32> {
        self.chosen(|_| true)
    }

    /// Those of a process, in order.
    pub fn of(&self, tgid: u32) -> Vec<u32> {
        self.chosen(|process| process == tgid)
    }

    fn chosen(&self, choose: impl Fn(u32) -> bool) -> Vec<u32> {
        let chosen = self.by_tid.iter().filter(|(_, (_, tgid))| choose(*tgid));
        let mut all: Vec<(u64, u32)> = chosen.map(|(tid, (n, _))| (*n, *tid)).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, tid)| tid).collect()
    }
}

#[cfg(test)]
mod tests {
    use strace_ebpf_common::record::Header;

    use super::*;

    fn end(threads: &mut Threads, tid: u32, tgid: u32) -> Vec<u32> {
        let header = Header {
            tid,
            tgid,
            ..Header::default()
        };
        let told = threads.ended(&TaskExitRecord {
            header,
            ..TaskExitRecord::default()
        });
        let told: Vec<u32> = told.iter().flatten().map(|end| end.header.tid).collect();
        told.iter().for_each(|tid| threads.forget(*tid));
        told
    }

    #[test]
    fn a_first_thread_is_told_last() {
        let mut threads = Threads::default();
        for tid in [7, 8, 9] {
            threads.known(tid, 7);
        }
        threads.known(20, 20);
        assert_eq!(end(&mut threads, 8, 7), [8]);
        assert_eq!(end(&mut threads, 7, 7), []);
        assert_eq!(end(&mut threads, 20, 20), [20]);
        assert!(threads.several());
        assert_eq!(end(&mut threads, 9, 7), [9, 7]);
        assert!(!threads.several() && threads.processes.is_empty());
        assert_eq!(end(&mut threads, 30, 30), [30], "never seen before");
    }

    #[test]
    fn a_thread_that_executes_takes_over_the_first_ones_number() {
        let mut threads = Threads::default();
        threads.known(7, 7);
        threads.known(8, 7);
        assert_eq!(end(&mut threads, 7, 7), []);
        threads.superseded(8, 7);
        assert!(!threads.several());
        assert_eq!(end(&mut threads, 7, 7), [7]);
        assert_eq!(threads.all(), []);
    }

    #[test]
    fn what_is_left_is_in_the_order_of_its_coming() {
        let mut threads = Threads::default();
        for tid in [30, 10, 20, 10] {
            threads.known(tid, tid);
        }
        assert_eq!(threads.all(), [30, 10, 20]);
        threads.known(31, 30);
        assert_eq!(threads.of(30), [30, 31]);
    }
}
