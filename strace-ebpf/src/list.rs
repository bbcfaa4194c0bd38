//! `--list-syscalls`: the table as text.

use std::fmt::Write;

use crate::tables::{self, Abi};

/// Number, name, arguments and classes of every call, by ABI, separated by tabs.
#[must_use]
pub fn table() -> String {
    let mut text = String::from("#abi\tnumber\tname\targuments\tclasses\n");
    for (abi, name) in [
        (Abi::X86_64, "x86_64"),
        (Abi::I386, "i386"),
        (Abi::X32, "x32"),
    ] {
        for (nr, syscall) in tables::all(abi) {
            let args: Vec<&str> = syscall
                .args
                .iter()
                .filter(|arg| arg.ty != tables::Ty::Unused)
                .map(|arg| arg.name)
                .collect();
            let classes: Vec<String> = syscall
                .classes
                .names()
                .map(|class| format!("%{class}"))
                .collect();
            let dash = |text: String| {
                if text.is_empty() {
                    "-".to_owned()
                } else {
                    text
                }
            };
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{name}\t{nr}\t{}\t{}\t{}",
                syscall.name,
                dash(args.join(", ")),
                dash(classes.join(","))
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn has_every_abi() {
        let table = super::table();
        assert!(table.contains("x86_64\t257\topenat\tdirfd, pathname, flags, mode\t%file,%desc\n"));
        assert!(table.contains("i386\t295\topenat\t"));
        assert!(table.lines().all(|line| line.split('\t').count() == 5));
    }
}
