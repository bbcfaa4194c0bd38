//! `cargo xtask codegen`: xtask/data/ in, strace-ebpf/src/tables/generated/ and docs/coverage.md out.
//!
//! `data` reads the files, `check` finds what contradicts itself, `emit` writes Rust. Every complaint about the data
//! starts with `file:line:`. Nothing here knows a constant of the kernel; those are all in the data.
mod check;
mod coverage;
mod data;
mod emit;
mod emit_sets;
mod grammar;
mod inner;
mod layouts;
mod netlink;
mod sets;
mod variants;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// Writes the generated tables, or with `check` fails naming the first one that is not what the data says.
pub fn run(check: bool) -> Result<()> {
    let root = workspace_root();
    let tables = data::Tables::read(&root.join("xtask/data"))?;
    check::check(&tables)?;
    let out = root.join("strace-ebpf/src/tables/generated");
    for (file, text) in emit::files(&tables)? {
        let path = out.join(file);
        let text = rustfmt(&text).with_context(|| format!("formatting {file}"))?;
        if check {
            same_as_committed(&path, &text)?;
        } else {
            std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        }
    }
    coverage::run(&root, &tables, check)
}

/// Writes docs/coverage.md alone, or with `check` fails when it is not what it would be.
pub fn coverage(check: bool) -> Result<()> {
    let root = workspace_root();
    let tables = data::Tables::read(&root.join("xtask/data"))?;
    coverage::run(&root, &tables, check)
}

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn same_as_committed(path: &Path, text: &str) -> Result<()> {
    let committed =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    if committed != text {
        bail!(
            "{} is not what it would be: run `cargo xtask codegen` and commit the result",
            path.display()
        );
    }
    Ok(())
}

/// The committed files look as rustfmt leaves them, so that `cargo fmt --check` and the drift check agree.
fn rustfmt(text: &str) -> Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting rustfmt: `rustup component add rustfmt` installs it")?;
    let mut stdin = child.stdin.take().context("rustfmt has no stdin")?;
    // rustfmt reads all of its input before it writes, so the pipes cannot block each other.
    stdin
        .write_all(text.as_bytes())
        .context("writing to rustfmt")?;
    drop(stdin);
    let output = child.wait_with_output().context("waiting for rustfmt")?;
    if !output.status.success() {
        bail!("rustfmt refused the generated code: {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn generated_tables_match_the_data() -> anyhow::Result<()> {
        super::run(true)
    }
}
