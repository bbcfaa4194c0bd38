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

/// All of /proc is looked through no more often than that, nor for more of the time than one part in so many: whoever looks is
/// kept from draining.
const PAUSE: Duration = Duration::from_millis(500);
const SHARE: u32 = 20;
/// Namespaces nest no deeper, `MAX_PID_NS_LEVEL` in `include/linux/pid_namespace.h`.
const LEVELS: usize = 32;

/// A number in a namespace.
type Key = (Space, u32);

/// What is known of namespaces and the numbers in them.
#[derive(Debug, Default)]
pub struct Spaces {
    own: Space,
    /// Of processes, their own.
    of: ByTid<Space>,
    /// Numbers of traced threads to ours, and back.
    numbers: HashMap<Key, u32>,
    keys: ByTid<Vec<Key>>,
    /// Those of all processes when they were last looked for; nobody tells when these end.
    found: HashMap<Key, u32>,
    searches: bool,
    next_search: Option<Instant>,
}

impl Spaces {
    /// Nothing known yet. Whether processes are looked for that are not traced.
    #[must_use]
    pub fn new(searches: bool) -> Self {
        Self {
            own: File::open("/proc/self/ns/pid").map_or(0, |file| inode(&file)),
            searches,
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
            self.learn(tid, self.keys_of(tid));
        }
    }

    /// A thread has ended, and nobody will speak of it any more.
    pub fn forget(&mut self, tid: u32) {
        self.of.remove(&tid);
        for key in self.keys.remove(&tid).into_iter().flatten() {
            // Unless somebody else has the number by now.
            if self.numbers.get(&key) == Some(&tid) {
                self.numbers.remove(&key);
            }
        }
    }

    /// Our number for what `teller`, a process, calls `pid`; and whether that is another namespace's.
    pub fn ours(&mut self, pid: u32, teller: u32) -> Option<(u32, bool)> {
        let space = self.of.get(&teller).copied().unwrap_or(0);
        if space == 0 {
            return Some((pid, false));
        }
        let key = (space, pid);
        let traced = self.numbers.get(&key).copied();
        let ours = traced.or_else(|| self.searches.then(|| self.search(key))?)?;
        Some((ours, true))
    }

    fn foreign(&self, space: Space) -> Space {
        if space == self.own { 0 } else { space }
    }

    fn learn(&mut self, tid: u32, keys: Vec<Key>) {
        if keys.is_empty() {
            return;
        }
        self.numbers.extend(keys.iter().map(|key| (*key, tid)));
        self.keys.insert(tid, keys);
    }

    /// Who of all processes has this number; one that nobody has is not looked for again at once.
    fn search(&mut self, key: Key) -> Option<u32> {
        if let Some(pid) = self.found.get(&key).copied() {
            // Either number may be another process's by now.
            if self.keys_of(pid).contains(&key) {
                return Some(pid);
            }
            self.found.remove(&key);
        }
        let begin = Instant::now();
        if self.next_search.is_some_and(|next| begin < next) {
            return None;
        }
        self.found = self.everybody();
        self.next_search = Some(next_search(begin, Instant::now()));
        self.found.get(&key).copied()
    }

    fn everybody(&self) -> HashMap<Key, u32> {
        let names = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.flat_map(|pid| self.keys_of(pid).into_iter().map(move |key| (key, pid)))
            .collect()
    }

    /// The numbers of a thread from its own namespace outward, as long as they are not ours.
    fn keys_of(&self, tid: u32) -> Vec<Key> {
        let mut keys = Vec::new();
        let Ok(mut file) = File::open(format!("/proc/{tid}/ns/pid")) else {
            return keys;
        };
        if self.foreign(inode(&file)) == 0 {
            return keys;
        }
        let status = fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
        for number in numbers(&status).into_iter().rev().take(LEVELS) {
            let space = self.foreign(inode(&file));
            if space == 0 {
                break;
            }
            keys.push((space, number));
            // That of our own's parent is not for us to see.
            let Ok(parent) = sys::namespace_parent(file.as_fd()) else {
                break;
            };
            file = File::from(parent);
        }
        keys
    }
}

/// When all may be looked through again after that took from `begin` to `end`.
fn next_search(begin: Instant, end: Instant) -> Instant {
    end + PAUSE.max(end.duration_since(begin) * SHARE)
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

    // No kernel has so many.
    const FIRST: u32 = 0x7fff_0000;

    #[test]
    fn numbers_of_another_namespace() {
        let mut spaces = Spaces::new(true);
        assert_eq!(spaces.ours(7, FIRST), Some((7, false)));
        spaces.of.insert(FIRST, 99);
        spaces.learn(FIRST, vec![(99, 1)]);
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
    fn who_ends_takes_only_numbers_of_its_own_along() {
        let mut spaces = Spaces::new(false);
        spaces.of.insert(FIRST, 99);
        spaces.learn(FIRST + 1, vec![(99, 7), (98, 17)]);
        spaces.learn(FIRST + 2, vec![(99, 8)]);
        // The first one's number is given out again before its end was heard of.
        spaces.learn(FIRST + 3, vec![(99, 7)]);
        spaces.forget(FIRST + 1);
        assert_eq!(spaces.ours(7, FIRST), Some((FIRST + 3, true)));
        assert_eq!(spaces.ours(8, FIRST), Some((FIRST + 2, true)));
        spaces.forget(FIRST + 2);
        spaces.forget(FIRST + 3);
        assert!(spaces.numbers.is_empty() && spaces.keys.is_empty());
    }

    #[test]
    fn a_long_search_is_followed_by_a_longer_pause() {
        let begin = Instant::now();
        let pause = |ms| {
            let end = begin + Duration::from_millis(ms);
            next_search(begin, end).duration_since(end)
        };
        assert_eq!(pause(1), PAUSE);
        assert_eq!(pause(600), Duration::from_secs(12));
    }

    #[test]
    fn searches_only_where_it_is_to_and_not_again_at_once() {
        let mut spaces = Spaces::new(false);
        spaces.of.insert(FIRST, 99);
        assert_eq!(spaces.ours(2, FIRST), None);
        assert!(spaces.next_search.is_none());
        spaces.searches = true;
        assert_eq!(spaces.ours(2, FIRST), None);
        let next = spaces.next_search;
        assert!(next.is_some_and(|next| next > Instant::now()));
        assert_eq!(spaces.ours(3, FIRST), None);
        assert_eq!(spaces.next_search, next);
    }

    /// Nobody tells when those end that are not traced.
    #[test]
    fn what_was_found_is_looked_at_again() {
        let mut spaces = Spaces::new(true);
        spaces.of.insert(FIRST, 99);
        spaces.found.insert((99, 2), std::process::id());
        spaces.next_search = Some(Instant::now() + Duration::from_secs(600));
        assert_eq!(spaces.ours(2, FIRST), None);
        assert!(spaces.found.is_empty());
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
