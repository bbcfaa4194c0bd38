//! Programs of Debian packages that the measurements use: installed where they are missing and we may.

use std::process::Command;

use crate::tools::{self, say};

/// Makes `program` available; false if it cannot be had.
pub(super) fn have(program: &str, package: &str) -> bool {
    if tools::in_path(program) {
        return true;
    }
    // SAFETY: a query without arguments.
    if unsafe { libc::geteuid() } != 0 || !tools::in_path("apt-get") {
        return false;
    }
    say!("installing {package}");
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .args(["-q", "-y", "-o", "Dpkg::Use-Pty=0"])
            .args(words)
            .env("DEBIAN_FRONTEND", "noninteractive");
        // Standard output is for the table.
        command.output().is_ok_and(|output| output.status.success())
    };
    // An old list may still do; a fresh machine has none.
    let install = ["install", "--no-install-recommends", package];
    (apt(&install) || apt(&["update"]) && apt(&install)) && tools::in_path(program)
}
