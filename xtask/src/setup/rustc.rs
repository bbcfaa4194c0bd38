//! What the compiler says about itself: version, LLVM, and where its files are.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::tools;

/// One installed compiler.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rustc {
    /// For instance `1.95.0`.
    pub(crate) release: String,
    /// The commit it was built from, shortened; empty where the distribution does not say.
    pub(crate) commit: String,
    /// The target it runs on, for instance `x86_64-unknown-linux-gnu`.
    pub(crate) host: String,
    /// The first number of its LLVM's version.
    pub(crate) llvm_major: u32,
    /// `rustc --print sysroot`.
    pub(crate) sysroot: PathBuf,
}

impl Rustc {
    /// The compiler that cargo uses here.
    pub(crate) fn active() -> Result<Rustc> {
        Self::ask(|| Command::new("rustc"))
    }

    /// The compiler of rustup's toolchain named nightly.
    pub(crate) fn nightly() -> Result<Rustc> {
        Self::ask(|| {
            let mut command = Command::new("rustup");
            command.args(["run", "nightly", "rustc"]);
            // Silent: a missing nightly is nothing the user has to know.
            command.stderr(std::process::Stdio::null());
            command
        })
    }

    /// A folder name that differs between compilers.
    pub(crate) fn key(&self) -> String {
        let Rustc {
            release,
            commit,
            host,
            ..
        } = self;
        format!("rustc-{release}-{commit}-{host}")
    }

    /// Whether the component rust-src is installed.
    pub(crate) fn has_source(&self) -> bool {
        let library = self.sysroot.join("lib/rustlib/src/rust/library");
        library.join("core/src/lib.rs").is_file()
    }

    /// The objcopy that comes with the compiler; it needs the compiler's own LLVM library at run time.
    pub(crate) fn objcopy(&self) -> PathBuf {
        let rustlib = self.sysroot.join("lib/rustlib").join(&self.host);
        rustlib.join("bin/rust-objcopy")
    }

    fn ask(rustc: impl Fn() -> Command) -> Result<Rustc> {
        let version = read(rustc().arg("-vV"))?;
        let sysroot = read(rustc().args(["--print", "sysroot"]))?;
        Self::parse(&version, sysroot.trim()).context("reading `rustc -vV`")
    }

    fn parse(version: &str, sysroot: &str) -> Result<Rustc> {
        let field = |name: &str| {
            version
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .with_context(|| format!("it does not say its {name}"))
        };
        let llvm = field("LLVM version")?;
        let commit = field("commit-hash").unwrap_or_default();
        Ok(Rustc {
            release: field("release")?.to_owned(),
            commit: commit.chars().take(9).collect(),
            host: field("host")?.to_owned(),
            llvm_major: llvm
                .split('.')
                .next()
                .unwrap_or(llvm)
                .parse()
                .with_context(|| format!("LLVM version {llvm}"))?,
            sysroot: PathBuf::from(sysroot),
        })
    }
}

/// Like [`tools::output`], but leaves standard error as the command has it.
fn read(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("starting {}", tools::line(command)))?;
    if !output.status.success() {
        anyhow::bail!("{} failed: {}", tools::line(command), output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_text_is_read() -> Result<()> {
        let text = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\n\
                    commit-hash: 59807616e1fa2540724bfbac14d7976d7e4a3860\ncommit-date: 2026-04-14\n\
                    host: x86_64-unknown-linux-gnu\nrelease: 1.95.0\nLLVM version: 22.1.2\n";
        let rustc = Rustc::parse(text, "/s")?;
        assert_eq!(rustc.llvm_major, 22);
        assert_eq!(
            rustc.key(),
            "rustc-1.95.0-59807616e-x86_64-unknown-linux-gnu"
        );
        Ok(())
    }

    #[test]
    fn a_compiler_without_llvm_is_refused() {
        let text = "host: x\nrelease: 1.95.0\n";
        assert!(Rustc::parse(text, "/s").is_err());
    }
}
