//! `-e inject=` and `-e fault=`: results, signals and delays that are not the kernel's, as strace has them, and what
//! becomes of the traced processes however the tracer or the injector ends.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    errors::assert_refused,
    harness::{Running, TempDir, example, run, shared, slow, trace, tracer, tracer_of_nobody},
    oracle::assert_all_same,
    rows::named,
};

#[test]
fn results_are_those_of_strace() {
    let _machine = shared();
    assert_all_same(&[
        "STRACE -o file -e trace=close -e inject=close:error=EIO:when=1 true",
        "STRACE -o file -e trace=close,openat -e inject=close,openat:error=eio:when=2 true",
        "STRACE -o file -e trace=close,openat -e inject=close,openat:error=EACCES:when=2+ cat /dev/null",
        "STRACE -o file -e trace=close -e inject=close:error=4095:when=1..3+2 cat /dev/null",
        "STRACE -o file -e trace=close -e inject=close:retval=-5:when=1 true",
        "STRACE -o file -e trace=close -e inject=close:retval=0x100000007:when=1 true",
        "STRACE -o file -e trace=close -e fault=close:when=1 true",
        "STRACE -o file -e trace=close,read --fault=close:when=1 --inject=read:error=EIO true",
        "STRACE -o file -e trace=close -e inject=close:error=EIO:when=1 -e inject=close:error=EBADF:when=2 true",
        // Only calls that are traced are touched.
        "STRACE -o file -e trace=read -e inject=close:error=EIO true",
        "STRACE -o file -e trace=exit_group,exit -e inject=exit_group:error=EIO:when=1 true",
        "STRACE -o file -z -e trace=close -e inject=close:error=EIO:when=1 true",
        "dir=$PWD; cd /; STRACE -o $dir/file -y -e trace=openat -e inject=openat:retval=0:when=1 cat /dev/null",
        "STRACE -o file -e trace=%file,sendmsg,recvmsg -e inject=all:error=ENOENT:when=3 ls /",
        "STRACE -o file -e trace=geteuid -e inject=geteuid:retval=4711 id -u",
        "STRACE -o file -X raw -e trace=close -e inject=close:error=EIO:when=1 true",
        "STRACE -c -e trace=close -e inject=close:error=EIO:when=1 true 2>&1 | awk '{print $4, $5, $6}'",
    ]);
}

#[test]
fn children_count_for_themselves_and_only_if_they_are_traced() {
    let _machine = shared();
    assert_all_same(&[
        "STRACE -f -o file -e trace=geteuid -e inject=geteuid:retval=7:when=1 sh -c 'id -u; id -u; exit 0'",
        "STRACE -o file -e trace=geteuid -e inject=geteuid:retval=7 sh -c 'id -u; id -u; exit 0'",
        // The command's own execve is left alone.
        "STRACE -f -o file -e trace=execve -e inject=execve:error=EIO:when=1 sh -c '/bin/true; /bin/true; exit 0' 2>&1",
    ]);
}

