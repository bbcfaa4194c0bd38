//! Flags of strace that we know by name but do not have: each is refused, never ignored.

use super::Called;

/// Without their dashes.
const LACKING: &[&str] = &["kvm", "namespace", "secontext"];

/// Says so of an option that the definition does not have, if strace has it. Called strace, that has been asked before.
pub fn refuse(word: &str) -> Option<String> {
    let name = word.strip_prefix("--")?;
    has(name).then(|| message(&format!("option --{name}"), name, "", Called::Own))
}

/// Is this an option or a qualifier (`-e NAME=`) that strace has and we do not?
#[must_use]
pub fn has(name: &str) -> bool {
    LACKING.contains(&name)
}

/// Says so of a qualifier's set, or of the option that says the same.
#[must_use]
pub fn message(shown: &str, name: &str, set: &str, called: Called) -> String {
    let known: &[&str] = match name {
        "kvm" => &["vcpu", "vcpu+"],
        "namespace" => &["new", ""],
        _ => &[],
    };
    match (called, name) {
        // What a strace without the library for it says, and just so.
        (Called::Strace, "secontext") => {
            "SELinux context printing (--secontext option) is not supported by this build of strace"
                .to_owned()
        }
        (Called::Strace, _) if !known.contains(&set) => {
            format!("invalid -e {name}= argument: '{set}'")
        }
        _ => format!("{shown} is known from strace but not supported yet"),
    }
}

/// `-kk`, `--stack-trace=source`, in the words of a strace without the library for it.
#[must_use]
pub fn source_lines(called: Called) -> String {
    let by = match called {
        Called::Own => "",
        Called::Strace => " by this build of strace",
    };
    format!(
        "Stack traces with source line information (-kk/--stack-trace=source option) are not supported{by}"
    )
}
