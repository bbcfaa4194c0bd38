//! Flags of strace that we know by name but do not have: each is refused, never ignored.

const NOT_YET: &[&str] = &["--kvm", "--secontext"];

/// Says so of an option that the definition does not have, if strace has it.
pub fn refuse(word: &str) -> Option<String> {
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
    known.map(|flag| format!("option {flag} is known from strace but not supported yet"))
}
