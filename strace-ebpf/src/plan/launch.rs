//! How the command is started and when processes are let go of: checked, no I/O.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
};

use super::PlanError;
use crate::cli::{Called, Cli};

/// Where the tracer stands to the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is the command's parent.
    Parent,
    /// The command takes our place; the tracer is a child of nobody.
    Grandchild,
    /// Likewise, in a process group of its own.
    Group,
    /// Likewise, in a session of its own.
    Session,
}

/// What a signal that ends programs does to the tracer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// A command of ours gets the first one, and the trace goes on to its end; otherwise the trace ends.
    Forward,
    /// The trace ends.
    Anywhere,
    /// The trace ends, and so does the command, by the same signal.
    Waiting,
    /// Nothing.
    Never,
    /// Nothing; the signal that stops programs neither.
    NeverStop,
}

/// How a command is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Whose rights it has.
    pub user: Option<String>,
    /// Changes to its environment, in order: name, and value unless it is taken out.
    pub env: Vec<(OsString, Option<OsString>)>,
    /// Its `argv[0]`, if that is not its name.
    pub argv0: Option<OsString>,
    /// Where the tracer stands.
    pub place: Place,
    /// What signals do.
    pub interrupt: Interrupt,
    /// Processes are let go of at their execve.
    pub detach_on_exec: bool,
    /// What is traced ends with the trace.
    pub kill_on_exit: bool,
    /// We were called strace: its ways to end, its messages.
    pub as_strace: bool,
}

impl Launch {
    /// Checks what was typed.
    pub fn new(cli: &Cli) -> Result<Self, PlanError> {
        let typed = &cli.launch;
        let place = place(cli)?;
        if place != Place::Parent && cli.command.is_empty() {
            return Err(PlanError::Usage(
                "PROG [ARGS] must be specified with -D/--daemonize".to_owned(),
            ));
        }
        if typed.argv0.is_some() && cli.command.is_empty() {
            return Err(PlanError::Usage(
                "PROG [ARGS] must be specified with --argv0".to_owned(),
            ));
        }
        if let Some(other) = typed.detach_on.iter().find(|call| *call != "execve") {
            return Err(PlanError::Invalid(format!(
                "Syscall '{other}' for -b isn't supported"
            )));
        }
        let detach_on_exec = !typed.detach_on.is_empty();
        if detach_on_exec && (cli.what.all || cli.what.cgroup.is_some()) {
            return Err(PlanError::Usage(
                "-b lets go of single processes: -a and --cgroup do not go with it".to_owned(),
            ));
        }
        if typed.kill_on_exit
            && (!cli.what.pids.is_empty() || cli.what.all || cli.what.cgroup.is_some())
        {
            return Err(PlanError::Invalid(
                "--kill-on-exit and -p/--attach are mutually exclusive options".to_owned(),
            ));
        }
        Ok(Self {
            user: typed.user.clone(),
            env: typed.env.iter().map(|text| variable(text)).collect(),
            argv0: typed.argv0.clone(),
            place,
            interrupt: interrupt(cli, place)?,
            detach_on_exec,
            kill_on_exit: typed.kill_on_exit,
            as_strace: cli.called == Called::Strace,
        })
    }
}

fn place(cli: &Cli) -> Result<Place, PlanError> {
    match (cli.launch.daemon, cli.launch.daemonize.as_deref()) {
        (0, None) => Ok(Place::Parent),
        (1, None) | (0, Some("grandchild")) => Ok(Place::Grandchild),
        (2, None) | (0, Some("pgroup" | "pgrp")) => Ok(Place::Group),
        (3, None) | (0, Some("session")) => Ok(Place::Session),
        (0, Some(other)) => Err(PlanError::Usage(format!(
            "invalid {} argument: '{other}'",
            cli.spelled("--daemonize", &["--daemonised", "--daemonized"])
        ))),
        (count, None) => Err(PlanError::Usage(format!(
            "Too many -D's ({count}), maximum supported -D count is 3"
        ))),
        (_, Some(_)) => Err(PlanError::Invalid(
            "-D and --daemonize cannot be provided simultaneously".to_owned(),
        )),
    }
}

