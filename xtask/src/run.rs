//! `cargo xtask run`: builds the release program and becomes it.
//!
//! Loading and attaching the probes needs CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN. Where they are missing the
//! program is started through sudo; the build itself never is, so that no file in `target/` belongs to root.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::{self, say};

/// Options of `cargo xtask run`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Arguments for strace-ebpf; its own `--` comes after ours: `cargo xtask run -- -- ls /`
    #[arg(last = true)]
    args: Vec<OsString>,
}

/// How the privilege to trace is to be had.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Privilege {
    /// We have it, or we are root and sudo could not add to what we have.
    Ours,
    /// A normal user: only sudo gives it.
    Sudo,
}

/// Builds the program, then replaces this process by it: exit status and signals are the program's own.
pub(crate) fn run(options: &Options) -> Result<()> {
    let root = tools::workspace_root()?;
    let target = target_dir(&root);
    tools::run(
        Command::new("cargo")
            .args([
                "build",
                "--release",
                "--package",
                "strace-ebpf",
                "--target-dir",
            ])
            .arg(&target)
            .arg("--manifest-path")
            .arg(root.join("Cargo.toml")),
    )?;
    let program = target.join("release/strace-ebpf");
    let mut command = match privilege()? {
        Privilege::Ours => Command::new(program),
        Privilege::Sudo => {
            say!("strace-ebpf needs CAP_BPF and CAP_PERFMON: running it through sudo");
            let [sudo, rest @ ..] = &sudo_prefix(&[])[..] else {
                bail!("no command to run");
            };
            let mut command = Command::new(sudo);
            command.args(rest).arg(program);
            command
        }
    };
    command.args(&options.args);
    Err(command.exec()).with_context(|| format!("starting {}", tools::line(&command)))
}

/// Cargo's target folder: `CARGO_TARGET_DIR`, or `target` in the workspace.
pub(crate) fn target_dir(root: &Path) -> std::path::PathBuf {
    // A relative value is relative to the folder cargo was called from, which is ours too.
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => std::path::absolute(&dir).unwrap_or_else(|_| dir.into()),
        None => root.join("target"),
    }
}

/// Reads this process's own rights from `/proc/self/status`.
pub(crate) fn privilege() -> Result<Privilege> {
    let status =
        std::fs::read_to_string("/proc/self/status").context("reading /proc/self/status")?;
    privilege_from(&status)
}

/// The words that come before a command to run it as root with our `PATH` (sudo replaces it, and `--preserve-env`
/// does not win over `secure_path`) and those of the named variables that are set.
pub(crate) fn sudo_prefix(variables: &[&str]) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["sudo".into(), "env".into()];
    for name in std::iter::once(&"PATH").chain(variables) {
        if let Some(value) = std::env::var_os(name) {
            let mut word = OsString::from(name);
            word.push("=");
            word.push(&value as &OsStr);
            words.push(word);
        }
    }
    words
}

/// Decides from the text of `/proc/PID/status`: `CapEff` is the effective set in hexadecimal, `Uid` lists the real,
/// effective, saved and file system ids.
fn privilege_from(status: &str) -> Result<Privilege> {
    /// Bit numbers from capability(7); the first two exist since Linux 5.8.
    const CAP_PERFMON: u64 = 1 << 38;
    const CAP_BPF: u64 = 1 << 39;
    const CAP_SYS_ADMIN: u64 = 1 << 21;

    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .with_context(|| format!("/proc/self/status has no {name} line"))
    };
    let effective = u64::from_str_radix(field("CapEff")?.trim(), 16)
        .context("reading CapEff in /proc/self/status")?;
    let uid = field("Uid")?.split_whitespace().nth(1);

    let both = CAP_PERFMON | CAP_BPF;
    let has = effective & both == both || effective & CAP_SYS_ADMIN != 0;
    Ok(if has || uid == Some("0") {
        Privilege::Ours
    } else {
        Privilege::Sudo
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privilege_comes_from_the_effective_capabilities_or_root() {
        let cases = [
            ("1000", "0000000000000000", Some(Privilege::Sudo)),
            ("1000", "000000c000000000", Some(Privilege::Ours)),
            ("1000", "0000008000000000", Some(Privilege::Sudo)), // CAP_BPF alone cannot attach
            ("1000", "0000004000000000", Some(Privilege::Sudo)), // CAP_PERFMON alone cannot load
            ("1000", "0000000000200000", Some(Privilege::Ours)),
            ("0", "00000000a80425fb", Some(Privilege::Ours)), // root in a container: sudo adds nothing
            ("1000", "not hex", None),
        ];
        for (uid, capabilities, want) in cases {
            let status = format!(
                "Name:\tx\nUid:\t5\t{uid}\t5\t5\nCapPrm:\t0000003fffffffff\nCapEff:\t{capabilities}\n"
            );
            assert_eq!(privilege_from(&status).ok(), want, "{uid} {capabilities}");
        }
        assert!(privilege_from("Name:\tx\n").is_err());
    }
}
