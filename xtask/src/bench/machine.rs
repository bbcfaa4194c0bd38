//! What the figures were measured on.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};

use crate::tools;

/// Processor, kernel, commit, and how busy the machine was.
pub(super) fn describe(root: &Path) -> Result<Value> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |(_, model)| model);
    let memory_kb = read("/proc/meminfo")
        .lines()
        .find_map(|line| {
            line.strip_prefix("MemTotal:")?
                .trim()
                .strip_suffix(" kB")?
                .parse::<u64>()
                .ok()
        })
        .unwrap_or(0);
    let commit = tools::output(
        Command::new("git")
            .args(["rev-parse", "--short=12", "HEAD"])
            .current_dir(root),
    );
    let changed = tools::output(
        Command::new("git")
            .args(["status", "--porcelain", "-uno"])
            .current_dir(root),
    );
    Ok(json!({
        "cpu": model.trim(),
        "cpus": std::thread::available_parallelism()?.get(),
        "memory_mib": memory_kb / 1024,
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "bpf_jit_harden": read("/proc/sys/net/core/bpf_jit_harden").trim(),
        "bpf_stats_enabled": read("/proc/sys/kernel/bpf_stats_enabled").trim(),
        "commit": commit.unwrap_or_default().trim(),
        "uncommitted_changes": !changed.unwrap_or_default().trim().is_empty(),
        "load_before": load(),
    }))
}

/// Load averages and the processes that are ready to run.
pub(super) fn load() -> Value {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().take(4).collect();
    json!(words.join(" "))
}
