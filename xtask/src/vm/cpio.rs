//! An initramfs: a "newc" cpio archive as Documentation/driver-api/early-userspace/buffer-format.rst has it.
//!
//! Files keep the paths they have on this machine, and so do the symbolic links on the way to them: what finds its
//! libraries and data here finds them in the guest. No program is needed to write it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

/// One entry; its mode's file type bits are those of inode(7).
enum Node {
    Folder,
    Link(PathBuf),
    /// Read from this machine when the archive is written: where from, mode, seconds of its time of change. Python writes
    /// its compiled files again when those of the sources are others.
    Copy(PathBuf, u32, u32),
    Text(Vec<u8>, u32),
    /// A character device: major, minor.
    Device(u32, u32),
}

/// What the guest's root file system will hold.
#[derive(Default)]
pub(super) struct Archive {
    nodes: BTreeMap<PathBuf, Node>,
}

/// More links than this on the way to one file are a loop.
const MAX_LINKS: u32 = 40;

impl Archive {
    /// Adds a file, link or folder of this machine under its own path. Folders are added empty.
    pub(super) fn add(&mut self, path: &Path) -> Result<()> {
        self.add_as(path, path)
    }

    /// Adds a file of this machine, its bytes taken from elsewhere (such as a copy without symbols).
    pub(super) fn add_as(&mut self, path: &Path, source: &Path) -> Result<()> {
        let mut links = 0;
        let mut todo: Vec<PathBuf> = components(path);
        let mut at = PathBuf::from("/");
        while let Some(part) = todo.pop() {
            let next = match part.to_str() {
                Some("..") => {
                    at.pop();
                    continue;
                }
                _ => at.join(&part),
            };
            let found = fs::symlink_metadata(&next)
                .with_context(|| format!("looking at {}", next.display()))?;
            if found.is_symlink() {
                links += 1;
                if links > MAX_LINKS {
                    bail!("{} is a loop of links", path.display());
                }
                let target = fs::read_link(&next)?;
                self.nodes.insert(next, Node::Link(target.clone()));
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                todo.extend(components(&target));
            } else if found.is_dir() {
                self.nodes.insert(next.clone(), Node::Folder);
                at = next;
            } else {
                let bytes = if path == source { &next } else { source };
                let mode = found.permissions().mode() & 0o7777;
                let time = u32::try_from(found.mtime()).unwrap_or(0);
                self.nodes
                    .insert(next.clone(), Node::Copy(bytes.to_owned(), mode, time));
                at = next;
            }
        }
        Ok(())
    }

    /// Adds a folder with all that is in it, short of what `wanted` does not want.
    pub(super) fn add_tree(&mut self, folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<()> {
        self.add(folder)?;
        let entries =
            fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if !wanted(&path) {
                continue;
            }
            let found = fs::symlink_metadata(&path)?;
            if found.is_dir() {
                self.add_tree(&path, wanted)?;
            } else if path.exists() {
                self.add(&path)?;
            }
        }
        Ok(())
    }

    /// Adds a file that is not on this machine, with the folders above it.
    pub(super) fn text(&mut self, path: &str, mode: u32, text: impl Into<Vec<u8>>) {
        self.folders_above(Path::new(path));
        self.nodes
            .insert(path.into(), Node::Text(text.into(), mode));
    }

    /// Adds an empty folder, with those above it.
    pub(super) fn folder(&mut self, path: &str) {
        self.folders_above(Path::new(path));
        self.nodes.entry(path.into()).or_insert(Node::Folder);
    }

    /// Adds a character device.
    pub(super) fn device(&mut self, path: &str, major: u32, minor: u32) {
        self.folders_above(Path::new(path));
        self.nodes.insert(path.into(), Node::Device(major, minor));
    }

    fn folders_above(&mut self, path: &Path) {
        for folder in path.ancestors().skip(1).filter(|f| f.parent().is_some()) {
            self.nodes.entry(folder.to_owned()).or_insert(Node::Folder);
        }
    }

