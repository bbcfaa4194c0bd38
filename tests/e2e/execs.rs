//! Programs that execute others: in every way there is, and from a thread.

use crate::{
    harness::{example, shared, trace},
    hooks,
    rows::{Row, named},
};

/// A thread that is not the leader executes: it takes the leader's tid, and its call ends under it.
#[test]
fn an_exec_by_another_thread() {
    let _machine = shared();
    for hook in hooks::tracepoints() {
        let program = example("thread_exec");
        let traced = trace(&[
            "-f",
            "--attach",
            hook,
            "--",
            &program,
            "--",
            "/bin/echo",
            "by",
            "thread",
        ]);
        assert_eq!(traced.output.code(), 0);
        let rows = traced.rows();
        let leader = traced.output.number("leader") as u32;
        let line = traced.output.stdout.lines().next().unwrap();
        let execer: u32 = line.rsplit(' ').next().unwrap().parse().unwrap();
        let execs = named(&rows, "execve");
        assert_eq!(execs.len(), 2, "{hook}: {}", traced.trace);
        let exec = execs[1];
        assert_eq!(
            (exec.pid, exec.tid, exec.ret, exec.errno),
            (leader, leader, "0", "-"),
            "{exec:?}"
        );
        assert_eq!(
            exec.args[..2],
            ["\"/bin/echo\"", "[\"/bin/echo\", \"by\", \"thread\"]"]
        );
        assert!(exec.dur.is_some(), "{exec:?}");
        let event = named(&rows, "+exec")[1];
        assert_eq!(
            event.args,
            ["\"/bin/echo\"".to_owned(), format!("old_tid={execer}")]
        );
        let after: Vec<&Row> = rows
            .iter()
            .filter(|row| row.time_ns > exec.end_ns())
            .collect();
        assert!(
            after.iter().all(|row| row.tid == leader),
            "{hook}: {}",
            traced.trace
        );
        assert!(
            after
                .iter()
                .any(|row| row.name == "write" && row.args[1] == "\"by thread\\n\"")
        );
        // The calls in which the other threads were killed are told, without a result.
        for call in ["pause", "read", "clock_nanosleep"] {
            let cut = named(&rows, call)
                .into_iter()
                .filter(|row| row.ret == "?")
                .count();
            assert_eq!(cut, 1, "{hook}: {call}\n{}", traced.trace);
        }
        assert_eq!(
            named(&rows, "+exit").len(),
            4,
            "{hook}: leader, two threads, echo"
        );
    }
}

/// Executing in every way there is: the call that was made, its arguments and its environment.
#[test]
fn execs_that_succeed_and_fail() {
    let _machine = shared();
    for hook in hooks::tracepoints() {
        let program = example("execs");
        let command = ["--env", "5", "--", "/bin/echo", "one", "two words"];
        let traced = trace(&[&["-f", "--attach", hook, "--", &program], &command[..]].concat());
        assert_eq!(traced.output.code(), 0);
        let rows = traced.rows();
        let calls: Vec<&Row> = rows
            .iter()
            .filter(|row| row.name.starts_with("execve") && row.pid != rows[0].pid)
            .collect();
        let plain = "strace-ebpf-execs-";
        for (i, (name, errno, path, argv, count)) in [
            (
                "execve",
                "-",
                "\"/bin/echo\"",
                "[\"/bin/echo\", \"one\", \"two words\"]",
                "5 vars",
            ),
            (
                "execve",
                "ENOENT",
                "\"/no/such/program\"",
                "[\"missing\", \"arg\"]",
                "0 vars",
            ),
            ("execve", "EACCES", plain, "[\"plain\"]", "0 vars"),
            (
                "execveat",
                "-",
                "\"\"",
                "[\"by-descriptor\", \"arg\"]",
                "0 vars",
            ),
            (
                "execveat",
                "-",
                "\"\"",
                "[\"by-descriptor\", \"arg\"]",
                "0 vars",
            ),
            (
                "execveat",
                "ENOENT",
                "\"\"",
                "[\"by-descriptor\", \"arg\"]",
                "0 vars",
            ),
            (
                "execve",
                "-",
                "\"/bin/sh\"",
                "[\"sh\", \"-c\", \"exit 3\"]",
                "0 vars",
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let row = calls
                .get(i)
                .unwrap_or_else(|| panic!("{hook}: {} execs", calls.len()));
            assert_eq!((row.name, row.errno), (name, errno), "{hook}: {row:?}");
            assert_eq!(
                row.ret,
                if errno == "-" { "0" } else { "-1" },
                "{hook}: {row:?}"
            );
            let args = if name == "execveat" {
                &row.args[1..4]
            } else {
                &row.args[..]
            };
            assert!(args[0].contains(path), "{hook}: {row:?}");
            assert_eq!(args[1], argv, "{hook}: {row:?}");
            assert!(args[2].starts_with("0x"), "{hook}: {row:?}");
            assert!(
                args[2].ends_with(&format!(" /* {count} */")),
                "{hook}: {row:?}"
            );
            assert!(row.dur.is_some(), "{hook}: {row:?}");
        }
        assert_eq!(calls.len(), 7, "{hook}");
    }
}
