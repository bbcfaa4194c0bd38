//! bpf-linker, built against the LLVM library that rustc itself uses.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Rustc;
use crate::tools::{self, say};

const VERSION: &str = "0.13.0";

/// Where the program is once installed.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join(format!("bpf-linker-{VERSION}/bin/bpf-linker"))
}

/// Builds the linker unless it is there; about a minute.
pub(super) fn install(rustc: &Rustc, home: &Path) -> Result<PathBuf> {
    let program = path(home);
    if program.is_file() {
        say!("bpf-linker {VERSION}: already there");
        return Ok(program);
    }
    say!(
        "bpf-linker {VERSION}: building it against the LLVM of rustc {}",
        rustc.release
    );
    let prefix = link_llvm(rustc, home)?;
    let build = home.join("bpf-linker-build");
    let mut command = Command::new("cargo");
    super::clean_environment(&mut command);
    // From the cache folder, so that no `.cargo/config.toml` of a workspace applies.
    command
        .current_dir(home)
        .env("LLVM_PREFIX", prefix)
        .env("CARGO_TARGET_DIR", &build)
        .args(["install", "bpf-linker", "--version", VERSION, "--locked"])
        .args(["--no-default-features", "--features"])
        .arg(format!("llvm-{}", rustc.llvm_major))
        .arg("--root")
        .arg(home.join(format!("bpf-linker-{VERSION}")));
    tools::run(&mut command)?;
    fs::remove_dir_all(&build).with_context(|| format!("removing {}", build.display()))?;
    Ok(program)
}

/// Lays out a folder that looks like an installed LLVM: `lib/libLLVM.so` for the linking, and `lib/<soname>` because
/// the linker is given this folder as its RUNPATH. Both must stay where they are.
fn link_llvm(rustc: &Rustc, home: &Path) -> Result<PathBuf> {
    let library = llvm_library(&rustc.sysroot.join("lib"))?;
    let prefix = home.join("llvm");
    let lib = prefix.join("lib");
    fs::create_dir_all(&lib).with_context(|| format!("creating {}", lib.display()))?;
    let soname = library
        .file_name()
        .context("the LLVM library has no name")?;
    for name in ["libLLVM.so".as_ref(), soname] {
        let link = lib.join(name);
        if link.symlink_metadata().is_ok() {
            fs::remove_file(&link).with_context(|| format!("removing {}", link.display()))?;
        }
        symlink(&library, &link).with_context(|| format!("creating {}", link.display()))?;
    }
    Ok(prefix)
}

/// Finds rustc's LLVM library. Files of its name are not all libraries: `libLLVM-22-rust-1.95.0-stable.so` is a linker
/// script of 42 bytes that names the real one. The file name of the real one is its soname.
fn llvm_library(lib: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(lib).with_context(|| format!("listing {}", lib.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("libLLVM") && name.contains(".so") && is_elf(&path)? {
            found.push(path);
        }
    }
    found.sort();
    match &found[..] {
        [one] => Ok(one.clone()),
        [] => bail!(
            "{} holds no LLVM library; a Rust that links LLVM statically cannot serve bpf-linker",
            lib.display()
        ),
        _ => bail!("{} holds more than one LLVM library", lib.display()),
    }
}

fn is_elf(path: &Path) -> Result<bool> {
    let mut start = [0; 4];
    let mut file = fs::File::open(path).with_context(|| format!("opening {}", path.display()))?;
    Ok(file.read_exact(&mut start).is_ok() && start == *b"\x7fELF")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_llvm_library_is_the_elf_file() -> Result<()> {
        let dir = std::env::temp_dir().join(format!("xtask-llvm-{}", std::process::id()));
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("librustc_driver-1.so"), b"\x7fELF....")?;
        fs::write(dir.join("libLLVM-22-rust-1.95.0-stable.so"), b"INPUT(x)")?;
        assert!(llvm_library(&dir).is_err());

        let real = dir.join("libLLVM.so.22.1-rust-1.95.0-stable");
        fs::write(&real, b"\x7fELF....")?;
        assert_eq!(llvm_library(&dir)?, real);

        fs::write(dir.join("libLLVM.so.23.1"), b"\x7fELF....")?;
        assert!(llvm_library(&dir).is_err());
        fs::remove_dir_all(&dir)?;
        Ok(())
    }
}
