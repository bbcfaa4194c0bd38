//! The strace-ebpf command: parse, run, exit.

use std::io::Write;

use strace_ebpf::{
    check,
    cli::{self, Called, Refusal},
    list,
    plan::Request,
    run::{self, Exit, Failure},
    say, sys,
};

fn main() {
    let program = std::env::args_os().next();
    let called = cli::called(program.as_ref());
    let is_strace = called == Called::Strace;
    say::set_name(called.name(program.as_ref()), is_strace);
    let status = match trace() {
        Ok(Exit::Status(status)) => status,
        Ok(Exit::Signal(signal)) => sys::die_by(signal),
        Err(failure) => {
            say::line(format_args!("{failure}"));
            if is_strace && matches!(failure, Failure::Usage(_)) {
                say::text(format_args!(
                    "Try '{} -h' for more information.\n",
                    say::name()
                ));
            }
            match called {
                Called::Own => failure.status(),
                // strace has one status for everything of its own.
                Called::Strace => 1,
            }
        }
    };
    std::process::exit(status);
}

fn trace() -> Result<Exit, Failure> {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(Refusal::Text(text)) => return print(&text),
        Err(Refusal::Usage(message)) => return Err(Failure::Usage(message)),
        Err(Refusal::Lacking(message)) => return Err(Failure::Invalid(message)),
    };
    if cli.questions.list_syscalls {
        return print(&list::table());
    }
    if cli.questions.check {
        let (text, able) = check::report(cli.engine.attach, cli.engine.transport)?;
        print(&text)?;
        return Ok(Exit::Status(i32::from(!able)));
    }
    if cli.misc.debug {
        say::tell_all();
    }
    let request = Request::new(cli)?;
    for warning in &request.warnings {
        say::line(format_args!("{warning}"));
    }
    let exit = run::run(&request)?;
    if let Some(tips) = request.tips {
        say::text(format_args!("{}", tips.text(std::process::id())));
    }
    Ok(exit)
}

/// Text on standard output; a closed pipe is no failure.
fn print(text: &str) -> Result<Exit, Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(anyhow::anyhow!("writing to standard output: {error}").into())
        }
        _ => Ok(Exit::Status(0)),
    }
}
