//! Lines in the strace format.

use super::*;

/// Of a call that took a millisecond and a half.
const TOOK: Done = Done {
    flags: 0,
    duration_ns: Some(1_500_000),
};

const LOOK: Look = Look {
    column: 40,
    bare_tid: false,
    tid: false,
    number: false,
    ip: false,
    names: false,
    durations: None,
    rendering: Rendering::NORMAL,
};

fn args<'a>(values: &[Value<'a>]) -> Args<'a> {
    let mut args = Args::default();
    for value in values {
        args.begin();
        args.push(*value);
    }
    args
}

fn first(args: usize) -> Known {
    Known { args, ..Known::ALL }
}

fn text(look: Look, write: impl FnOnce(&mut Strace, &mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut Strace::new(look, None, None), &mut out);
    String::from_utf8(out).expect("ASCII")
}

#[test]
fn a_whole_line() {
    let line = text(LOOK, |s, out| {
        s.leader(out, 7, false, 0, Place::default());
        s.begin(
            out,
            b"close",
            &args(&[Value::Fd(3)]),
            &Names::new(),
            first(1),
        );
        s.rest(out, &args(&[Value::Fd(3)]), &Names::new(), first(1));
        s.result(
            out,
            &Outcome::Value(Value::Int(0)),
            &[],
            &Args::default(),
            Done::default(),
        );
    });
    assert_eq!(line, "close(3)                                = 0\n");
}

