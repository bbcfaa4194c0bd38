//! `cargo xtask build-ebpf`: compiles the probes for the BPF target and puts the objects where they are committed.
//!
//! An object holds nothing of the machine that built it: folders are renamed in debug information, DWARF is taken
//! away (the kernel and aya read BTF only), and a leftover path is an error. A stamp beside the objects holds the hash
//! of the sources they were built from, by which `--check` and a unit test see that they are out of date.

mod stamp;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::target_dir;
use crate::setup::{self, Toolchain};
use crate::tools::{self, say};
use stamp::Stamp;

const PACKAGE: &str = "strace-ebpf-probes";
const TARGET: &str = "bpfel-unknown-none";
/// The architecture whose registers the probes read, whatever machine compiles them.
const ARCH: &str = "x86_64";
/// The folder of the committed objects.
const COMMITTED: &str = "strace-ebpf/src/probes";
/// Each object's file name and the cargo features it is built with.
const OBJECTS: [(&str, &[&str]); 3] = [
    ("probes.bpf.o", &[]),
    ("probes-perf.bpf.o", &["--features", "perf-only"]),
    ("probes-debug.bpf.o", &["--features", "log"]),
];

/// Options of `cargo xtask build-ebpf`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Build nothing; fail when the committed objects are older than their sources
    #[arg(long, conflicts_with = "out")]
    check: bool,
    /// Put the objects here and leave the committed ones alone
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Builds the objects, or checks the committed ones.
pub(crate) fn run(options: &Options) -> Result<()> {
    let root = tools::workspace_root()?;
    let committed = root.join(COMMITTED);
    if options.check {
        return stamp::check(&root, &committed);
    }
    let out = options.out.as_ref().unwrap_or(&committed);
    fs::create_dir_all(out).with_context(|| format!("creating {}", out.display()))?;
    let toolchain = setup::ready()?;
    // Before the build: a source saved during it must make the objects look old, not new.
    let sources = stamp::source_hash(&root)?;
    fetch(&root, &toolchain)?;
    let mut objects = Vec::new();
    for (name, features) in OBJECTS {
        let object =
            compile(&root, &toolchain, features).with_context(|| format!("building {name}"))?;
        let same = fs::read(committed.join(name)).is_ok_and(|old| old == object);
        let remark = if same { ", as committed" } else { "" };
        say!("{name}: {} bytes{remark}", object.len());
        write_if_changed(&out.join(name), &object)?;
        objects.push((name, stamp::hash(&object)));
    }
    let stamp = Stamp { sources, objects };
    write_if_changed(&out.join(stamp::FILE), stamp.to_string().as_bytes())?;
    say!("written to {}", out.display());
    Ok(())
}

/// Downloads the packages, because [`renames`] must see cargo's folders as the build will find them.
fn fetch(root: &Path, toolchain: &Toolchain) -> Result<()> {
    let (mut command, _) = toolchain.cargo()?;
    command.current_dir(root).args(["fetch", "--quiet"]);
    tools::run(&mut command)
}

/// Builds one object and returns its bytes.
fn compile(root: &Path, toolchain: &Toolchain, features: &[&str]) -> Result<Vec<u8>> {
    let target = target_dir(root).join("bpf");
    let renames = renames(root, toolchain)?;
    let (mut command, trailing) = toolchain.cargo()?;
    command
        .current_dir(root)
        .args(["build", "--release", "--package", PACKAGE])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&target)
        .args(features)
        .args(trailing)
        .args(PROFILE.iter().flat_map(|setting| ["--config", setting]))
        // Wins over RUSTFLAGS and over every `rustflags` in a configuration file.
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags(&renames));
    tools::run(&mut command)?;

    let linked = target.join(TARGET).join("release/probes");
    let stripped = linked.with_extension("stripped");
    strip(toolchain, &linked, &stripped)?;
    let object = fs::read(&stripped).with_context(|| format!("reading {}", stripped.display()))?;
    for (folder, _) in &renames {
        if contains(&object, folder.as_os_str().as_encoded_bytes()) {
            bail!("the object holds the path {}", folder.display());
        }
    }
    Ok(object)
}

/// The release profile of the workspace is made for the program; these settings replace it, also where a user's
/// configuration says otherwise. BTF is made from full debug information.
const PROFILE: [&str; 7] = [
    "profile.release.opt-level=3",
    "profile.release.debug=2",
    "profile.release.lto=false",
    "profile.release.codegen-units=1",
    "profile.release.panic=\"abort\"",
    "profile.release.strip=\"none\"",
    "profile.release.incremental=false",
];

fn rustflags(renames: &[(PathBuf, &str)]) -> OsString {
    let mut flags = OsString::from("-Cdebuginfo=2\x1f-Clink-arg=--btf\x1f--cfg=bpf_target_arch=");
    flags.push(format!("\"{ARCH}\""));
    for (from, to) in renames {
        flags.push("\x1f--remap-path-prefix=");
        flags.push(from);
        flags.push(format!("={to}"));
    }
    flags
}

/// Folders of this machine and what the object calls them. rustc takes the last that fits, so inner ones come later.
fn renames(root: &Path, toolchain: &Toolchain) -> Result<Vec<(PathBuf, &'static str)>> {
    let cargo_home = match (std::env::var_os("CARGO_HOME"), std::env::var_os("HOME")) {
        (Some(dir), _) => std::path::absolute(dir)?,
        (None, Some(home)) => Path::new(&home).join(".cargo"),
        (None, None) => bail!("neither CARGO_HOME nor HOME is set"),
    };
    let mut renames = vec![
        (cargo_home.clone(), "/cargo"),
        (toolchain.source_root()?, "/rust"),
        (root.to_owned(), "/strace-ebpf"),
    ];
    // Below `registry/src` there is a folder per registry, named after its host.
    if let Ok(registries) = fs::read_dir(cargo_home.join("registry/src")) {
        for registry in registries {
            renames.push((registry?.path(), "/deps"));
        }
    }
    Ok(renames)
}

/// Takes DWARF out and keeps BTF, which is all that the kernel and aya read. BTF's relocations go too: like libbpf, aya
/// finds variables by symbol, and the offsets in `.BTF.ext` are right as they stand.
fn strip(toolchain: &Toolchain, from: &Path, to: &Path) -> Result<()> {
    let own = toolchain.rustc.objcopy();
    let program = if own.is_file() {
        own
    } else {
        PathBuf::from("llvm-objcopy")
    };
    tools::run(
        Command::new(program)
            .args(["--strip-debug", "--remove-section=.rel.BTF*"])
            .args([from, to])
            .env("LD_LIBRARY_PATH", toolchain.rustc.sysroot.join("lib")),
    )
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Leaves a file alone that has these bytes already, so that nothing is built again for it.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rustflags_are_separated_by_unit_separators() {
        let flags = rustflags(&[(PathBuf::from("/a b"), "/x")]);
        assert_eq!(
            flags,
            "-Cdebuginfo=2\x1f-Clink-arg=--btf\x1f--cfg=bpf_target_arch=\"x86_64\"\x1f--remap-path-prefix=/a b=/x"
        );
    }

    #[test]
    fn committed_probes_are_built_from_these_sources() -> Result<()> {
        let root = tools::workspace_root()?;
        stamp::check(&root, &root.join(COMMITTED))
    }
}
