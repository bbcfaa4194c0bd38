//! The strace-ebpf command: parse, run, exit.

use std::io::Write;

use strace_ebpf::{
    check,
    cli::{self, Refusal},
    list,
    plan::Request,
    run::{self, Exit, Failure},
    sys,
};

fn main() {
    let status = match trace() {
        Ok(Exit::Status(status)) => status,
        Ok(Exit::Signal(signal)) => sys::die_by(signal),
        Err(failure) => {
            eprintln!("strace-ebpf: {failure}");
            failure.status()
        }
    };
    std::process::exit(status);
}

fn trace() -> Result<Exit, Failure> {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(Refusal::Text(text)) => return print(&text),
        Err(Refusal::Usage(message)) => return Err(Failure::Usage(message)),
    };
    if cli.list_syscalls {
        return print(&list::table());
    }
    if cli.check {
        let (text, able) = check::report(cli.attach, cli.transport)?;
        print(&text)?;
        return Ok(Exit::Status(i32::from(!able)));
    }
    let request = Request::new(cli)?;
    run::run(&request)
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