#[test]
fn colors_do_not_move_the_column() {
    let look = Look {
        rendering: Rendering {
            color: true,
            ..Rendering::NORMAL
        },
        ..LOOK
    };
    let write = |s: &mut Strace, out: &mut Vec<u8>| {
        let given = args(&[Value::Fd(3), Value::Path(b"\x1b[0m")]);
        s.leader(out, 7, false, 0, Place::default());
        s.begin(out, b"openat", &given, &Names::new(), Known::ALL);
        let comm = Value::Comm(*b"\x1b[1m\0           ");
        s.result(
            out,
            &Outcome::Error(2),
            &[comm],
            &Args::default(),
            Done::default(),
        );
    };
    let (colored, plain) = (text(look, write), text(LOOK, write));
    let sequences = regex::Regex::new(r"\x1b\[\d+m").expect("valid");
    assert_eq!(sequences.replace_all(&colored, ""), plain);
    assert!(colored.contains("\x1b[31m-1 ENOENT (No such file or directory)\x1b[0m"));
    assert!(plain.contains(r#"openat(3, "\33[0m")"#) && plain.contains(r"<\33[1m>"));
}

#[test]
fn errors_and_restarts() {
    let line = text(LOOK, |s, out| {
        s.begin(
            out,
            b"chdir",
            &args(&[Value::Path(b"/a/path/so/long/that/it/passes/forty")]),
            &Names::new(),
            first(1),
        );
        s.result(
            out,
            &Outcome::Error(2),
            &[],
            &Args::default(),
            Done::default(),
        );
    });
    assert_eq!(
        line,
        "chdir(\"/a/path/so/long/that/it/passes/forty\") = -1 ENOENT (No such file or directory)\n"
    );
    let line = text(LOOK, |s, out| {
        s.result(
            out,
            &Outcome::Restart(512),
            &[],
            &Args::default(),
            Done::default(),
        )
    });
    assert!(
        line.ends_with("= ? ERESTARTSYS (To be restarted if SA_RESTART is set)\n"),
        "{line}"
    );
    let line = text(LOOK, |s, out| {
        s.result(
            out,
            &Outcome::NoReturn,
            &[],
            &Args::default(),
            Done::default(),
        )
    });
    assert!(line.ends_with("= ?\n"));
}

#[test]
fn what_a_line_begins_with() {
    let look = Look {
        tid: true,
        number: true,
        ip: true,
        names: true,
        ..LOOK
    };
    let place = Place {
        nr: 3,
        ip: Some(0x7f00_0000_1234),
        narrow: false,
        comm: None,
    };
    let line = text(look, |s, out| {
        s.leader(out, 71, false, 0, place);
        let names = Names::from_slice(&["fd"]);
        s.begin(out, b"close", &args(&[Value::Fd(3)]), &names, Known::ALL);
    });
    assert_eq!(line, "[pid    71] [   3] [00007f0000001234] close(fd=3");
    let nowhere = Place {
        narrow: true,
        ip: None,
        ..place
    };
    let line = text(look, |s, out| s.leader(out, 71, false, 0, nowhere));
    assert_eq!(line, "[pid    71] [   3] [????????] ");
    let line = {
        let mut out = Vec::new();
        let (clock, since) = (
            Style::Unix(Precision::Seconds),
            Style::Relative(Precision::Millis),
        );
        let mut both = Strace::new(LOOK, Some(clock), Some(since));
        both.leader(&mut out, 71, false, 0, place);
        String::from_utf8(out).expect("ASCII")
    };
    assert!(line.ends_with(" (+     0.000) "), "{line}");
}

#[test]
fn a_line_that_was_cut() {
    let read = [
        Value::Fd(0),
        Value::Bytes {
            bytes: b"x",
            cut: false,
        },
        Value::Uint(5),
    ];
    let line = text(LOOK, |s, out| {
        s.leader(out, 71, true, 0, Place::default());
        s.begin(out, b"read", &args(&read), &Names::new(), first(1));
        s.unfinished(out);
        s.leader(out, 71, true, 0, Place::default());
        s.resumed(out, b"read");
        s.rest(out, &args(&read), &Names::new(), first(1));
        s.result(
            out,
            &Outcome::Value(Value::Int(1)),
            &[],
            &Args::default(),
            TOOK,
        );
    });
    assert_eq!(
        line,
        "[pid    71] read(0,  <unfinished ...>\n[pid    71] <... read resumed>\"x\", 5)   = 1\n"
    );
}

#[test]
fn the_comma_comes_with_what_follows_it() {
    let two = [Value::Int(1), Value::Int(2)];
    let cut = |known| {
        text(LOOK, |s, out| {
            s.begin(out, b"clone", &args(&two), &Names::new(), known);
            s.unfinished(out);
            s.rest(out, &args(&two), &Names::new(), known);
        })
    };
    assert_eq!(cut(first(1)), "clone(1,  <unfinished ...>\n2");
    let known = Known {
        comma_follows: true,
        ..first(1)
    };
    assert_eq!(cut(known), "clone(1 <unfinished ...>\n, 2");
}

#[test]
fn numbers_and_times() {
    let look = Look {
        bare_tid: true,
        durations: Some(Precision::Micros),
        ..LOOK
    };
    let line = text(look, |s, out| {
        s.leader(out, 71, true, 0, Place::default());
        s.begin(out, b"getpid", &args(&[]), &Names::new(), first(0));
        s.result(
            out,
            &Outcome::Value(Value::Int(71)),
            &[],
            &Args::default(),
            TOOK,
        );
    });
    assert_eq!(
        line,
        "71    getpid()                          = 71 <0.001500>\n"
    );
}

#[test]
fn what_was_done_to_a_call_stands_behind_its_result() {
    let look = Look {
        durations: Some(Precision::Micros),
        ..LOOK
    };
    for (flags, expected) in [
        (0, "= 1 <0.001500>"),
        (CALL_INJECTED, "= 1 (INJECTED) <0.001500>"),
        (CALL_DELAYED, "= 1 (DELAYED) <0.001500>"),
        (
            CALL_INJECTED | CALL_DELAYED,
            "= 1 (INJECTED) (DELAYED) <0.001500>",
        ),
    ] {
        let line = text(look, |s, out| {
            let done = Done { flags, ..TOOK };
            s.result(
                out,
                &Outcome::Value(Value::Int(1)),
                &[],
                &Args::default(),
                done,
            );
        });
        assert!(line.trim_end().ends_with(expected), "{line}");
    }
}
