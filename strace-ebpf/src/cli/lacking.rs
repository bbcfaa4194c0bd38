//! Flags of strace that we know by name but do not have: each is refused, never ignored.

const NOT_YET: &[&str] = &[
    "-A",
    "-b",
    "-C",
    "-c",
    "-D",
    "-DD",
    "-DDD",
    "-d",
    "-E",
    "-I",
    "-i",
    "-k",
    "-kk",
    "-N",
    "-n",
    "-O",
    "-P",
    "-S",
    "-U",
    "-u",
    "-w",
    "-X",
    "-Y",
    "-y",
    "-yy",
    "--const-print-style",
    "--daemonize",
    "--decode-fds",
    "--decode-pids",
    "--detach-on",
    "--env",
    "--fault",
    "--inject",
    "--instruction-pointer",
    "--interruptible",
    "--kvm",
    "--lossless",
    "--output-append-mode",
    "--output-separately",
    "--seccomp-bpf",
    "--stack-traces",
    "--stack-trace",
    "--strings-in-hex",
    "--summary",
    "--summary-columns",
    "--summary-only",
    "--summary-sort-by",
    "--summary-syscall-overhead",
    "--summary-wall-clock",
    "--syscall-number",
    "--timestamps",
    "--trace-path",
    "--trace-fds",
    "--tips",
    "--user",
    "--syscall-limit",
    "--absolute-timestamps",
    "--argv0",
    "--always-show-pid",
    "--color",
    "--secontext",
    "--by",
];

/// Says what is wrong with an option that the definition does not have.
pub fn refuse(word: &str) -> String {
    let name = word.split('=').next().unwrap_or(word);
    let in_cluster = || {
        word.chars()
            .skip(1)
            .map(|c| format!("-{c}"))
            .find(|flag| NOT_YET.contains(&flag.as_str()))
    };
    let known = if NOT_YET.contains(&name) {
        Some(name.to_owned())
    } else if word.starts_with("--") {
        None
    } else {
        in_cluster()
    };
    match known {
        Some(flag) => format!("option {flag} is known from strace but not supported yet"),
        None => format!("unknown option {name} (see --help)"),
    }
}
