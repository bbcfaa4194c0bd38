//! Boots a guest under QEMU's own emulation of a processor (KVM is never needed) and hands over what it says, line by
//! line, until it says how it ended.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::kernel::Kernel;
use crate::tools::{self, say};

const QEMU: &str = "qemu-system-x86_64";

const GUEST_MIB: u64 = 3072;
/// What QEMU needs besides, and what its host shall keep.
const SPARE_MIB: u64 = 1024;

/// How many guests have room here: QEMU runs each on one processor.
pub(super) fn at_the_same_time() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    processors.min(guests_in(&memory)).max(1)
}

/// Guests that there is memory for, by the text of /proc/meminfo.
fn guests_in(meminfo: &str) -> usize {
    let available = meminfo.lines().find_map(|line| {
        let number = line.strip_prefix("MemAvailable:")?.trim();
        number.strip_suffix(" kB")?.parse::<u64>().ok()
    });
    let guests = available.unwrap_or(0) / 1024 / (GUEST_MIB + SPARE_MIB);
    usize::try_from(guests).unwrap_or(1)
}

/// A machine to be.
pub(super) struct Machine<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) initramfs: &'a Path,
    /// Where the kernel's own messages go.
    pub(super) console: PathBuf,
    /// More words for the kernel's command line.
    pub(super) parameters: String,
    pub(super) cpus: u32,
    pub(super) limit: Duration,
}

/// How a guest ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its script ended with this status.
    Exit(i32),
    /// It stopped without saying so.
    Died,
    /// It was killed at the limit.
    TimedOut,
}

/// Makes sure that QEMU is there.
pub(super) fn require_qemu() -> Result<()> {
    if tools::in_path(QEMU) {
        return Ok(());
    }
    let how = "install QEMU for x86 (Debian: qemu-system-x86; Fedora: qemu-system-x86-core; Arch: qemu-system-x86)";
    if !tools::in_path("apt-get") {
        bail!("{QEMU} is not in PATH: {how}");
    }
    say!("installing qemu-system-x86");
    let apt = |args: &[&str]| {
        tools::run(
            Command::new("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(args),
        )
    };
    apt(&["update", "-qq"])
        .and_then(|()| {
            apt(&[
                "install",
                "-y",
                "-qq",
                "--no-install-recommends",
                "qemu-system-x86",
            ])
        })
        .with_context(|| format!("{QEMU} is not in PATH: {how}"))
}

impl Machine<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(QEMU);
        command
            // One thread for all processors: with one each, a processor may run code that another has just changed (an
            // `int3` of jump labels), of which Linux dies.
            // QEMU 7.2 emulates cmpxchg16b such that Linux 6.12 panics in its allocator; without it the kernel does without.
            .args([
                "-machine",
                "q35",
                "-accel",
                "tcg,thread=single",
                "-cpu",
                "max,cx16=off",
            ])
            .args(["-m", &GUEST_MIB.to_string()])
            .args(["-smp", &self.cpus.to_string()])
            .args([
                "-nodefaults",
                "-no-user-config",
                "-display",
                "none",
                "-no-reboot",
            ])
            .arg("-serial")
            .arg(format!("file:{}", self.console.display()))
            .args([
                "-chardev",
                "stdio,id=talk,signal=off",
                "-serial",
                "chardev:talk",
            ])
            .arg("-kernel")
            .arg(&self.kernel.image)
            .arg("-initrd")
            .arg(self.initramfs)
            .arg("-append")
            .arg(format!(
                // The kernel counts timer ticks at boot and panics when a busy host delays them. The clock of an emulated processor is as good as the others, and ten times as quick to read.
                "console=ttyS0 loglevel=5 panic=-1 tsc=reliable no_timer_check mitigations=off {}",
                self.parameters
            ));
        command
    }

    /// A guest that somebody talks to at this terminal.
    pub(super) fn talk(&self) -> Result<()> {
        tools::run(&mut self.command())
    }

    /// Runs the guest to its end; `line` gets what it says.
    pub(super) fn run(&self, line: &mut dyn FnMut(&str)) -> Result<End> {
        let mut child = self
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {QEMU}"))?;
        let end = self.listen(&mut child, line);
        // It has said all there is to say; turning itself off would only take time.
        let _ = child.kill();
        child.wait()?;
        end
    }

    fn listen(&self, child: &mut Child, line: &mut dyn FnMut(&str)) -> Result<End> {
        let output = child.stdout.take().context("no standard output")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut bytes = Vec::new();
            while let Ok(1..) = output.read_until(b'\n', &mut bytes) {
                let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                if sender.send(text).is_err() {
                    return;
                }
                bytes.clear();
            }
        });
        let deadline = Instant::now() + self.limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left) {
                Ok(text) => match text.strip_prefix("@vm exit ") {
                    Some(status) => return Ok(End::Exit(status.parse().unwrap_or(1))),
                    None => line(&text),
                },
                Err(RecvTimeoutError::Disconnected) => return Ok(End::Died),
                Err(RecvTimeoutError::Timeout) => return Ok(End::TimedOut),
            }
        }
    }

    /// The last of the kernel's own messages, for those who ask why it died.
    pub(super) fn last_messages(&self) -> String {
        let text = fs::read(&self.console).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let start = lines.len().saturating_sub(40);
        lines.get(start..).unwrap_or_default().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_need_memory() {
        let text = |kib: u64| format!("MemTotal: 99999999 kB\nMemAvailable:   {kib} kB\n");
        assert_eq!(guests_in(&text(23 << 20)), 5);
        assert_eq!(guests_in(&text(3 << 20)), 0);
        assert_eq!(guests_in(""), 0);
    }
}
