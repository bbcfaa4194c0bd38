//! Any command line is a request or one line that says why not.

use std::ffi::OsString;

use strace_ebpf::{
    cli::{self, Refusal},
    plan::{PlanError, Request, detail::Details, filter::Filter},
    tables::Abi,
};

use crate::{Source, check};

const WORDS: &[&str] = &[
    "-f",
    "-ff",
    "-p",
    "-p1",
    "-a",
    "-o",
    "-e",
    "-s",
    "-t",
    "-ttt",
    "-r",
    "-T",
    "-v",
    "-x",
    "-xx",
    "-X",
    "-q",
    "-z",
    "-Z",
    "-y",
    "-c",
    "-k",
    "-u",
    "-E",
    "-b",
    "-P",
    "-I",
    "-D",
    "-n",
    "-i",
    "--",
    "--format",
    "--columns",
    "--header",
    "--pid",
    "--trace",
    "--signal",
    "--status",
    "--quiet",
    "--abbrev",
    "--verbose",
    "--raw",
    "--read",
    "--write",
    "--strict",
    "--strings-in-hex",
    "--const-print-style",
    "--attach",
    "--transport",
    "--buffer-size",
    "--cgroup",
    "--all",
    "--string-limit",
    "trace=",
    "raw=",
    "read=",
    "write=",
    "abbrev=",
    "verbose=",
    "signal=",
    "status=",
    "quiet=",
    "inject=",
    "fault=",
    "all",
    "none",
    "!",
    "%",
    "%file",
    "%%stat",
    "/",
    "^open",
    "openat",
    "read",
    "?",
    "@64",
    "@32",
    "@x32",
    ",",
    "=",
    "0",
    "1",
    "-1",
    "99999999999",
    "8M",
    "strace",
    "tsv",
    "raw",
    "verbose",
    "SIGINT",
    "successful",
    "exit",
    "ls",
    "(",
    "[a-z]{9}",
    "\u{e9}",
    "\n",
    "\t",
    "\u{0}",
    "\"",
];

fn word(source: &mut Source) -> String {
    let mut word = String::new();
    for _ in 0..1 + source.below(4) {
        if source.one_in(8) {
            word.push(char::from(source.byte()));
        } else {
            word.push_str(source.pick(WORDS));
        }
        if source.flag() {
            break;
        }
    }
    word
}

#[test]
fn any_command_line() {
    check("command_lines", 10_000, 24, |source| {
        let name = if source.flag() {
            "strace"
        } else {
            "strace-ebpf"
        };
        let mut line = vec![OsString::from(name)];
        while !source.is_empty() {
            line.push(word(source).into());
        }
        match cli::parse(line).map(Request::new) {
            Ok(Ok(request)) => drop(Details::new(&request.qualifiers)),
            Ok(Err(PlanError::Usage(why) | PlanError::Unable(why))) | Err(Refusal::Usage(why)) => {
                assert!(!why.is_empty());
            }
            Ok(Err(_)) | Err(_) => {}
        }
    });
}

#[test]
fn any_filter() {
    check("filters", 10_000, 6, |source| {
        let text: String = (0..1 + source.below(6)).map(|_| word(source)).collect();
        if let Ok(filter) = Filter::parse(&text) {
            for nr in 0..600 {
                let _ = filter.wants(Abi::X86_64, nr);
            }
        }
    });
}
