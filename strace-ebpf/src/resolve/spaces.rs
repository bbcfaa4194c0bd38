//! Numbers of processes and threads in the PID namespaces of what is traced, pid_namespaces(7): what a process there calls 1
//! has another number here. Asked of /proc as threads are heard of; others are looked for when their number is shown.

use std::{
    collections::HashMap,
    fs::{self, File},
    os::{fd::AsFd, unix::fs::MetadataExt},
    time::{Duration, Instant},
};

use crate::{session::ByTid, sys};

/// A namespace by its inode number; 0 is our own, or none that is known.
type Space = u64;

/// All of /proc is looked through no more often than that.
const SCAN: Duration = Duration::from_millis(500);
/// Namespaces nest no deeper, `MAX_PID_NS_LEVEL` in `include/linux/pid_namespace.h`.
const LEVELS: usize = 32;

/// What is known of namespaces and the numbers in them.
#[derive(Debug, Default)]
pub struct Spaces {
    own: Space,
    /// Of processes, their own.
    of: ByTid<Space>,
    /// Number in a namespace to ours.
    numbers: HashMap<(Space, u32), u32>,
    scanned: Option<Instant>,
}

impl Spaces {
    /// Nothing known yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            own: File::open("/proc/self/ns/pid").map_or(0, |file| inode(&file)),
            ..Self::default()
        }
    }

    /// Is a process's namespace known?
    #[must_use]
    pub fn knows(&self, tgid: u32) -> bool {
        self.of.contains_key(&tgid)
    }

    /// A process was heard of; if it is gone it was in the namespace in which the process that made it
    /// makes others.
    pub fn note(&mut self, tgid: u32, maker: Option<u32>) {
        let path = format!("/proc/{tgid}/ns/pid");
        let of_maker = |maker| File::open(format!("/proc/{maker}/ns/pid_for_children")).ok();
        let space = match File::open(path).ok().or_else(|| of_maker(maker?)) {
            Some(file) => self.foreign(inode(&file)),
            None => maker
                .and_then(|maker| self.of.get(&maker).copied())
                .unwrap_or(0),
        };
        self.of.insert(tgid, space);
    }

    /// A thread of such a process: its numbers, if its namespace is not ours.
    pub fn note_numbers(&mut self, tgid: u32, tid: u32) {
        if self.of.get(&tgid).is_some_and(|space| *space != 0) {
            self.learn(tid);
        }
    }

    /// A thread has ended, and nobody will speak of it any more.
    pub fn forget(&mut self, tid: u32) {
        if self.of.remove(&tid).is_none_or(|space| space != 0) && !self.numbers.is_empty() {
            self.numbers.retain(|_, ours| *ours != tid);
        }
    }

    /// Our number for what `teller`, a process, calls `pid`; and whether that is another namespace's.
    pub fn ours(&mut self, pid: u32, teller: u32) -> Option<(u32, bool)> {
        let space = self.of.get(&teller).copied().unwrap_or(0);
        if space == 0 {
            return Some((pid, false));
        }
        if !self.numbers.contains_key(&(space, pid)) {
            self.scan();
        }
        let ours = self.numbers.get(&(space, pid))?;
        Some((*ours, true))
    }

    fn foreign(&self, space: Space) -> Space {
        if space == self.own { 0 } else { space }
    }

    /// Those of all processes; a number that nobody has is not asked for again at once.
    fn scan(&mut self) {
        let now = Instant::now();
        if self
            .scanned
            .is_some_and(|then| now.duration_since(then) < SCAN)
        {
            return;
        }
        self.scanned = Some(now);
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            if let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) {
                self.learn(pid);
            }
        }
    }

    /// The numbers of a thread from its own namespace outward, as long as they are not ours.
    fn learn(&mut self, tid: u32) -> Option<()> {
        let mut file = File::open(format!("/proc/{tid}/ns/pid")).ok()?;
        if self.foreign(inode(&file)) == 0 {
            return None;
        }
        let status = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
        for number in numbers(&status).into_iter().rev().take(LEVELS) {
            let space = self.foreign(inode(&file));
            if space == 0 {
                break;
            }
            self.numbers.insert((space, number), tid);
            // That of our own's parent is not for us to see.
            let Ok(parent) = sys::namespace_parent(file.as_fd()) else {
                break;
            };
            file = File::from(parent);
        }
        Some(())
    }
}

fn inode(file: &File) -> Space {
    file.metadata().map_or(0, |of| of.ino())
}

/// `NSpid:` of proc_pid_status(5), from the outermost namespace inward.
fn numbers(status: &str) -> Vec<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let words = line.unwrap_or_default().split_whitespace();
    words.filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_another_namespace() {
        let mut spaces = Spaces::new();
        // No kernel has so many.
        const FIRST: u32 = 0x7fff_0000;
        assert_eq!(spaces.ours(7, FIRST), Some((7, false)));
        spaces.of.insert(FIRST, 99);
        spaces.numbers.insert((99, 1), FIRST);
        assert_eq!(spaces.ours(1, FIRST), Some((FIRST, true)));
        assert_eq!(spaces.ours(2, FIRST), None);
        spaces.note(FIRST + 1, Some(FIRST));
        assert_eq!(spaces.ours(1, FIRST + 1), Some((FIRST, true)));
        spaces.forget(FIRST);
        assert_eq!(spaces.ours(1, FIRST + 1), None);
        spaces.note(std::process::id(), None);
        assert_eq!(spaces.ours(1, std::process::id()), Some((1, false)));
    }

    #[test]
    fn reads_the_line_of_numbers() {
        assert_eq!(
            numbers("Name:\tx\nNSpid:\t4711\t12\t1\nNSpgid:\t0\n"),
            [4711, 12, 1]
        );
        assert_eq!(numbers("Name:\tNSpid:\n"), Vec::<u32>::new());
    }
}
