//! Every family of system calls: `families` makes them with good and bad arguments and states the lines that their trace
//! must have; the trace must have just those.

use std::{os::unix::fs::symlink, process::Command};

use crate::harness::{BIN, TempDir, example, run, shared};

/// The lines of the trace between the two marks, and those that the program expects.
fn lines(family: &str) -> (Vec<String>, Vec<String>) {
    let dir = TempDir::new();
    let (tracer, file) = (dir.file("strace"), dir.file("trace"));
    symlink(BIN, &tracer).unwrap();
    let mut command = Command::new(tracer);
    command
        .args(["-a1", "-o", &file, &example("families"), family])
        .current_dir(dir.path())
        // Dates of the trace and of the program, and the messages of the C library.
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .stdin(std::process::Stdio::null());
    let output = run(&mut command);
    assert_eq!(output.code(), 0, "{family}: {output:?}");
    let trace = std::fs::read_to_string(&file).unwrap();
    let between = trace
        .lines()
        .skip_while(|line| !line.starts_with("write(-1, \"begin\", 5)"))
        .skip(1)
        .take_while(|line| !line.starts_with("write(-1, \"end\", 3)"));
    let expected = output.stdout.lines();
    (
        between.map(steady).collect(),
        expected.map(steady).collect(),
    )
}

/// A line without how long a child ran: where that takes a whole tick, only the trace knows it.
fn steady(line: &str) -> String {
    let before = line.split_once(", si_utime=").map(|(before, _)| before);
    let before = before.filter(|_| line.starts_with("--- SIGCHLD {"));
    before.unwrap_or(line).to_owned()
}

/// On a kernel without the call nothing is told about what it would have returned.
fn is_unknown_call(line: Option<&String>, expected: Option<&String>) -> bool {
    let (Some(line), Some(expected)) = (line, expected) else {
        return false;
    };
    let name = |line: &str| line.split('(').next().unwrap().to_owned();
    let unknown = |line: &str| line.ends_with(" = -1 ENOSYS (Function not implemented)");
    name(line) == name(expected) && unknown(line) && unknown(expected)
}

fn check(family: &str) {
    let _machine = shared();
    let (lines, expected) = lines(family);
    let differing: String = (0..lines.len().max(expected.len()))
        .filter(|&i| {
            lines.get(i) != expected.get(i) && !is_unknown_call(lines.get(i), expected.get(i))
        })
        .take(10)
        .map(|i| format!("\n- {:?}\n+ {:?}", expected.get(i), lines.get(i)))
        .collect();
    assert!(
        differing.is_empty(),
        "{family}, - expected + traced:{differing}"
    );
    assert!(lines.len() > 20, "{family}: {} lines", lines.len());
}

macro_rules! families {
    ($($(#[$when:meta])? $family:ident)*) => {
        $(
            $(#[$when])?
            #[test]
            fn $family() {
                check(stringify!($family));
            }
        )*

        #[test]
        fn none_is_left_out() {
            let output = run(Command::new(example("families")).arg("--list"));
            let tested = [$($(#[$when])? stringify!($family)),*];
            assert_eq!(output.stdout.lines().collect::<Vec<_>>(), tested);
        }
    };
}

families!(
    addresses aio attributes bpf commands #[cfg(target_arch = "x86_64")] compat devices epoll files futex identity ioctls ipc memory misc mounts netlink options pipes processes quotas rare requests security signals sockets terminal time tracing uring
);
