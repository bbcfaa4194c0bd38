//! Debian's compiler with a precompiled `core` for the BPF target, unpacked into the cache folder.
//!
//! The packages are fetched and unpacked but never installed: they conflict with rustup's compiler, and need no root
//! this way. Debian builds this compiler ("rustc-web") for its browsers; it is newer than the release it is in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Rustc;
use crate::tools::{self, say};

/// The package that decides the version of all others.
const CORE_PACKAGE: &str = "libstd-rust-web-dev-bpf";

/// Where the packages are unpacked.
pub(super) fn folder(cache: &Path) -> PathBuf {
    cache.join("debian")
}

/// The compiler.
pub(super) fn rustc(cache: &Path) -> PathBuf {
    folder(cache).join("usr/bin/rustc")
}

/// Whether the compiler and a `core` for the BPF target are there.
pub(super) fn is_ready(cache: &Path) -> bool {
    let core = folder(cache).join("usr/lib/rustlib/bpfel-unknown-none/lib");
    rustc(cache).is_file() && core.is_dir()
}

/// The folders with the compiler's shared libraries: `lib` and `usr/lib`, per architecture.
pub(super) fn library_dirs(cache: &Path) -> Result<Vec<PathBuf>> {
    libraries_in(&folder(cache))
}

/// Fetches and unpacks the packages.
pub(super) fn install(active: &Rustc, cache: &Path) -> Result<()> {
    for program in ["apt-get", "apt-cache", "dpkg"] {
        if !tools::in_path(program) {
            bail!("{program} is not in PATH: this needs Debian or a system made from it");
        }
    }
    let packages = packages(active)?;
    say!("core from debian: fetching {}", packages.join(", "));
    // Everything happens beside the final folder and is renamed at the end: a folder that is there is complete.
    let partial = cache.join("debian.partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("removing {}", partial.display()))?;
    }
    fetch(&packages, &partial)?;

    let missing = missing_libraries(&partial)?;
    if !missing.is_empty() {
        say!(
            "core from debian: fetching the libraries this machine lacks ({})",
            missing.join(", ")
        );
        fetch(&library_packages(&packages)?, &partial)?;
        let missing = missing_libraries(&partial)?;
        if !missing.is_empty() {
            bail!(
                "its compiler still lacks the libraries {}",
                missing.join(", ")
            );
        }
    }
    let done = folder(cache);
    if done.exists() {
        fs::remove_dir_all(&done).with_context(|| format!("removing {}", done.display()))?;
    }
    fs::rename(&partial, &done).with_context(|| format!("creating {}", done.display()))?;
    if !is_ready(cache) {
        bail!("the packages hold no core for bpfel-unknown-none");
    }
    say!("core from debian: ready");
    Ok(())
}

/// The packages needed, after asking apt which version it has.
fn packages(active: &Rustc) -> Result<Vec<String>> {
    let version = match field(CORE_PACKAGE, "Version")? {
        Some(version) => version,
        None => {
            // A fresh machine or container has no package lists yet.
            say!("core from debian: {CORE_PACKAGE} is unknown to apt; running apt-get update");
            tools::run(Command::new("apt-get").args(["update", "-qq"]))?;
            field(CORE_PACKAGE, "Version")?
                .with_context(|| format!("apt knows no package {CORE_PACKAGE}"))?
        }
    };
    let driver = format!("libstd-rust-web-{}", minor_version(&version)?);
    let depends =
        field(&driver, "Depends")?.with_context(|| format!("apt knows no package {driver}"))?;
    let (llvm, major) =
        llvm_package(&depends).with_context(|| format!("{driver} depends on no libllvm"))?;
    // LLVM reads bitcode of its own and earlier versions only.
    if major > active.llvm_major {
        bail!(
            "its compiler uses LLVM {major}, newer than the LLVM {} of bpf-linker",
            active.llvm_major
        );
    }
    let fixed = ["rustc-web", "libstd-rust-web-dev", CORE_PACKAGE];
    Ok(fixed
        .into_iter()
        .map(str::to_owned)
        .chain([driver, llvm])
        .collect())
}

/// `1.96` of a Debian version such as `1.96.0+dfsg1-1~deb12u2`.
fn minor_version(version: &str) -> Result<String> {
    let mut parts = version.split('.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(major), Some(minor), Some(_)) => Ok(format!("{major}.{minor}")),
        _ => bail!("{CORE_PACKAGE} has the unexpected version {version}"),
    }
}

/// The LLVM library's package, and its major version, in the text of a `Depends` field.
fn llvm_package(depends: &str) -> Option<(String, u32)> {
    depends.split(',').find_map(|dependency| {
        let name = dependency.split_whitespace().next()?;
        let major = name.strip_prefix("libllvm")?.parse().ok()?;
        Some((name.to_owned(), major))
    })
}

