//! `cargo xtask setup`: the BPF toolchain, in a private cache folder; nothing is installed on the machine.
//!
//! Two things are needed besides the Rust that builds everything else: bpf-linker, and a `core` for the target
//! bpfel-unknown-none. The linker is built against rustc's own LLVM, so no system LLVM is needed. `core` comes from
//! rust-src, or compiled from Debian. Every step looks first whether its result is there already.

mod debian;
mod linker;
mod rustc;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::{self, say};
pub(crate) use rustc::Rustc;

/// Where `core` for the BPF target comes from.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Core {
    /// The sources of the active toolchain, compiled with it (`-Z build-std`)
    RustSrc,
    /// The same with the nightly toolchain
    Nightly,
    /// Debian's compiler with its precompiled core, unpacked but not installed
    Debian,
}

/// Options of `cargo xtask setup`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Take `core` from here instead of the first source that works
    #[arg(long, value_enum)]
    pub(crate) core: Option<Core>,
}

/// A toolchain that is ready to compile the probes.
pub(crate) struct Toolchain {
    /// The compiler the linker was built for.
    pub(crate) rustc: Rustc,
    /// The bpf-linker program.
    pub(crate) linker: PathBuf,
    /// The cache folder.
    pub(crate) cache: PathBuf,
    /// The source of `core` that was chosen.
    pub(crate) core: Core,
}

/// Gets what is missing and records the choice of `core` for the builds to come.
pub(crate) fn setup(wanted: Option<Core>) -> Result<Toolchain> {
    let rustc = Rustc::active()?;
    let cache = cache_dir()?;
    // A folder per compiler: an update of Rust brings another LLVM, so it needs another linker.
    let home = cache.join(rustc.key());
    fs::create_dir_all(&home).with_context(|| format!("creating {}", home.display()))?;
    say!("toolchain folder {}", home.display());

    let linker = linker::install(&rustc, &home)?;
    let before = recorded(&home).filter(|core| available(*core, &rustc, &cache));
    let core = match wanted.or(before) {
        Some(core) => {
            provide(core, &rustc, &cache)?;
            core
        }
        None => first_available(&rustc, &cache)?,
    };
    fs::write(state_file(&home), core.name()).context("recording the choice of core")?;
    Ok(Toolchain {
        rustc,
        linker,
        cache,
        core,
    })
}

/// The toolchain of an earlier setup, or a new setup where it is missing or of another compiler.
pub(crate) fn ready() -> Result<Toolchain> {
    let rustc = Rustc::active()?;
    let cache = cache_dir()?;
    let home = cache.join(rustc.key());
    let linker = linker::path(&home);
    match recorded(&home) {
        Some(core) if linker.is_file() && available(core, &rustc, &cache) => Ok(Toolchain {
            rustc,
            linker,
            cache,
            core,
        }),
        _ => setup(None),
    }
}

impl Core {
    fn name(self) -> &'static str {
        match self {
            Core::RustSrc => "rust-src",
            Core::Nightly => "nightly",
            Core::Debian => "debian",
        }
    }

    fn from_name(name: &str) -> Option<Core> {
        [Core::RustSrc, Core::Nightly, Core::Debian]
            .into_iter()
            .find(|core| core.name() == name)
    }
}

impl Toolchain {
    /// A `cargo` that compiles for the BPF target, without a subcommand yet, and the arguments that must follow it.
    pub(crate) fn cargo(&self) -> Result<(Command, Vec<&'static str>)> {
        let build_std = vec!["-Zbuild-std=core"];
        let (mut command, args) = match self.core {
            Core::RustSrc => (Command::new("cargo"), build_std),
            Core::Nightly => {
                let mut command = Command::new("rustup");
                command.args(["run", "nightly", "cargo"]);
                (command, build_std)
            }
            Core::Debian => (Command::new("cargo"), Vec::new()),
        };
        clean_environment(&mut command);
        // Stable refuses -Zbuild-std without it, and aya-ebpf asks for an unstable feature in any case.
        command.env("RUSTC_BOOTSTRAP", "1").env("RUSTC_WRAPPER", "");
        let mut libraries = vec![self.rustc.sysroot.join("lib")];
        if self.core == Core::Debian {
            command.env("RUSTC", debian::rustc(&self.cache));
            libraries.extend(debian::library_dirs(&self.cache)?);
        }
        command
            .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", &self.linker)
            .env("LD_LIBRARY_PATH", std::env::join_paths(libraries)?);
        Ok((command, args))
    }

    /// The folder of Rust's own files that the chosen compiler names in debug information.
    pub(crate) fn source_root(&self) -> Result<PathBuf> {
        Ok(match self.core {
            Core::RustSrc => self.rustc.sysroot.clone(),
            Core::Nightly => {
                Rustc::nightly()
                    .context("the nightly toolchain is gone")?
                    .sysroot
            }
            Core::Debian => debian::folder(&self.cache),
        })
    }
}