fn interrupt(cli: &Cli, place: Place) -> Result<Interrupt, PlanError> {
    let to_file = cli.output.file.is_some() && !cli.command.is_empty();
    match (cli.launch.interruptible.as_deref(), cli.called) {
        (None, _) if place != Place::Parent => Ok(Interrupt::NeverStop),
        (None, Called::Own) => Ok(Interrupt::Forward),
        (None, Called::Strace) if to_file && cli.what.pids.is_empty() => Ok(Interrupt::Never),
        (None, Called::Strace) => Ok(Interrupt::Waiting),
        (Some("1" | "anywhere"), _) => Ok(Interrupt::Anywhere),
        (Some("2" | "waiting"), _) => Ok(Interrupt::Waiting),
        (Some("3" | "never"), _) => Ok(Interrupt::Never),
        (Some("4" | "never_tstp"), _) => Ok(Interrupt::NeverStop),
        (Some(other), _) => Err(PlanError::Usage(format!(
            "invalid {} argument: '{other}'",
            cli.spelled("-I", &["--interruptible"])
        ))),
    }
}

/// `VAR=VAL` or `VAR`; a name is never empty, so a leading `=` belongs to it.
fn variable(text: &OsStr) -> (OsString, Option<OsString>) {
    let bytes = text.as_bytes();
    let sign = bytes
        .iter()
        .skip(1)
        .position(|b| *b == b'=')
        .map(|at| at + 1);
    match sign {
        Some(at) => (
            OsStr::from_bytes(&bytes[..at]).to_owned(),
            Some(OsStr::from_bytes(&bytes[at + 1..]).to_owned()),
        ),
        None => (text.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;

    fn launch(line: &str) -> Result<Launch, PlanError> {
        Launch::new(&cli::parse(line.split(' ').map(OsString::from)).expect(line))
    }

    #[test]
    fn where_the_tracer_stands() {
        for (flag, place) in [
            ("-f", Place::Parent),
            ("-D", Place::Grandchild),
            ("--daemonize", Place::Grandchild),
            ("-DD", Place::Group),
            ("--daemonize=pgrp", Place::Group),
            ("-D -D -D", Place::Session),
            ("--daemonize=session", Place::Session),
        ] {
            let launch = launch(&format!("strace {flag} true")).expect(flag);
            assert_eq!(launch.place, place, "{flag}");
            let blocked = launch.interrupt == Interrupt::NeverStop;
            assert_eq!(blocked, place != Place::Parent, "{flag}");
        }
        for bad in [
            "-DDDD true",
            "--daemonize=x true",
            "-D --daemonize true",
            "-D -p 1",
        ] {
            assert!(launch(&format!("strace {bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_signals_do() {
        for (line, interrupt) in [
            ("strace-ebpf true", Interrupt::Forward),
            ("strace-ebpf -I2 true", Interrupt::Waiting),
            ("strace true", Interrupt::Waiting),
            ("strace -o x true", Interrupt::Never),
            ("strace -o x -p 1", Interrupt::Waiting),
            ("strace -o x -I anywhere true", Interrupt::Anywhere),
            ("strace --interruptible=4 true", Interrupt::NeverStop),
        ] {
            assert_eq!(launch(line).expect(line).interrupt, interrupt, "{line}");
        }
        for bad in ["0", "5", "x"] {
            assert!(launch(&format!("strace -I {bad} true")).is_err(), "{bad}");
        }
    }

    #[test]
    fn variables() {
        let pair = |text: &str| {
            let (name, value) = variable(OsStr::new(text));
            (
                name.into_string().ok(),
                value.and_then(|v| v.into_string().ok()),
            )
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(pair("A=b=c"), (text("A"), text("b=c")));
        assert_eq!(pair("A="), (text("A"), text("")));
        assert_eq!(pair("A"), (text("A"), None));
        assert_eq!(pair("=x"), (text("=x"), None));
    }

    #[test]
    fn letting_go() {
        assert!(
            launch("strace -b execve true")
                .expect("valid")
                .detach_on_exec
        );
        assert_eq!(
            launch("strace -b open true"),
            Err(PlanError::Invalid(
                "Syscall 'open' for -b isn't supported".to_owned()
            ))
        );
        assert!(launch("strace-ebpf -b execve -a").is_err());
        assert!(launch("strace --kill-on-exit -p 1").is_err());
    }
}
