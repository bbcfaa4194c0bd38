//! The probes' own messages, for debugging.

use anyhow::{Context, Result};

use super::Probes;
use crate::{say, sys};

impl Probes {
    /// Starts printing the probes' own messages; inside a tokio runtime.
    pub fn start_log(&mut self) -> Result<()> {
        let logger = aya_log::EbpfLogger::init_with_logger(&mut self.ebpf, StderrLog)
            .context("starting the probes' log")?;
        let mut logger = sys::watch(logger).context("watching the probes' log")?;
        tokio::spawn(async move {
            while let Ok(mut guard) = logger.readable_mut().await {
                guard.get_inner_mut().flush();
                guard.clear_ready();
            }
        });
        Ok(())
    }
}

/// Prints the probes' messages on standard error.
struct StderrLog;

impl ::log::Log for StderrLog {
    fn enabled(&self, _: &::log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &::log::Record<'_>) {
        say::line(format_args!("probe: {}", record.args()));
    }
    fn flush(&self) {}
}
