//! Called strace: what getopt_long(3) would say of the words before the command, before they are looked at for what they
//! mean. Long options that are cut short become whole, or are refused as ambiguous with the list that strace gives.

use std::ffi::OsString;

use super::{Called, Refusal, lacking};

/// Does an option take a value?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    None,
    /// Only behind `=`.
    Optional,
    Required,
}
use Value::{None as Flag, Optional, Required};

/// The long options of strace 7.2, those that begin with one letter in the order in which strace lists them. The third word
/// is the option that this one is another name for.
const LONGS: &[(&str, Value, &str)] = &[
    ("arg-names", Flag, ""),
    ("attach", Required, ""),
    ("absolute-timestamps", Optional, ""),
    ("argv0", Required, ""),
    ("always-show-pid", Flag, ""),
    ("abbrev", Required, ""),
    ("columns", Required, ""),
    ("const-print-style", Required, ""),
    ("color", Optional, ""),
    ("detach-on", Required, ""),
    ("debug", Flag, ""),
    ("daemonize", Optional, ""),
    ("daemonised", Optional, "daemonize"),
    ("daemonized", Optional, "daemonize"),
    ("decode-fds", Optional, ""),
    ("decode-pids", Required, ""),
    ("env", Required, ""),
    ("follow-forks", Flag, ""),
    ("failed-only", Flag, ""),
    ("failing-only", Flag, "failed-only"),
    ("fault", Required, ""),
    ("help", Flag, ""),
    ("instruction-pointer", Flag, ""),
    ("interruptible", Required, ""),
    ("inject", Required, ""),
    ("kill-on-exit", Flag, ""),
    ("kvm", Required, ""),
    ("no-abbrev", Flag, ""),
    ("namespace", Optional, ""),
    ("output-append-mode", Flag, ""),
    ("output-separately", Flag, ""),
    ("output", Required, ""),
    ("pidns-translation", Flag, ""),
    ("quiet", Optional, ""),
    ("relative-timestamps", Optional, ""),
    ("raw", Required, ""),
    ("read", Required, ""),
    ("summary-only", Flag, ""),
    ("summary", Flag, ""),
    ("stack-trace", Optional, ""),
    ("stack-traces", Optional, "stack-trace"),
    ("stack-trace-frame-limit", Required, ""),
    ("syscall-limit", Required, ""),
    ("syscall-number", Flag, ""),
    ("summary-syscall-overhead", Required, ""),
    ("string-limit", Required, ""),
    ("summary-sort-by", Required, ""),
    ("syscall-times", Optional, ""),
    ("summary-columns", Required, ""),
    ("summary-wall-clock", Flag, ""),
    ("strings-in-hex", Optional, ""),
    ("successful-only", Flag, ""),
    ("seccomp-bpf", Flag, ""),
    ("signals", Required, ""),
    ("status", Required, ""),
    ("silent", Optional, ""),
    ("silence", Optional, "silent"),
    ("secontext", Optional, ""),
    ("trace-path", Required, ""),
    ("timestamps", Optional, ""),
    ("tips", Optional, ""),
    ("trace", Required, ""),
    ("trace-fds", Required, ""),
    ("user", Required, ""),
    ("version", Flag, ""),
    ("verbose", Required, ""),
    ("write", Required, ""),
];

/// Options of ours that strace takes to be one of its own cut short, and which mean the same here.
const OWN: &[&str] = &["trace-fd", "decode-fd", "decode-pid"];

/// Makes long options whole, or says what is wrong in the words of getopt_long(3).
pub fn complete(definition: &clap::Command, args: &mut [OsString]) -> Result<(), Refusal> {
    let mut at = 1;
    while let Some(word) = args.get(at).map(|word| word.to_string_lossy().into_owned()) {
        let is_last = at + 1 == args.len();
        let takes_next = if word == "--" {
            return Ok(());
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            match find(name).map_err(usage)? {
                Some((whole, takes)) => {
                    if takes == Flag && value.is_some() {
                        return Err(usage(format!(
                            "option '--{whole}' doesn't allow an argument"
                        )));
                    }
                    if takes == Required && value.is_none() && is_last {
                        return Err(usage(format!("option '--{whole}' requires an argument")));
                    }
                    if lacking::has(whole) {
                        let next = args.get(at + 1).filter(|_| takes == Required);
                        let next = next.map(|word| word.to_string_lossy().into_owned());
                        let set = value.map(str::to_owned).or(next).unwrap_or_default();
                        let shown = format!("option --{whole}");
                        return Err(Refusal::Lacking(lacking::message(
                            &shown,
                            whole,
                            &set,
                            Called::Strace,
                        )));
                    }
                    // What is behind the = may be no text at all: it stays as it is.
                    if whole != name
                        && let Some(word) = args.get_mut(at)
                    {
                        *word = renamed(word, name.len(), whole);
                    }
                    if whole == "help" {
                        return Ok(());
                    }
                    takes == Required && value.is_none()
                }
                None => match own(definition, name) {
                    Some(takes) => takes && value.is_none(),
                    None => return Err(usage(format!("unrecognized option '{word}'"))),
                },
            }
        } else if let Some(cluster) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            match letters(definition, cluster).map_err(usage)? {
                Letters::Help => return Ok(()),
                Letters::Whole => false,
                Letters::Lacks(letter) if is_last => {
                    let why = format!("option requires an argument -- '{letter}'");
                    return Err(usage(why));
                }
                Letters::Lacks(_) => true,
            }
        } else {
            return Ok(());
        };
        at += if takes_next { 2 } else { 1 };
    }
    Ok(())
}

fn usage(why: String) -> Refusal {
    Refusal::Usage(why)
}

