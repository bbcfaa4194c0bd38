//! The tracers that are compared, and how each is told to do the same: every call of a command or a process, into a
//! file.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ours,
    Strace,
    Perf,
    Bpftrace,
}

/// One tracer.
pub(super) struct Tracer {
    pub(super) name: &'static str,
    program: PathBuf,
    kind: Kind,
}

/// What bpftrace is told: one line per call that ends, with its arguments; decoding is not to be had from it.
const BPFTRACE: &str = r#"
tracepoint:raw_syscalls:sys_enter /FILTER/ { @t[tid] = nsecs; }
tracepoint:raw_syscalls:sys_exit /FILTER && @t[tid]/ {
    printf("%llu %d %d %s %d %ld %llu\n", nsecs, pid, tid, comm, args->id, args->ret, nsecs - @t[tid]);
    delete(@t[tid]);
}"#;

impl Tracer {
    /// A build of strace-ebpf.
    pub(super) fn ours(name: &'static str, program: PathBuf) -> Self {
        Self {
            name,
            program,
            kind: Kind::Ours,
        }
    }

    /// The others that are there.
    pub(super) fn installed() -> Vec<Self> {
        [
            ("strace", Kind::Strace),
            ("perf", Kind::Perf),
            ("bpftrace", Kind::Bpftrace),
        ]
        .into_iter()
        .filter(|(name, _)| tools::in_path(name))
        .map(|(name, kind)| Self {
            name,
            program: name.into(),
            kind,
        })
        .collect()
    }

    pub(super) fn is_ours(&self) -> bool {
        self.kind == Kind::Ours
    }

    pub(super) fn is_strace(&self) -> bool {
        self.kind == Kind::Strace
    }

    /// Traces a command and its children.
    pub(super) fn launch<S: AsRef<OsStr>>(
        &self,
        options: &[&str],
        output: &Path,
        words: &[S],
    ) -> Command {
        let mut command = self.base(options, output, "pid == cpid");
        match self.kind {
            Kind::Ours | Kind::Strace => command.args(["-f", "--"]).args(words),
            Kind::Perf => command.arg("--").args(words),
            Kind::Bpftrace => command.arg("-c").arg(joined(words)),
        };
        command
    }

    /// Traces a process and its children until it ends.
    pub(super) fn attach(&self, options: &[&str], output: &Path, pid: u32) -> Command {
        let mut command = self.base(options, output, &format!("pid == {pid}"));
        if self.kind != Kind::Bpftrace {
            command.args(["-p", &pid.to_string()]);
        }
        if matches!(self.kind, Kind::Ours | Kind::Strace) {
            command.arg("-f");
        }
        command
    }

    /// What it says when it has attached; the others do not tell.
    pub(super) fn attached(&self) -> Option<&'static str> {
        matches!(self.kind, Kind::Ours | Kind::Strace).then_some("attached")
    }

    fn base(&self, options: &[&str], output: &Path, filter: &str) -> Command {
        let mut command = Command::new(&self.program);
        if self.kind == Kind::Perf {
            command.arg("trace");
        }
        command.args(options).arg("-o").arg(output);
        if self.kind == Kind::Bpftrace {
            command.arg("-e").arg(BPFTRACE.replace("FILTER", filter));
        }
        command
    }
}

/// bpftrace takes a command as one word; none of ours holds a space. It wants the program's path.
fn joined<S: AsRef<OsStr>>(words: &[S]) -> OsString {
    let mut line = OsString::new();
    for word in words {
        if line.is_empty() {
            line.push(
                tools::find_in_path(word.as_ref())
                    .as_deref()
                    .unwrap_or(Path::new(word)),
            );
        } else {
            line.push(" ");
            line.push(word);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_in_its_own_words() {
        let out = Path::new("/o");
        let line = |kind| {
            let tracer = Tracer {
                name: "t",
                program: "t".into(),
                kind,
            };
            let launch = tools::line(&tracer.launch(&[], out, &["a", "b"]));
            (launch, tools::line(&tracer.attach(&[], out, 7)))
        };
        assert_eq!(
            line(Kind::Ours),
            ("t -o /o -f -- a b".to_owned(), "t -o /o -p 7 -f".to_owned())
        );
        assert_eq!(
            line(Kind::Perf),
            (
                "t trace -o /o -- a b".to_owned(),
                "t trace -o /o -p 7".to_owned()
            )
        );
        let (launch, attach) = line(Kind::Bpftrace);
        assert!(
            launch.contains("/pid == cpid/") && launch.ends_with("-c a b"),
            "{launch}"
        );
        assert!(attach.contains("/pid == 7 && @t[tid]/"), "{attach}");
    }
}