/// A field of a package's candidate version; `None` when apt does not know the package.
fn field(package: &str, name: &str) -> Result<Option<String>> {
    let output = Command::new("apt-cache")
        .args(["show", "--no-all-versions", package])
        .output()
        .context("starting apt-cache")?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .map(str::to_owned))
}

/// Downloads packages and unpacks them into a folder.
fn fetch(packages: &[String], into: &Path) -> Result<()> {
    let downloads = into.join("downloads");
    fs::create_dir_all(&downloads).with_context(|| format!("creating {}", downloads.display()))?;
    tools::run(
        Command::new("apt-get")
            .current_dir(&downloads)
            // Only quietens a warning: apt would rather download as a user who may not write here.
            .args(["download", "-qq", "-o", "APT::Sandbox::User=root"])
            .args(packages),
    )?;
    for entry in fs::read_dir(&downloads)? {
        tools::run(Command::new("dpkg").arg("-x").arg(entry?.path()).arg(into))?;
    }
    fs::remove_dir_all(&downloads).with_context(|| format!("removing {}", downloads.display()))
}

/// What the LLVM library depends on, short of what every system with a compiler has.
fn library_packages(packages: &[String]) -> Result<Vec<String>> {
    let llvm = packages
        .iter()
        .find(|name| name.starts_with("libllvm"))
        .context("no LLVM package")?;
    let only_depends = [
        "recommends",
        "suggests",
        "conflicts",
        "breaks",
        "replaces",
        "enhances",
    ];
    let listing = tools::output(
        Command::new("apt-cache")
            .args(["depends", "--recurse"])
            .args(only_depends.map(|kind| format!("--no-{kind}")))
            .arg(llvm),
    )?;
    Ok(library_names(&listing, llvm))
}

/// The package names of `apt-cache depends --recurse`: lines that start at the margin and are not virtual (`<name>`).
fn library_names(listing: &str, llvm: &str) -> Vec<String> {
    let everywhere = ["libc6", "libgcc-s1", "libstdc++6", "libcrypt1", llvm];
    let real = |line: &&str| {
        line.starts_with(|c: char| c.is_ascii_alphanumeric())
            && !everywhere.contains(line)
            && !line.starts_with("gcc-")
    };
    listing.lines().filter(real).map(str::to_owned).collect()
}

/// The shared libraries that the unpacked compiler asks for and that are nowhere.
fn missing_libraries(folder: &Path) -> Result<Vec<String>> {
    let dirs = libraries_in(folder)?;
    let listing = tools::output(
        Command::new("ldd")
            .arg(folder.join("usr/bin/rustc"))
            .env("LD_LIBRARY_PATH", std::env::join_paths(dirs)?),
    )?;
    Ok(not_found(&listing))
}

/// The names on the "=> not found" lines of ldd(1), each once.
fn not_found(listing: &str) -> Vec<String> {
    let mut names: Vec<_> = listing
        .lines()
        .filter_map(|line| line.trim().strip_suffix("=> not found"))
        .map(|name| name.trim().to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

fn libraries_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut dirs = Vec::new();
    for parent in ["usr/lib", "lib"] {
        let Ok(entries) = fs::read_dir(folder.join(parent)) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            if path.to_string_lossy().contains("-linux-gnu") {
                dirs.push(path);
            }
        }
    }
    Ok(dirs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_dependencies_are_read() -> Result<()> {
        assert_eq!(minor_version("1.96.0+dfsg1-1~deb12u2")?, "1.96");
        assert!(minor_version("2").is_err());
        let depends = "libc6 (>= 2.34), libgcc-s1 (>= 4.2), libllvm22, libstdc++6 (>= 11)";
        assert_eq!(llvm_package(depends), Some(("libllvm22".to_owned(), 22)));
        assert_eq!(llvm_package("libllvm22 (>= 1), x").map(|p| p.1), Some(22));
        assert_eq!(llvm_package("libc6"), None);
        Ok(())
    }

    #[test]
    fn missing_libraries_are_named_once() {
        let listing = "\tlinux-vdso.so.1 (0x1)\n\tlibz3.so.4 => not found\n\
                       \tlibc.so.6 => /lib/libc.so.6 (0x2)\n\tlibz3.so.4 => not found\n";
        assert_eq!(not_found(listing), ["libz3.so.4"]);
    }

    #[test]
    fn library_packages_leave_out_the_base_system() {
        let listing =
            "libllvm22\n  Depends: libc6\n    libz3-4\nlibc6\nlibz3-4\n<virtual>\ngcc-12-base\n";
        assert_eq!(library_names(listing, "libllvm22"), ["libz3-4"]);
    }
}