/// The option that a name, or its beginning, is taken for; nothing if strace has none.
fn find(name: &str) -> Result<Option<(&'static str, Value)>, String> {
    if OWN.contains(&name) {
        return Ok(None);
    }
    if let Some((whole, value, _)) = LONGS.iter().find(|(whole, ..)| *whole == name) {
        return Ok(Some((whole, *value)));
    }
    let mut begun = LONGS.iter().filter(|(whole, ..)| whole.starts_with(name));
    let Some((first, value, _)) = begun.next() else {
        return Ok(None);
    };
    let others: Vec<&str> = begun
        .filter(|(_, _, same)| same != first)
        .map(|(whole, ..)| *whole)
        .collect();
    if others.is_empty() {
        return Ok(Some((first, *value)));
    }
    let mut list = format!("option '--{name}' is ambiguous; possibilities: '--{first}'");
    for other in others {
        list.push_str(&format!(" '--{other}'"));
    }
    Err(list)
}

/// Does an option that only we have take the next word for its value? Nothing if we do not have it either.
fn own(definition: &clap::Command, name: &str) -> Option<bool> {
    let arg = definition.get_arguments().find(|arg| {
        let aliases = arg.get_all_aliases().unwrap_or_default();
        let mut names = arg.get_long().into_iter().chain(aliases);
        !name.is_empty() && names.any(|known| known.starts_with(name))
    })?;
    Some(arg.get_action().takes_values() && !arg.is_require_equals_set())
}

enum Letters {
    /// `-h`, which is answered at once.
    Help,
    /// Nothing is missing.
    Whole,
    /// This letter's value, which is the next word.
    Lacks(char),
}

fn letters(definition: &clap::Command, cluster: &str) -> Result<Letters, String> {
    for (place, letter) in cluster.char_indices() {
        if letter == 'h' {
            return Ok(Letters::Help);
        }
        let arg = definition
            .get_arguments()
            .find(|arg| arg.get_short() == Some(letter))
            .ok_or_else(|| format!("invalid option -- '{letter}'"))?;
        if arg.get_action().takes_values() {
            return Ok(match place + letter.len_utf8() == cluster.len() {
                true => Letters::Lacks(letter),
                false => Letters::Whole,
            });
        }
    }
    Ok(Letters::Whole)
}

/// `--NAME` or `--NAME=VALUE` with another name, whose old length in bytes is known.
fn renamed(word: &OsString, len: usize, name: &str) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let mut bytes = format!("--{name}").into_bytes();
    bytes.extend_from_slice(word.as_bytes().get(2 + len..).unwrap_or_default());
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::definition;

    fn completed(line: &str) -> Result<String, Refusal> {
        let mut words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        complete(&definition(Called::Strace), &mut words)?;
        Ok(words
            .join(&OsString::from(" "))
            .into_string()
            .expect("text"))
    }

    #[test]
    fn what_is_cut_short_becomes_whole() {
        for (line, whole) in [
            ("strace --att 7 --secc", "strace --attach 7 --seccomp-bpf"),
            (
                "strace --string-l 5 ls --out",
                "strace --string-limit 5 ls --out",
            ),
            (
                "strace --sil --fail true",
                "strace --silent --failed-only true",
            ),
            ("strace --dae=x true", "strace --daemonize=x true"),
            (
                "strace -fo --str --summary-c=x ls",
                "strace -fo --str --summary-columns=x ls",
            ),
            (
                "strace --lossl --h --nosuch",
                "strace --lossl --help --nosuch",
            ),
            ("strace -hQ -Q", "strace -hQ -Q"),
        ] {
            assert_eq!(completed(line), Ok(whole.to_owned()), "{line}");
        }
    }

    #[test]
    fn words_of_getopt() {
        for (line, message) in [
            (
                "strace --sy true",
                "option '--sy' is ambiguous; possibilities: '--syscall-limit' '--syscall-number' '--syscall-times'",
            ),
            (
                "strace --st",
                "option '--st' is ambiguous; possibilities: '--stack-trace' '--stack-trace-frame-limit' '--string-limit' '--strings-in-hex' '--status'",
            ),
            (
                "strace --de true",
                "option '--de' is ambiguous; possibilities: '--detach-on' '--debug' '--decode-fds' '--decode-pids'",
            ),
            ("strace --nosuch=x true", "unrecognized option '--nosuch=x'"),
            (
                "strace --help=x",
                "option '--help' doesn't allow an argument",
            ),
            (
                "strace --outp=x",
                "option '--outp' is ambiguous; possibilities: '--output-append-mode' '--output-separately' '--output'",
            ),
            ("strace --output", "option '--output' requires an argument"),
            ("strace -fo", "option requires an argument -- 'o'"),
            ("strace -V -fQ", "invalid option -- 'Q'"),
        ] {
            assert_eq!(completed(line), Err(usage(message.to_owned())), "{line}");
        }
    }

    /// None of strace's options is one that neither is there nor is refused by name.
    #[test]
    fn every_option_is_there_or_refused() {
        let definition = definition(Called::Strace);
        for (name, value, _) in LONGS {
            let refused = lacking::has(name);
            let is_it = |arg: &&clap::Arg| {
                let aliases = arg.get_all_aliases().unwrap_or_default();
                arg.get_long()
                    .into_iter()
                    .chain(aliases)
                    .any(|long| long == *name)
            };
            let mut built = definition.clone();
            built.build();
            let Some(arg) = built.get_arguments().find(is_it) else {
                assert!(refused, "{name}");
                continue;
            };
            let takes = match arg.get_action().takes_values() {
                false => Flag,
                true if arg.is_require_equals_set() => Optional,
                true => Required,
            };
            assert_eq!(takes, *value, "{name}");
        }
    }
}