/// Takes away every variable that would change what cargo builds: only where to find things may come from outside.
fn clean_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if changes_the_build(&name) {
            command.env_remove(&name);
        }
    }
}

fn changes_the_build(name: &OsString) -> bool {
    const KEPT: [&str; 8] = [
        "CARGO_HOME",
        "CARGO_BUILD_JOBS",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTRIES_",
        "CARGO_REGISTRY_",
        "CARGO_SOURCE_",
        "CARGO_TERM_",
    ];
    let name = name.to_string_lossy();
    let ours = ["CARGO", "RUSTC", "RUSTFLAGS", "RUSTDOC", "AYA_"];
    ours.iter().any(|prefix| name.starts_with(prefix))
        && !KEPT.iter().any(|prefix| name.starts_with(prefix))
}

/// `STRACE_EBPF_TOOLCHAIN_DIR`, or `strace-ebpf` in the user's cache folder (XDG base directory specification).
pub(crate) fn cache_dir() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let dir = if let Some(dir) = set("STRACE_EBPF_TOOLCHAIN_DIR") {
        PathBuf::from(dir)
    } else if let Some(dir) = set("XDG_CACHE_HOME") {
        Path::new(&dir).join("strace-ebpf")
    } else if let Some(home) = set("HOME") {
        Path::new(&home).join(".cache/strace-ebpf")
    } else {
        bail!("no cache folder: set STRACE_EBPF_TOOLCHAIN_DIR or HOME");
    };
    Ok(std::path::absolute(dir)?)
}

fn state_file(home: &Path) -> PathBuf {
    home.join("core.txt")
}

fn recorded(home: &Path) -> Option<Core> {
    Core::from_name(fs::read_to_string(state_file(home)).ok()?.trim())
}

/// Whether this source can be used without fetching anything.
fn available(core: Core, rustc: &Rustc, cache: &Path) -> bool {
    match core {
        Core::RustSrc => rustc.has_source(),
        Core::Nightly => Rustc::nightly()
            .is_ok_and(|nightly| nightly.has_source() && nightly.llvm_major == rustc.llvm_major),
        Core::Debian => debian::is_ready(cache),
    }
}

/// Makes this source available, or says why it cannot be.
fn provide(core: Core, rustc: &Rustc, cache: &Path) -> Result<()> {
    if available(core, rustc, cache) {
        say!("core from {}: already there", core.name());
        return Ok(());
    }
    match core {
        Core::RustSrc => add_rust_src(rustc),
        Core::Nightly => bail!(
            "no nightly toolchain with rust-src and LLVM {}; rustup installs one",
            rustc.llvm_major
        ),
        Core::Debian => debian::install(rustc, cache),
    }
}

/// Tries the sources in order of preference: those at hand first, then those that must be fetched.
fn first_available(rustc: &Rustc, cache: &Path) -> Result<Core> {
    for core in [Core::RustSrc, Core::Nightly] {
        if available(core, rustc, cache) {
            say!("core from {}: already there", core.name());
            return Ok(core);
        }
    }
    for core in [Core::RustSrc, Core::Debian] {
        match provide(core, rustc, cache) {
            Ok(()) => return Ok(core),
            Err(error) => say!("core from {}: not to be had: {error:#}", core.name()),
        }
    }
    bail!(
        "no source of core for the BPF target; `rustup component add rust-src` or a Debian machine gives one"
    )
}

fn add_rust_src(rustc: &Rustc) -> Result<()> {
    if !tools::in_path("rustup") {
        bail!("rustup is not in PATH");
    }
    say!("core from rust-src: rustup component add rust-src");
    tools::run(Command::new("rustup").args(["component", "add", "rust-src"]))?;
    if !rustc.has_source() {
        bail!("rustup added rust-src to another toolchain than the active one");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_names_round_trip() {
        for core in [Core::RustSrc, Core::Nightly, Core::Debian] {
            assert_eq!(Core::from_name(core.name()), Some(core));
        }
        assert_eq!(Core::from_name("elsewhere"), None);
    }

    #[test]
    fn only_variables_that_change_the_build_are_dropped() {
        let cases = [
            ("RUSTFLAGS", true),
            ("CARGO_ENCODED_RUSTFLAGS", true),
            ("CARGO_PROFILE_RELEASE_DEBUG", true),
            ("CARGO_MANIFEST_DIR", true),
            ("RUSTC_WRAPPER", true),
            ("CARGO_BUILD_TARGET", true),
            ("CARGO_HOME", false),
            ("CARGO_BUILD_JOBS", false),
            ("CARGO_NET_OFFLINE", false),
            ("RUSTUP_TOOLCHAIN", false),
            ("PATH", false),
        ];
        for (name, dropped) in cases {
            assert_eq!(changes_the_build(&name.into()), dropped, "{name}");
        }
    }
}