    /// The files of this machine that it holds, for those who ask which libraries they need.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.nodes.values().filter_map(|node| match node {
            Node::Copy(source, ..) => Some(source.as_path()),
            _ => None,
        })
    }

    /// Writes the whole archive.
    pub(super) fn write(&self, to: &mut impl Write) -> Result<()> {
        let mut to = Counting { to, written: 0 };
        for (number, (path, node)) in (1..).zip(&self.nodes) {
            let name = path.strip_prefix("/").unwrap_or(path);
            let name = name.to_str().context("a path that is not UTF-8")?;
            let (mode, bytes, device) = match node {
                Node::Folder => (0o040_755, Vec::new(), (0, 0)),
                Node::Link(target) => {
                    let target = target.to_str().context("a link that is not UTF-8")?;
                    (0o120_777, target.as_bytes().to_vec(), (0, 0))
                }
                Node::Copy(source, mode, _) => {
                    let bytes = fs::read(source)
                        .with_context(|| format!("reading {}", source.display()))?;
                    (0o100_000 | mode, bytes, (0, 0))
                }
                Node::Text(bytes, mode) => (0o100_000 | mode, bytes.clone(), (0, 0)),
                Node::Device(major, minor) => (0o020_666, Vec::new(), (*major, *minor)),
            };
            let time = match node {
                Node::Copy(.., time) => *time,
                _ => 0,
            };
            to.entry((number, time), mode, name, &bytes, device)?;
        }
        to.entry((0, 0), 0, "TRAILER!!!", &[], (0, 0))?;
        Ok(())
    }
}

/// The parts of a path, the last one first; the root and `.` are none.
fn components(path: &Path) -> Vec<PathBuf> {
    let part = |component: Component<'_>| match component {
        Component::Normal(name) => Some(PathBuf::from(name)),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    let mut parts: Vec<_> = path.components().filter_map(part).collect();
    parts.reverse();
    parts
}

/// Knows how much was written: names and contents are padded to four bytes.
struct Counting<'a, W> {
    to: &'a mut W,
    written: usize,
}

impl<W: Write> Counting<'_, W> {
    fn entry(
        &mut self,
        (number, time): (u32, u32),
        mode: u32,
        name: &str,
        bytes: &[u8],
        device: (u32, u32),
    ) -> io::Result<()> {
        // magic, then ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
        let header = format!(
            "070701{number:08X}{mode:08X}{0:08X}{0:08X}{1:08X}{time:08X}{size:08X}{0:08X}{0:08X}{major:08X}{minor:08X}{len:08X}{0:08X}",
            0,
            1,
            size = bytes.len(),
            major = device.0,
            minor = device.1,
            len = name.len() + 1,
        );
        self.put(header.as_bytes())?;
        self.put(name.as_bytes())?;
        self.put(&[0])?;
        self.pad()?;
        self.put(bytes)?;
        self.pad()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len();
        self.to.write_all(bytes)
    }

    fn pad(&mut self) -> io::Result<()> {
        let padding = self.written.next_multiple_of(4) - self.written;
        self.put(&[0; 4][..padding])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_padded_and_the_trailer_ends_them() -> Result<()> {
        let mut archive = Archive::default();
        archive.text("/vm/x", 0o755, "hello");
        let mut bytes = Vec::new();
        archive.write(&mut bytes)?;
        let text = String::from_utf8(bytes)?;
        assert_eq!(text.len() % 4, 0);
        // The folder comes before what is in it.
        let (folder, file) = (text.find("vm\0"), text.find("vm/x\0"));
        assert!(folder.is_some() && folder < file, "{text:?}");
        assert!(text.contains("vm/x\0\0hello\0\0\x00070701"), "{text:?}");
        assert_eq!(text.matches("070701").count(), 3);
        assert!(text.ends_with("TRAILER!!!\0\0\0\0"), "{text:?}");
        Ok(())
    }

    #[test]
    fn links_on_the_way_are_kept() -> Result<()> {
        let dir = std::env::temp_dir().join(format!("xtask-cpio-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("real/sub"))?;
        fs::write(dir.join("real/sub/file"), "x")?;
        std::os::unix::fs::symlink("real/sub", dir.join("short"))?;
        std::os::unix::fs::symlink("../short/file", dir.join("real/again"))?;
        let dir = dir.canonicalize()?;
        let mut archive = Archive::default();
        archive.add(&dir.join("real/again"))?;
        let has = |name: &str| archive.nodes.contains_key(&dir.join(name));
        assert!(has("real/again") && has("short") && has("real/sub/file"));
        assert_eq!(archive.files().count(), 1);
        fs::remove_dir_all(&dir)?;
        Ok(())
    }
}
