//! The guests' root file system: this machine's own programs with their libraries (xtask/data/vm/root.txt), and what
//! the workspace has built, all at the paths they have here.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::cpio::Archive;
use crate::tools::{self, say};

/// Where programs are looked for: the `PATH` that the tests give what they run.
const PROGRAM_DIRS: [&str; 5] = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];

/// What the workspace builds for the guests.
pub(super) struct Built {
    /// strace-ebpf itself.
    pub(super) program: PathBuf,
    /// The program that holds the end-to-end tests.
    pub(super) tests: PathBuf,
    /// The folder with the programs of `tests/programs`.
    pub(super) examples: PathBuf,
    /// All of these, each with a copy that is small.
    files: Vec<(PathBuf, PathBuf)>,
}

/// Builds the tests and all they need.
pub(super) fn build(root: &Path, work: &Path) -> Result<Built> {
    say!("building the tests and the test programs");
    // Parts of the build of `cargo xtask test`: the same packages, so the same features. `cargo test --examples` would make
    // tests of the examples.
    let mut messages = String::new();
    for words in [
        &["build", "--examples"][..],
        &["test", "--no-run", "--test", "e2e"],
    ] {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(root).args(words);
        cargo.args(["--quiet", "--message-format=json"]);
        messages += &tools::output(&mut cargo)?;
    }
    let mut built: Vec<(String, String)> = Vec::new();
    for line in messages.lines() {
        let field = |name: &str| {
            let start = line.find(name)? + name.len();
            let rest = line.get(start..)?;
            rest.split('"').next().map(str::to_owned)
        };
        if let Some(file) = field("\"executable\":\"") {
            let kind = field("\"kind\":[\"").unwrap_or_default();
            built.push((kind, file));
        }
    }
    let of_kind = |kind: &str| {
        let files = built.iter().filter(move |(k, _)| k == kind);
        files
            .map(|(_, file)| PathBuf::from(file))
            .collect::<Vec<_>>()
    };
    let named = |files: Vec<PathBuf>, start: &str| {
        let is = |file: &PathBuf| {
            file.file_name()
                .is_some_and(|n| n.to_string_lossy().starts_with(start))
        };
        files
            .into_iter()
            .find(is)
            .with_context(|| format!("cargo built no {start}"))
    };
    let tests = named(of_kind("test"), "e2e-")?;
    let folder = tests.ancestors().nth(2).context("no target folder")?;
    if let Some(hidden) = HIDDEN.iter().find(|hidden| folder.starts_with(hidden)) {
        bail!(
            "guests have a {hidden} of their own, and the tests are in {}: set CARGO_TARGET_DIR to a folder elsewhere",
            folder.display()
        );
    }
    // Programs also have a unit test of their own, in another folder.
    let program = folder.join("strace-ebpf");
    // Their debugging information is ten times as large as they are.
    let stripped = work.join("stripped");
    fs::create_dir_all(&stripped).with_context(|| format!("creating {}", stripped.display()))?;
    let ours = [program.clone(), tests.clone()];
    let files = ours.into_iter().chain(of_kind("example"));
    Ok(Built {
        files: files
            .map(|file| strip(&file, &stripped).map(|copy| (file, copy)))
            .collect::<Result<_>>()?,
        examples: folder.join("examples"),
        program,
        tests,
    })
}

/// What `init.sh` mounts something over.
const HIDDEN: [&str; 5] = ["/proc", "/sys", "/dev", "/tmp", "/run"];

/// What one guest runs, besides what all have.
pub(super) struct Task<'a> {
    /// The text of `/vm/run`, a script for bash.
    pub(super) script: String,
    /// The script is a shell that somebody types into.
    pub(super) interactive: bool,
    /// Other files of this machine.
    pub(super) add: &'a [PathBuf],
}

/// Writes the initramfs.
pub(super) fn write(root: &Path, built: &Built, task: &Task<'_>, to: &Path) -> Result<()> {
    let mut archive = Archive::default();
    for folder in [
        "/proc", "/sys", "/dev", "/tmp", "/run", "/root", "/mnt", "/vm",
    ] {
        archive.folder(folder);
    }
    // Links into /usr on most systems; scripts name their shell by them.
    for link in ["/bin", "/sbin", "/lib", "/lib64"].map(Path::new) {
        if link.exists() {
            archive.add(link)?;
        }
    }
    archive.device("/dev/console", 5, 1);
    archive.device("/dev/null", 1, 3);
    listed(&mut archive, &root.join("xtask/data/vm/root.txt"))?;

    for (file, stripped) in &built.files {
        archive.add_as(file, stripped)?;
    }
    for file in task.add {
        let file = std::path::absolute(file)?;
        if file.is_dir() {
            archive.add_tree(&file, &|_| true)?;
        } else {
            archive.add(&file)?;
        }
    }
    add_libraries(&mut archive)?;

    archive.text("/init", 0o755, include_str!("init.sh"));
    archive.text("/vm/run", 0o755, task.script.as_str());
    archive.text(
        "/etc/hosts",
        0o644,
        "127.0.0.1 localhost guest\n::1 localhost\n",
    );
    if task.interactive {
        archive.text("/vm/shell", 0o644, "");
    }
    let file = File::create(to).with_context(|| format!("creating {}", to.display()))?;
    let mut file = BufWriter::new(file);
    archive.write(&mut file)?;
    file.flush()
        .with_context(|| format!("writing {}", to.display()))
}

