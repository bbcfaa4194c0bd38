//! The file beside the committed objects that says what they were built from.
//!
//! One line per hash, `<sha256 in hexadecimal>  <name>` as sha256sum(1) prints it: first the sources, then each object.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::tools::say;

/// The stamp's file name.
pub(super) const FILE: &str = "probes.sha256";
/// The name of the first line.
const SOURCES: &str = "sources";
/// The packages the objects are made of; of each, `Cargo.toml` and everything in `src`.
const PACKAGES: [&str; 2] = ["strace-ebpf-common", "strace-ebpf-probes"];

/// The content of the stamp.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// [`source_hash`] at the time of the build.
    pub(super) sources: String,
    /// File name and hash of each object.
    pub(super) objects: Vec<(&'static str, String)>,
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  {SOURCES}", self.sources)?;
        for (name, hash) in &self.objects {
            writeln!(f, "{hash}  {name}")?;
        }
        Ok(())
    }
}

/// Fails when the objects in this folder are not those of the stamp, or the stamp not that of the sources.
pub(super) fn check(root: &Path, folder: &Path) -> Result<()> {
    const CURE: &str = "run `cargo xtask build-ebpf` and commit what it writes";
    let path = folder.join(FILE);
    let text =
        fs::read_to_string(&path).with_context(|| format!("reading {}; {CURE}", path.display()))?;
    for (hash, name) in text.lines().filter_map(|line| line.split_once("  ")) {
        let now = if name == SOURCES {
            source_hash(root)?
        } else {
            let object = folder.join(name);
            self::hash(
                &fs::read(&object)
                    .with_context(|| format!("reading {}; {CURE}", object.display()))?,
            )
        };
        if now != hash && name == SOURCES {
            bail!("the committed probes are older than their sources; {CURE}");
        } else if now != hash {
            bail!("{name} is not the object that {FILE} describes; {CURE}");
        }
    }
    if !text.contains(&format!("  {SOURCES}\n")) {
        bail!("{} has no line for the sources; {CURE}", path.display());
    }
    say!("the committed probes are built from these sources");
    Ok(())
}

/// SHA-256 in hexadecimal.
pub(super) fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The hash of all sources of the probes: for each file in order of its path, that path (relative to the workspace),
/// a zero byte, the length as 8 little-endian bytes, and the content.
pub(super) fn source_hash(root: &Path) -> Result<String> {
    let mut files = Vec::new();
    for package in PACKAGES.map(|name| root.join(name)) {
        files.push(package.join("Cargo.toml"));
        collect(&package.join("src"), &mut files)?;
    }
    let mut named = Vec::new();
    for file in files {
        let name = file.strip_prefix(root)?.to_owned();
        named.push((name.into_os_string().into_encoded_bytes(), file));
    }
    named.sort();

    let mut hasher = Sha256::new();
    for (name, file) in named {
        let content = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        hasher.update(&name);
        hasher.update([0]);
        hasher.update((content.len() as u64).to_le_bytes());
        hasher.update(&content);
    }
    Ok(hex(&hasher.finalize()))
}

/// Adds all files below a folder.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace of two packages in a temporary folder, removed at the end.
    struct Workspace(PathBuf);

    impl Workspace {
        fn new(name: &str) -> Result<Workspace> {
            let root =
                std::env::temp_dir().join(format!("xtask-stamp-{name}-{}", std::process::id()));
            for package in PACKAGES {
                fs::create_dir_all(root.join(package).join("src/inner"))?;
                fs::write(root.join(package).join("Cargo.toml"), package)?;
                fs::write(root.join(package).join("src/inner/a.rs"), "a")?;
            }
            Ok(Workspace(root))
        }
    }

    impl Drop for Workspace {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn hash_is_sha256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hash(b""), empty);
    }

    #[test]
    fn source_hash_sees_content_and_names() -> Result<()> {
        let workspace = Workspace::new("hash")?;
        let probes = workspace.0.join("strace-ebpf-probes");
        let first = source_hash(&workspace.0)?;
        assert_eq!(first, source_hash(&workspace.0)?);

        fs::write(probes.join("README.md"), "not a source")?;
        assert_eq!(first, source_hash(&workspace.0)?);

        fs::write(probes.join("src/inner/a.rs"), "b")?;
        assert_ne!(first, source_hash(&workspace.0)?);

        fs::write(probes.join("src/inner/a.rs"), "a")?;
        fs::rename(probes.join("src/inner/a.rs"), probes.join("src/a.rs"))?;
        assert_ne!(first, source_hash(&workspace.0)?);
        Ok(())
    }

    #[test]
    fn check_sees_old_and_foreign_objects() -> Result<()> {
        let workspace = Workspace::new("check")?;
        let root = &workspace.0;
        assert!(check(root, root).is_err());

        fs::write(root.join("probes.bpf.o"), "object")?;
        let stamp = Stamp {
            sources: source_hash(root)?,
            objects: vec![("probes.bpf.o", hash(b"object"))],
        };
        fs::write(root.join(FILE), stamp.to_string())?;
        check(root, root)?;

        fs::write(root.join("probes.bpf.o"), "another")?;
        assert!(check(root, root).is_err());

        fs::write(root.join("probes.bpf.o"), "object")?;
        fs::write(root.join("strace-ebpf-common/src/b.rs"), "b")?;
        assert!(check(root, root).is_err());
        Ok(())
    }
}