#[test]
fn signals_are_those_of_strace() {
    let _machine = shared();
    assert_all_same(&[
        "STRACE -o file -e trace=close -e inject=close:signal=USR1:when=1 true",
        "STRACE -o file -e trace=close -e inject=close:signal=sigchld:error=EIO:when=1 true",
        "STRACE -o file -e trace=close -e inject=close:signal=64:when=1 true",
        "STRACE -o file -e trace=getppid -e inject=getppid:signal=USR1 sh -c 'trap \"echo caught\" USR1; echo'",
        "STRACE -o file -e trace=clock_nanosleep -e inject=clock_nanosleep:retval=0:signal=TERM sleep 1000",
    ]);
    // It comes with the call and interrupts it.
    let started = Instant::now();
    let output = run(&mut tracer(&[
        "-e",
        "inject=clock_nanosleep:signal=ALRM",
        "sleep",
        "1000",
    ]));
    assert_eq!(output.signal(), Some(libc::SIGALRM), "{output:?}");
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn delays_are_shown_and_are_part_of_the_call() {
    let _machine = shared();
    assert_all_same(&[
        "STRACE -o file -e trace=close -e inject=close:delay_enter=20ms:when=1 true",
        "STRACE -o file -e trace=close -e inject=close:delay_enter=1:delay_exit=1000us:error=EIO:when=1 true",
    ]);
    let delayed = |what: &str| {
        let rule = format!("inject=close:{what}:when=1");
        let traced = trace(&["-e", "trace=close", "-e", &rule, "true"]);
        let rows = traced.rows();
        let calls = named(&rows, "close");
        let [first, second] = calls[..] else {
            panic!("{:?}", traced.trace);
        };
        let dur = first.dur.expect("known");
        (
            dur,
            second.time_ns - first.time_ns,
            first.args[0].to_owned(),
        )
    };
    let (dur, until_next, told) = delayed("delay_enter=300ms");
    assert!(
        dur >= 300_000_000 && until_next >= dur,
        "{dur} {until_next}"
    );
    assert_eq!(told, "DELAYED");
    // A delay of the return comes behind the call.
    let (dur, until_next, told) = delayed("error=EIO:delay_exit=500ms");
    assert!(
        dur < 450_000_000 && until_next >= 500_000_000,
        "{dur} {until_next}"
    );
    assert_eq!(told, "INJECTED,DELAYED");
}

/// Each call of each thread once, with nothing lost; every second one is changed.
#[test]
fn many_threads_at_once() {
    let _machine = shared();
    let (calls, threads) = (500, 4);
    let traced = trace(&[
        "-e",
        "trace=getppid",
        "-e",
        "inject=getppid:retval=7:when=2+2",
        "--strict",
        "--",
        &example("calls"),
        "--threads",
        "4",
        "--calls",
        "500",
    ]);
    assert_eq!(traced.output.code(), 0, "{:?}", traced.output);
    let rows = traced.rows();
    let mut by_thread: BTreeMap<u32, Vec<bool>> = BTreeMap::new();
    for row in named(&rows, "getppid") {
        let changed = row.args[0] == "INJECTED";
        assert_eq!(changed, row.ret() == 7, "{row:?}");
        by_thread.entry(row.tid).or_default().push(changed);
    }
    assert_eq!(by_thread.len(), threads);
    for (tid, changed) in by_thread {
        let expected: Vec<bool> = (0..calls).map(|n| n % 2 == 1).collect();
        assert_eq!(changed, expected, "{tid}");
    }
}

#[test]
fn calls_of_another_abi() {
    let _machine = shared();
    let rule = "inject=getpid@32:retval=4711";
    let traced = trace(&["-e", "trace=getpid", "-e", rule, "--", &example("int80")]);
    assert!(traced.output.stdout.contains("getpid 4711"), "{traced:?}");
    let rows = traced.rows();
    let of_int80 = named(&rows, "getpid");
    assert!(of_int80.iter().any(|row| row.args[0] == "INJECTED"));
}

#[test]
fn rows_have_a_column_for_it_when_it_is_asked_for() {
    let _machine = shared();
    let line = ["-e", "trace=close", "-e", "fault=close:when=1", "--header"];
    let header = |more: &[&str]| {
        let traced = trace(&[&line[..], more, &["true"]].concat());
        traced.trace.lines().next().unwrap().to_owned()
    };
    assert!(header(&[]).ends_with("dur\tinjected\targs"));
    assert_eq!(header(&["--columns", "pid,syscall"]), "#pid\tsyscall");
    let plain = trace(&["-e", "trace=close", "--header", "true"]);
    assert!(plain.trace.lines().next().unwrap().ends_with("dur\targs"));
}

#[test]
fn another_user() {
    let _machine = shared();
    let rule = ["-e", "inject=geteuid,setresuid,sendmsg:retval=4711"];
    let traced = trace(&[&rule[..], &["-u", "nobody", "--", "id", "-u"]].concat());
    assert_eq!(traced.output.stdout, "4711\n", "{traced:?}");
}

/// Without CAP_SYS_ADMIN the kernel asks for no_new_privs instead.
#[test]
fn less_privilege() {
    let _machine = shared();
    let mut command = tracer_of_nobody();
    command.args([
        "-o",
        "/dev/null",
        "-e",
        "inject=geteuid:retval=4711",
        "/usr/bin/id",
        "-u",
    ]);
    let output = run(&mut command);
    assert_eq!(output.stdout, "4711\n", "{output:?}");
}

/// A command that opens files until it has said so, each in a process of its own.
fn opener(dir: &TempDir) -> (String, String) {
    let told = dir.file("told");
    let script = format!("cat /dev/null; cat /dev/null; echo going on >{told}");
    (script, told)
}

#[track_caller]
fn wait_for(file: &str) {
    let deadline = Instant::now() + Duration::from_secs(20) * slow();
    while std::fs::read_to_string(file).unwrap_or_default() != "going on\n" {
        assert!(Instant::now() < deadline, "what was traced did not go on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// With the tracer gone, what waited goes on, and no later call is touched.
#[test]
fn everything_goes_on_when_the_tracer_is_killed() {
    let _machine = shared();
    for signal in [libc::SIGKILL, libc::SIGTERM] {
        let dir = TempDir::new();
        let (script, told) = opener(&dir);
        let rule = "inject=openat:delay_enter=1000s:when=2";
        let line = ["-f", "-o", "/dev/null", "-e", rule, "sh", "-c", &script];
        let running = Running::start(&mut tracer(&line));
        let child = format!("/proc/{0}/task/{0}/children", running.pid());
        let deadline = Instant::now() + Duration::from_secs(20) * slow();
        // Until it waits for the answer: nothing else makes it sleep in an openat.
        let openat = format!("{} ", libc::SYS_openat);
        let waits = || {
            let children = std::fs::read_to_string(&child).unwrap_or_default();
            let pid = children.split_whitespace().next()?;
            let call = std::fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
            Some(call.starts_with(&openat))
        };
        while waits() != Some(true) {
            assert!(Instant::now() < deadline, "nothing waits");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(!std::path::Path::new(&told).exists());
        // Twice: the first one goes to the command.
        if signal == libc::SIGTERM {
            running.signal(signal);
        }
        running.signal(signal);
        running.wait();
        if signal == libc::SIGKILL {
            wait_for(&told);
        }
    }
}

#[test]
fn a_command_can_be_killed_in_a_delay() {
    let _machine = shared();
    let started = Instant::now();
    let script = "(sleep 0.3; kill -KILL $$) & exec sleep 1000";
    // Without -f just the later one of the two that sleep.
    let rule = "inject=clock_nanosleep:delay_enter=1000s";
    let line = ["-o", "/dev/null", "-e", rule, "sh", "-c", script];
    let output = run(&mut tracer(&line));
    assert_eq!(output.signal(), Some(libc::SIGKILL), "{output:?}");
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn it_is_told_when_the_injector_was_killed() {
    let _machine = shared();
    let dir = TempDir::new();
    let rule = "inject=getxattr:error=EIO";
    let script = "while ! [ -s pid ]; do sleep 0.02; done; kill -KILL $(cat pid); sleep 0.5";
    let mut command = tracer(&["-o", "/dev/null", "-e", rule, "sh", "-c", script]);
    let running = Running::start(command.current_dir(dir.path()));
    let injector = injector_of(running.pid());
    std::fs::write(dir.path().join("pid"), injector.to_string()).unwrap();
    let output = running.wait();
    assert!(output.stderr.contains("fail with ENOSYS"), "{output:?}");
    assert_eq!(output.code(), 0, "{output:?}");
}

/// The injector that was started by this tracer: it has the tracer's command line.
#[track_caller]
fn injector_of(tracer: u32) -> u32 {
    let line = |pid: u32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let name = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let deadline = Instant::now() + Duration::from_secs(20) * slow();
    loop {
        let own = line(tracer);
        let ready = own.windows(8).any(|part| part == b"getxattr");
        let pids = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_string_lossy()
                .parse::<u32>()
                .ok()
        });
        let found = pids.filter(|pid| name(*pid).trim() == "sebpf-injector" && line(*pid) == own);
        let found = found.filter(|_| ready);
        if let Some(pid) = found.max() {
            return pid;
        }
        assert!(Instant::now() < deadline, "no injector");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_strace_refuses() {
    let _machine = shared();
    assert_all_same(&[
        "STRACE -e inject=close true",
        "STRACE -e inject=close:error=FOO true",
        "STRACE -e inject=close:error=EIO:retval=1 true",
        "STRACE -e inject=close:error=EIO:when=0 true",
        "STRACE -e inject=close:when=1 true",
        "STRACE -e inject=nosuch:error=EIO true",
        "STRACE -e fault=close:retval=1 true",
        "STRACE --fault=close:signal=INT true",
        "STRACE --inject=close:delay_enter=1m true",
    ]);
}

#[test]
fn what_we_refuse() {
    let _machine = shared();
    for (line, words) in [
        (&["-e", "inject=close:error=EIO", "-p", "1"][..], "-p"),
        (&["-e", "inject=close:error=EIO", "-a"], "-a"),
        (
            &["-e", "fault=close", "--attach", "fentry", "true"],
            "fentry",
        ),
        (&["-e", "fault=close", "-P", "/x", "true"], "-P"),
        (&["-e", "inject=close:syscall=getpid", "true"], "syscall="),
        (
            &["-e", "inject=close:poke_exit=@arg1=00", "true"],
            "poke_exit=",
        ),
        (&["-e", "inject=close:delay_exit=1", "true"], "delay_exit="),
    ] {
        assert_refused(&run(&mut tracer(line)), 2, &[words]);
    }
}

/// What we do between the filter and the command's execve is no call of the command's: it is left alone, and not told.
#[test]
fn calls_of_ours_are_left_alone() {
    let _machine = shared();
    let set = "setgroups,setresgid,setresuid,getppid,prctl";
    let traced = trace(&[
        "--kill-on-exit",
        "-u",
        "nobody",
        "-e",
        &format!("inject={set}:error=EPERM:delay_enter=2s"),
        "--",
        "sh",
        "-c",
        "id -u",
    ]);
    assert_eq!(
        (traced.output.code(), traced.output.stdout.as_str()),
        (0, "65534\n"),
        "{traced:?}"
    );
    let rows = traced.rows();
    assert_eq!(rows[0].name, "+exec");
    assert!(
        named(&rows, "setresuid").is_empty() && named(&rows, "prctl").is_empty(),
        "{traced:?}"
    );
}