/// Adds what the list names.
fn listed(archive: &mut Archive, list: &Path) -> Result<()> {
    let text = fs::read_to_string(list).with_context(|| format!("reading {}", list.display()))?;
    let entries = || {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.filter_map(|line| line.split_once(' '))
    };
    let excepted: Vec<&str> = entries()
        .filter(|(kind, _)| *kind == "except")
        .map(|(_, name)| name)
        .collect();
    let wanted = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !excepted.iter().any(|start| name.starts_with(start))
    };
    for (kind, name) in entries() {
        match (kind, program(name)) {
            ("program" | "maybe", Some(path)) => archive.add(&path)?,
            ("program", None) => {
                bail!("the guests need {name}, which this machine does not have; install it")
            }
            ("maybe" | "except", _) => {}
            // Not every system has every one of these.
            ("file", _) if !Path::new(name).exists() => {}
            ("file", _) => archive.add(Path::new(name))?,
            ("tree", _) => {
                for folder in matching(name) {
                    archive.add_tree(&folder, &wanted)?;
                }
            }
            _ => bail!("{}: {kind} {name}: no such kind of entry", list.display()),
        }
    }
    Ok(())
}

fn program(name: &str) -> Option<PathBuf> {
    let paths = PROGRAM_DIRS.iter().map(|dir| Path::new(dir).join(name));
    paths.into_iter().find(|path| path.is_file())
}

/// The folders that a path with an optional `*` at its end stands for.
fn matching(path: &str) -> Vec<PathBuf> {
    let Some(start) = path.strip_suffix('*') else {
        return [PathBuf::from(path)]
            .into_iter()
            .filter(|p| p.is_dir())
            .collect();
    };
    let parent = Path::new(start).parent().unwrap_or(Path::new("/"));
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths
        .filter(|p| p.is_dir() && p.to_string_lossy().starts_with(start))
        .collect()
}

/// A copy without debugging information, or the file itself where strip(1) is missing.
fn strip(file: &Path, into: &Path) -> Result<PathBuf> {
    if !tools::in_path("strip") {
        return Ok(file.to_owned());
    }
    let name = file.file_name().context("a program without a name")?;
    let copy = into.join(name);
    let time = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
    if time(&copy) < time(file) {
        tools::run(
            Command::new("strip")
                .arg("--strip-debug")
                .arg("-o")
                .arg(&copy)
                .arg(file),
        )?;
    }
    Ok(copy)
}

/// Adds the shared libraries that the files in the archive ask for.
fn add_libraries(archive: &mut Archive) -> Result<()> {
    let elf: Vec<PathBuf> = archive
        .files()
        .filter(|f| is_elf(f))
        .map(Path::to_owned)
        .collect();
    // Its exit status is 1 when any of them is static.
    let output = Command::new("ldd")
        .args(&elf)
        .output()
        .context("starting ldd")?;
    for library in libraries(&String::from_utf8_lossy(&output.stdout)) {
        archive.add(&library)?;
    }
    Ok(())
}

fn is_elf(file: &Path) -> bool {
    let mut magic = [0; 4];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"\x7fELF"
}

/// The paths in what ldd(1) says: `name => /path (0x…)`, and the loader's `/path (0x…)`.
fn libraries(listing: &str) -> BTreeSet<PathBuf> {
    listing
        .lines()
        .filter_map(|line| {
            let (line, _) = line.trim().rsplit_once(" (0x")?;
            let path = line.rsplit("=> ").next()?;
            path.starts_with('/').then(|| path.into())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_from_ldd() {
        let listing = "/bin/ls:\n\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/libc.so.6 (0x2)\n\
            \t/lib64/ld-linux-x86-64.so.2 (0x3)\n/x:\n\tnot a dynamic executable\n\tlibq.so => not found\n";
        let want = ["/lib/libc.so.6", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(libraries(listing), want.map(PathBuf::from).into());
    }

    #[test]
    fn folders_by_pattern() {
        assert_eq!(
            matching("/pro*").len(),
            usize::from(Path::new("/proc").is_dir())
        );
        assert_eq!(matching("/no/such/*").len(), 0);
    }
}
