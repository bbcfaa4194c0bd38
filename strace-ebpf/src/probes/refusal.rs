//! Loads programs one by one, and says in one line why the kernel takes one not.

use std::io;

use anyhow::{Result, anyhow};
use aya::{
    Btf,
    programs::{BtfTracePoint, ProgramError, RawTracePoint, TracePoint},
};

use super::attach::{self, Program};

/// Loads them, up to the first that is refused.
pub(super) fn load_each(
    programs: Vec<(Program, &mut aya::programs::Program)>,
    types: &Btf,
) -> Result<()> {
    for (program, loaded) in programs {
        let name = program.name;
        let result = match program.kind {
            attach::Kind::Btf => {
                let loaded: &mut BtfTracePoint = loaded.try_into()?;
                loaded.load(program.target, types)
            }
            attach::Kind::Raw => <&mut RawTracePoint>::try_from(loaded)?.load(),
            attach::Kind::Classic => <&mut TracePoint>::try_from(loaded)?.load(),
            // Not aya's matter.
            attach::Kind::Entry | attach::Kind::Return => continue,
        };
        result.map_err(|error| load_error(name, error))?;
    }
    Ok(())
}

/// The kernel's refusal in one line; the verifier's whole log with `STRACE_EBPF_VERIFIER_LOG=1`.
pub(super) fn load_error(name: &str, error: ProgramError) -> anyhow::Error {
    if let ProgramError::LoadError {
        io_error,
        verifier_log,
    } = &error
    {
        return load_error_line(name, io_error, &verifier_log.to_string());
    }
    anyhow::Error::new(error).context(format!("loading program {name}"))
}

pub(super) fn load_error_line(name: &str, error: &io::Error, log: &str) -> anyhow::Error {
    let whole = std::env::var_os("STRACE_EBPF_VERIFIER_LOG").is_some();
    let shown = if whole {
        log.trim_end()
    } else {
        last_words(log)
    };
    // With a log that does not fit the largest buffer the kernel says so instead of why it refused.
    if error.raw_os_error() == Some(libc::ENOSPC) {
        return anyhow!("loading program {name}: the verifier refuses it at length: {shown}");
    }
    anyhow!("loading program {name}: {error}: {shown}")
}

/// The line of a verifier's log that says why: the last one that is not a figure.
fn last_words(log: &str) -> &str {
    const FIGURES: [&str; 4] = [
        "processed ",
        "stack depth ",
        "verification time ",
        "max_states",
    ];
    log.lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty() && !FIGURES.iter().any(|start| line.starts_with(start)))
        .unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_stands_before_the_figures() {
        let log = "0: (85) call bpf_probe_read_kernel#113\nprogram of this type cannot use helper\n\
            verification time 50 usec\nstack depth 144+0+0\nprocessed 4 insns (limit 1000000)\n\n";
        assert_eq!(last_words(log), "program of this type cannot use helper");
        assert_eq!(last_words(""), "");
    }
}
