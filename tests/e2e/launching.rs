//! How the command is started: its user, its environment, where the tracer stands to it; and what is
//! said when it cannot be.

use std::process::Command;

use crate::{
    errors::assert_refused,
    harness::{BIN, run, shared, trace, tracer, tracer_of_nobody},
    oracle::assert_all_same,
    rows::named,
};

#[test]
fn users_and_their_groups() {
    let _machine = shared();
    assert_all_same(&[
        "STRACE -u nobody -e trace=execve id",
        "STRACE --user=games -e trace=none id",
        "STRACE -u root -e trace=getuid,geteuid,getgroups id -G",
        "STRACE -u no-such-user true",
        // Before 7: a name that nobody has.
        "STRACE -u 65534 true",
        "STRACE -o file -u nobody -e trace=execve cat /etc/shadow",
    ]);
    // In rows nothing of the change is there: the first call is the command's own execve.
    let traced = trace(&["-u", "nobody", "--", "id", "-u"]);
    assert_eq!(traced.output.stdout, "65534\n");
    assert_eq!(traced.rows()[0].name, "+exec");
    assert!(named(&traced.rows(), "setresuid").is_empty());
    let traced = trace(&["-u", "65534:1234", "--", "sh", "-c", "id -u; id -G"]);
    assert_eq!(traced.output.stdout, "65534\n1234\n");
    let refused = run(&mut tracer(&["-u", "65534:x", "true"]));
    assert_refused(&refused, 1, &["Invalid UID:GID pair '65534:x'"]);
}

#[test]
fn only_root_may_choose_a_user() {
    let _machine = shared();
    let output = run(tracer_of_nobody().args(["-u", "root", "/bin/true"]));
    assert_eq!(output.code(), 1, "{output:?}");
    assert!(output.stderr.contains("You must be root"), "{output:?}");
}

#[test]
fn environments_are_those_of_strace() {
    let _machine = shared();
    assert_all_same(&[
        "STRACE -E FOO=bar -E HOME -E A=1 -e trace=none sh -c 'echo $FOO $HOME $A'",
        "STRACE -E A=1 -E A=2 -E B=3 -E B -e trace=none env | grep '^[AB]='",
        "STRACE --env=FOO= -e trace=none env | grep ^FOO",
        // Where the command is looked for is a matter of our own environment.
        "STRACE -E PATH=/x -e trace=execve true",
        "env -i A=1 STRACE -E A -e trace=execve /bin/true",
    ]);
}

#[test]
fn another_name_for_itself() {
    let _machine = shared();
    let traced = trace(&["--argv0", "other", "--", "sh", "-c", "echo $0"]);
    assert_eq!(traced.output.stdout, "other\n");
    let rows = traced.rows();
    assert!(named(&rows, "execve")[0].args[1].starts_with("[\"other\", "));
}

/// The command is the caller's own child, and what it says of its end the caller hears.
#[test]
fn the_tracer_as_a_grandchild() {
    let _machine = shared();
    assert_all_same(&[
        "STRACE -D -o file -e trace=exit_group sh -c 'exit 3'; echo $?; sleep 1",
        "STRACE -D -o file -e trace=none sh -c 'kill -TERM $$'; echo $?; sleep 1",
        "STRACE --daemonize=pgroup -o file -e trace=none sh -c 'echo out; echo err >&2'; sleep 1",
        "STRACE -DD no-such-command; echo $?",
        "STRACE -D --daemonize true",
        "STRACE -DDDD true",
        "STRACE --daemonize=foo true",
        "STRACE -D -p 1",
    ]);
    for (flag, same_group, same_session) in [
        ("-D", true, true),
        ("-DD", false, true),
        ("-DDD", false, false),
    ] {
        let script = format!(
            "echo shell $$; {BIN} {flag} -o /dev/null sh -c 'echo parent $PPID; \
             for pid in $(pgrep -f -- \"{BIN} [-]D\"); do ps -o args= -p $pid | grep -q ^sh || \
             ps -o ppid=,pgid=,sid= -p $pid; done | tail -n 1; ps -o pgid=,sid= -p $$'"
        );
        let mut command = Command::new("sh");
        command.args(["-c", &script]);
        let output = run(&mut command);
        assert_eq!(
            output.number("shell"),
            output.number("parent"),
            "{output:?}"
        );
        let numbers: Vec<Vec<u64>> = output
            .stdout
            .lines()
            .skip(2)
            .map(|line| {
                line.split_whitespace()
                    .map(|n| n.parse().unwrap())
                    .collect()
            })
            .collect();
        let [tracer, command] = &numbers[..] else {
            panic!("{output:?}");
        };
        assert_ne!(tracer[0], output.number("shell"), "{flag}: {output:?}");
        assert_eq!(tracer[1] == command[0], same_group, "{flag}: {output:?}");
        assert_eq!(tracer[2] == command[1], same_session, "{flag}: {output:?}");
    }
}

#[test]
fn commands_that_cannot_be_run_as_strace_says_it() {
    let _machine = shared();
    assert_all_same(&[
        "STRACE no-such-command",
        "STRACE /no/such/command",
        "STRACE -o file /no/such/command",
        "STRACE -e trace=execve /etc/passwd",
        "STRACE -o file -e trace=execve /etc/passwd",
        "STRACE -e trace=none /tmp",
        "STRACE -qq -e trace=none /tmp",
        "STRACE -e trace=none -- -x",
        "STRACE ''",
    ]);
}

#[test]
fn command_lines_that_strace_refuses() {
    let _machine = shared();
    assert_all_same(&[
        "STRACE",
        "STRACE -f",
        "STRACE -Q true",
        "STRACE --foo",
        "STRACE -o",
        "STRACE --output",
        "STRACE -o /no/such/file true",
        "STRACE -s x true",
        "STRACE -s -1 true",
        "STRACE -a x true",
        "STRACE -I 0 true",
        "STRACE -I never -e trace=none true",
        "STRACE --interruptible=2 -e trace=none true",
        "STRACE -b open true",
        "STRACE -E true",
        "STRACE -p x",
        "STRACE -p 0",
        "STRACE -p ''",
        "STRACE -p 4194305",
        "STRACE -p 4194305 -p 4194306,4194307",
        "STRACE -p 4194305 -e trace=exit_group true",
        "STRACE -e trace=foo true",
        "STRACE -e foo=bar true",
        "STRACE --attach=4194305",
        "STRACE -e trace=exit_group --string-l 5 -- true",
    ]);
}
