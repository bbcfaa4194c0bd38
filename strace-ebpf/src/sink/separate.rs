//! A file for each thread or process, opened when there is something for it.

use std::{
    collections::{HashMap, VecDeque},
    ffi::OsString,
    fs::File,
    io,
    os::fd::{AsRawFd, RawFd},
};

/// Files that are open at a time; more are closed, and opened again at their ends.
const OPEN: usize = 256;

/// The files `NAME.KEY`.
#[derive(Debug)]
pub struct Files {
    name: OsString,
    append: bool,
    open: HashMap<u32, File>,
    /// In the order in which they were opened.
    order: VecDeque<u32>,
    /// Those that are there already by our doing.
    made: std::collections::HashSet<u32>,
}

impl Files {
    /// None is open; with `append` those that are there are kept.
    #[must_use]
    pub fn new(name: OsString, append: bool) -> Self {
        Self {
            name,
            append,
            open: HashMap::new(),
            order: VecDeque::new(),
            made: std::collections::HashSet::new(),
        }
    }

    /// What all their names begin with.
    #[must_use]
    pub fn name(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }

    /// The file of that key.
    pub fn fd(&mut self, key: u32) -> io::Result<RawFd> {
        if let Some(file) = self.open.get(&key) {
            return Ok(file.as_raw_fd());
        }
        if self.open.len() >= OPEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.open.remove(&oldest);
        }
        let mut name = self.name.clone();
        name.push(format!(".{key}"));
        let append = self.append || !self.made.insert(key);
        let file = File::options()
            .create(true)
            .write(!append)
            .append(append)
            .truncate(!append)
            .open(&name)?;
        let fd = file.as_raw_fd();
        self.open.insert(key, file);
        self.order.push_back(key);
        Ok(fd)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn more_files_than_may_be_open() {
        let dir = std::env::temp_dir().join(format!("strace-ebpf-separate-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        let name = dir.join("trace");
        std::fs::write(dir.join("trace.1"), "old").expect("written");
        let mut files = Files::new(name.into_os_string(), false);
        for round in ["a", "b"] {
            for key in 1..=OPEN as u32 + 10 {
                files.fd(key).expect("opened");
                write!(files.open[&key].try_clone().expect("a copy"), "{round}").expect("written");
            }
        }
        assert_eq!(files.open.len(), OPEN);
        for key in [1, 2, OPEN as u32 + 10] {
            let text = std::fs::read_to_string(dir.join(format!("trace.{key}")));
            assert_eq!(text.expect("there"), "ab", "{key}");
        }
        let mut files = Files::new(dir.join("trace").into_os_string(), true);
        files.fd(1).expect("opened");
        write!(files.open[&1].try_clone().expect("a copy"), "c").expect("written");
        let text = std::fs::read_to_string(dir.join("trace.1"));
        assert_eq!(text.expect("there"), "abc");
        std::fs::remove_dir_all(dir).expect("removed");
    }
}
