//! Paths of cgroups by number, cgroups(7): the number is the inode of the cgroup's directory.

use std::{
    collections::HashMap,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

/// Paths by number, relative to the mount point, beginning with a slash.
#[derive(Debug, Default)]
pub struct Cgroups {
    root: Option<PathBuf>,
    paths: HashMap<u64, Vec<u8>>,
}

impl Cgroups {
    /// Finds the cgroup v2 mount.
    #[must_use]
    pub fn new() -> Self {
        Self {
            root: root(),
            paths: HashMap::new(),
        }
    }

    /// The path of cgroup `id`: from memory, else from a walk; its number if it is gone.
    pub fn path(&mut self, id: u64) -> &[u8] {
        if !self.paths.contains_key(&id) {
            if let Some(root) = self.root.clone() {
                self.walk(&root, &root, 0);
            }
            self.paths
                .entry(id)
                .or_insert_with(|| id.to_string().into_bytes());
        }
        self.paths.get(&id).map_or(b"-", Vec::as_slice)
    }

    fn walk(&mut self, root: &Path, dir: &Path, depth: u32) {
        if let Ok(metadata) = dir.metadata()
            && let Ok(relative) = dir.strip_prefix(root)
        {
            let path = [b"/", relative.as_os_str().as_bytes()].concat();
            self.paths.insert(metadata.ino(), path);
        }
        if depth == 32 {
            return;
        }
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.walk(root, &entry.path(), depth + 1);
            }
        }
    }
}

/// Where cgroups v2 are mounted.
#[must_use]
pub fn root() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    mount_point(&mounts).map(PathBuf::from)
}

fn mount_point(mounts: &str) -> Option<&str> {
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ');
        let (point, kind) = (words.nth(1)?, words.next()?);
        (kind == "cgroup2").then_some(point)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_mount_among_others() {
        let mounts = "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(mount_point(mounts), Some("/sys/fs/cgroup/unified"));
        assert_eq!(mount_point("proc /proc proc rw 0 0\n"), None);
    }
}
