//! What is said about a command line that cannot be used: our words, or, called strace, those of
//! strace.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Called, lacking};

/// A command line that is not to be run.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Text for standard output, status 0: `--help`, `--version`.
    Text(String),
    /// What is wrong, status 2.
    Usage(String),
    /// Nothing is wrong with it, but we do not have that: status 2.
    Lacking(String),
}

/// What clap says in one line.
pub fn refusal(
    error: &clap::Error,
    called: Called,
    definition: &clap::Command,
    typed: &[OsString],
) -> Refusal {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let argument = text(ContextKind::InvalidArg);
    match (error.kind(), argument) {
        (ErrorKind::DisplayHelp | ErrorKind::DisplayVersion, _) => Refusal::Text(error.to_string()),
        (ErrorKind::UnknownArgument, Some(word)) => match lacking::refuse(word) {
            Some(message) => Refusal::Lacking(message),
            None => Refusal::Usage(unknown(word, called)),
        },
        (ErrorKind::InvalidValue | ErrorKind::ValueValidation, Some(argument))
            if called == Called::Strace =>
        {
            let value = text(ContextKind::InvalidValue).unwrap_or_default();
            Refusal::Usage(bad_value(argument, value, definition, typed))
        }
        _ => Refusal::Usage(first_line(error)),
    }
}

fn unknown(word: &str, called: Called) -> String {
    let name = word.split('=').next().unwrap_or(word);
    match called {
        Called::Own => format!("unknown option {name} (see --help)"),
        Called::Strace => format!("unrecognized option '{word}'"),
    }
}

/// As strace has it; clap shows the option as `--output <FILE>` or `-E <VAR>`.
fn bad_value(
    argument: &str,
    value: &str,
    definition: &clap::Command,
    typed: &[OsString],
) -> String {
    let shown = argument.split([' ', '[', '=']).next().unwrap_or(argument);
    let long = shown.strip_prefix("--");
    let letter = definition
        .get_arguments()
        .find(|arg| long.is_some() && arg.get_long() == long)
        .and_then(clap::Arg::get_short)
        .filter(|_| !long_is_typed(typed, shown));
    match letter {
        Some(letter) => format!("invalid -{letter} argument: '{value}'"),
        None => format!("invalid {shown} argument: '{value}'"),
    }
}

/// Is the option there by its long name, dashes included?
pub fn long_is_typed(typed: &[OsString], name: &str) -> bool {
    typed.iter().any(|word| {
        let word = word.to_string_lossy();
        word.split('=').next() == Some(name)
    })
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or("bad command line");
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
