//! What is mapped where in traced processes, as far as it is executed.
//!
//! Each process has a snapshot, shared with its children and with stacks that are still to be looked at; a change makes
//! a new one.

use std::{
    collections::{HashMap, VecDeque},
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::mmaps::{Event, Mapped, What};

/// Processes that have ended are remembered for what of theirs is still to come.
const ENDED: usize = 1024;
/// Most mappings of a process that are remembered.
const MOST: usize = 16 * 1024;

/// One process's mappings, ordered by address.
#[derive(Debug)]
pub struct Space {
    /// No other snapshot has it.
    pub number: u64,
    /// They do not overlap.
    pub mapped: Vec<Arc<Mapped>>,
}

impl Space {
    fn new(mapped: Vec<Arc<Mapped>>) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            mapped,
        })
    }

    /// The mapping that an address is in.
    #[must_use]
    pub fn at(&self, address: u64) -> Option<&Arc<Mapped>> {
        let behind = self
            .mapped
            .partition_point(|mapped| mapped.start <= address);
        let found = self.mapped.get(behind.checked_sub(1)?)?;
        (address < found.end).then_some(found)
    }

    /// The same with one more, which takes the place of what was there.
    fn with(&self, new: Mapped) -> Vec<Arc<Mapped>> {
        let mut all: Vec<Arc<Mapped>> = Vec::with_capacity(self.mapped.len() + 2);
        for old in &self.mapped {
            if old.end <= new.start || new.end <= old.start {
                all.push(Arc::clone(old));
                continue;
            }
            let part = |start: u64, end: u64| {
                let mut part = (**old).clone();
                part.offset = part.offset.wrapping_add(start - old.start);
                (part.start, part.end) = (start, end);
                Arc::new(part)
            };
            if old.start < new.start {
                all.push(part(old.start, new.start));
            }
            if new.end < old.end {
                all.push(part(new.end, old.end));
            }
        }
        let at = all.partition_point(|old| old.start < new.start);
        all.insert(at, Arc::new(new));
        all.truncate(MOST);
        all
    }
}

/// Those of all processes that are traced.
#[derive(Debug, Default)]
pub struct Spaces {
    by_tgid: HashMap<u32, Known>,
    ended: VecDeque<u32>,
}

#[derive(Clone, Debug)]
struct Known {
    space: Arc<Space>,
    /// /proc has been asked since the last change.
    asked: bool,
}

impl Spaces {
    /// A process whose mappings will all be told.
    pub fn watch(&mut self, tgid: u32) {
        let space = Space::new(Vec::new());
        self.by_tgid.insert(tgid, Known { space, asked: true });
    }

    /// A child begins with what its parent has.
    pub fn inherit(&mut self, parent: u32, child: u32) {
        if let Some(known) = self.by_tgid.get(&parent).cloned() {
            self.by_tgid.insert(child, known);
        }
    }

    /// A process has ended.
    pub fn ended(&mut self, tgid: u32) {
        self.ended.push_back(tgid);
        if self.ended.len() > ENDED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.by_tgid.remove(&oldest);
        }
    }

    /// Something was mapped.
    pub fn apply(&mut self, event: Event) {
        if event.what == What::Lost {
            self.by_tgid
                .values_mut()
                .for_each(|known| known.asked = false);
            return;
        }
        // Those that are not traced are none of our business.
        let Some(known) = self.by_tgid.get_mut(&event.tgid) else {
            return;
        };
        known.space = match event.what {
            What::Exec => Space::new(Vec::new()),
            What::Mapped(mapped) if mapped.start < mapped.end => {
                Space::new(known.space.with(mapped))
            }
            _ => return,
        };
        known.asked = false;
    }

    /// Those of one process: as they were told, or where they do not cover `address` as /proc has them now.
    pub fn of(&mut self, tgid: u32, address: u64) -> Arc<Space> {
        let known = self.by_tgid.entry(tgid).or_insert_with(|| Known {
            space: Space::new(Vec::new()),
            asked: false,
        });
        if !known.asked && known.space.at(address).is_none() {
            known.asked = true;
            let now = from_proc(tgid);
            if !now.is_empty() {
                known.space = Space::new(now);
            }
        }
        Arc::clone(&known.space)
    }
}

/// The executable mappings of a process now, proc_pid_maps(5).
fn from_proc(tgid: u32) -> Vec<Arc<Mapped>> {
    let text = fs::read(format!("/proc/{tgid}/maps")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines()
        .take(MOST)
        .filter_map(line)
        .map(Arc::new)
        .collect()
}

/// `START-END PERMISSIONS OFFSET DEVICE INODE PATH`
fn line(line: &str) -> Option<Mapped> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let executable = fields.next()?.contains('x');
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let offset = hex(fields.next()?)?;
    let inode = fields.nth(1)?.parse().ok()?;
    executable.then_some(Mapped {
        start: hex(start)?,
        end: hex(end)?,
        offset,
        path: PathBuf::from(fields.next().unwrap_or_default().trim_start()),
        inode,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(start: u64, end: u64, path: &str) -> Mapped {
        Mapped {
            start,
            end,
            offset: start,
            path: path.into(),
            inode: 1,
        }
    }

    fn event(tgid: u32, what: What) -> Event {
        Event {
            ts_ns: 0,
            tgid,
            what,
        }
    }

    /// No kernel has so many processes.
    const PID: u32 = 0x7fff_0000;

    #[test]
    fn what_is_mapped_last_counts() {
        let mut spaces = Spaces::default();
        spaces.watch(PID);
        spaces.apply(event(PID, What::Mapped(mapped(10, 20, "a"))));
        spaces.apply(event(PID, What::Mapped(mapped(12, 14, "b"))));
        spaces.apply(event(9, What::Mapped(mapped(0, 99, "c"))));
        spaces.inherit(PID, PID + 1);
        let space = spaces.of(PID + 1, 13);
        let at = |address| {
            space
                .at(address)
                .map(|m| (m.path.to_string_lossy().into_owned(), m.offset))
        };
        assert_eq!(at(11), Some(("a".to_owned(), 10)));
        assert_eq!(at(13), Some(("b".to_owned(), 12)));
        assert_eq!(at(14), Some(("a".to_owned(), 14)));
        assert_eq!((at(9), at(20)), (None, None));
        spaces.apply(event(PID, What::Exec));
        assert!(spaces.of(PID, 13).at(13).is_none());
        assert!(
            spaces.of(PID + 1, 13).at(13).is_some(),
            "a child keeps its own"
        );
    }

    #[test]
    fn processes_that_were_there_are_asked_for() {
        let here = processes_that_were_there_are_asked_for as *const () as u64;
        let space = Spaces::default().of(std::process::id(), here);
        assert!(space.at(here).is_some_and(|m| m.path.is_absolute()));
        let found = line("7f00-8f00 r-xp 00001000 fe:01 42    /a b/c").expect("valid");
        assert_eq!(
            (found.start, found.end, found.offset, found.inode),
            (0x7f00, 0x8f00, 0x1000, 42)
        );
        assert_eq!(found.path, PathBuf::from("/a b/c"));
        for bad in ["", "x", "1-2", "1-2 r-xp zz", "1-2 rw-p 0 0:0 1 x"] {
            assert_eq!(line(bad), None, "{bad}");
        }
    }
}
