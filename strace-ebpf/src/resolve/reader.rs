//! Reads other processes' memory within a time.
//!
//! Bringing a page in may take as long as its owner likes: userfaultfd(2), or a file of a file system in user space. Nothing can
//! interrupt that, so it is done by a thread of its own, which is left behind when it takes too long.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use crate::sys;

/// How long the first read may take; half as long after each that took longer, until the least.
const PATIENCE: Duration = Duration::from_millis(100);
const LEAST: Duration = Duration::from_millis(1);
/// While so many reads are stuck nothing more is read.
const MOST_STUCK: u32 = 4;

/// What is to be read: of which process, from where, how many bytes.
type Request = (u32, u64, usize);

/// A thread that reads.
struct Worker {
    requests: SyncSender<Request>,
    replies: Receiver<Option<Vec<u8>>>,
}

#[derive(Default)]
struct Reader {
    worker: Option<Worker>,
    /// Threads that were left behind and are not back yet.
    stuck: Arc<AtomicU32>,
    /// Reads that took too long, ever.
    late: u32,
}

thread_local! {
    static READER: RefCell<Reader> = RefCell::default();
}

/// Reads `len` bytes, or as many as there are, of process `pid` at `addr`; `None` if that fails or takes too long.
pub fn read(pid: u32, addr: u64, len: usize) -> Option<Vec<u8>> {
    READER.with_borrow_mut(|reader| reader.read((pid, addr, len)))
}

impl Reader {
    fn read(&mut self, request: Request) -> Option<Vec<u8>> {
        if self.stuck.load(Ordering::Relaxed) >= MOST_STUCK {
            return None;
        }
        let worker = match self.worker.take() {
            Some(worker) => worker,
            None => start(Arc::clone(&self.stuck))?,
        };
        worker.requests.send(request).ok()?;
        let patience = (PATIENCE / 2u32.pow(self.late.min(16))).max(LEAST);
        let Ok(reply) = worker.replies.recv_timeout(patience) else {
            self.late += 1;
            self.stuck.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        self.worker = Some(worker);
        reply
    }
}

fn start(stuck: Arc<AtomicU32>) -> Option<Worker> {
    let (requests, wanted) = sync_channel::<Request>(1);
    let (done, replies) = sync_channel(0);
    let work = move || {
        for (pid, addr, len) in wanted {
            let mut bytes = vec![0; len];
            let got = sys::read_process(pid, addr, &mut bytes);
            let reply = got.ok().map(|got| {
                bytes.truncate(got);
                bytes
            });
            if done.send(reply).is_err() {
                // It was not waited for.
                stuck.fetch_sub(1, Ordering::Relaxed);
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("reader".to_owned());
    thread.spawn(work).ok()?;
    Some(Worker { requests, replies })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_again_and_again() {
        let text = *b"text";
        let own = std::process::id();
        for _ in 0..3 {
            assert_eq!(read(own, text.as_ptr() as u64, 4), Some(text.to_vec()));
            assert_eq!(read(own, 8, 4), None);
        }
    }

    #[test]
    fn those_who_are_stuck_are_left_alone() {
        let mut reader = Reader::default();
        reader.stuck.store(MOST_STUCK, Ordering::Relaxed);
        let text = *b"text";
        let request = (std::process::id(), text.as_ptr() as u64, 4);
        assert_eq!(reader.read(request), None);
        reader.stuck.store(0, Ordering::Relaxed);
        assert_eq!(reader.read(request), Some(text.to_vec()));
    }
}
