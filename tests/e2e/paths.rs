//! Paths: whole, whatever they hold, wherever they are in memory; and what cannot be read is never
//! an empty string.

use crate::{
    harness::{TempDir, Traced, example, shared, trace},
    hooks,
    rows::{Row, named, unescape, unquote},
};

fn hostile(transport: &str) -> Traced {
    let options = ["--transport", transport, "-f", "-s", "40", "--"];
    let traced = trace(&[&options[..], &[&example("hostile")]].concat());
    assert_eq!(traced.output.code(), 0);
    traced
}

/// The rows of `hostile`'s own openat calls beside the labels that it printed for them.
fn labelled<'a>(
    traced: &'a Traced,
    rows: &'a [Row<'a>],
    name: &str,
) -> Vec<(&'a str, &'a Row<'a>)> {
    let start = rows.iter().position(|row| row.name == "prctl").unwrap();
    let main = rows[0].pid;
    let calls = rows[start..]
        .iter()
        .filter(|row| row.pid == main && row.name == name);
    let labels = traced.output.stdout.lines().filter_map(|line| {
        let (call, rest) = line.split_once(' ')?;
        let label = rest.split(' ').next()?;
        (call == name && !label.starts_with("child:")).then_some(label)
    });
    labels.zip(calls).collect()
}

#[test]
fn every_byte_of_a_path_is_there() {
    let _machine = shared();
    let traced = hostile("auto");
    let rows = traced.rows();
    let calls = labelled(&traced, &rows, "openat");
    let path = |label: &str| {
        calls
            .iter()
            .find(|(known, _)| *known == label)
            .unwrap()
            .1
            .args[1]
    };
    for (label, bytes, shown) in [
        ("tab", &b"/no/tab\there"[..], r#""/no/tab\there""#),
        ("newline", b"/no/new\nline", r#""/no/new\nline""#),
        (
            "escape",
            b"/no/\x1b[31mred\x1b[0m",
            r#""/no/\33[31mred\33[0m""#,
        ),
        (
            "utf8-invalid",
            b"/no/\xff\xfe\xc3\x28",
            r#""/no/\377\376\303(""#,
        ),
        (
            "utf8",
            "/no/\u{e4}\u{20ac}".as_bytes(),
            r#""/no/\303\244\342\202\254""#,
        ),
        (
            "quotes",
            b"/no/\"double\"'single'",
            r#""/no/\"double\"'single'""#,
        ),
        ("backslashes", b"/no/\\n\\\\\\x41", r#""/no/\\n\\\\\\x41""#),
        (
            "controls",
            b"/no/\x01\x7f\x80\x011\r\x0b\x0c",
            r#""/no/\1\177\200\0011\r\v\f""#,
        ),
        ("empty", b"", r#""""#),
        ("nul-is-last-byte", b"/no/nul", r#""/no/nul""#),
    ] {
        assert_eq!(path(label), shown, "{label}");
        assert_eq!(unquote(path(label)), bytes, "{label}");
    }
    for length in [255, 256, 4094, 4095] {
        let shown = unquote(path(&format!("length-{length}")));
        assert_eq!(shown.len(), length);
        assert!(
            shown.chunks(2).all(|pair| b"/a".starts_with(pair)),
            "length {length}"
        );
    }
    // Longer than any path may be: as much as a path has, and the mark of the cut.
    for length in [4096, 5000] {
        let shown = path(&format!("length-{length}"));
        let inner = shown.strip_prefix('"').unwrap().strip_suffix("\"...");
        let inner = inner.unwrap_or_else(|| panic!("{length}: no mark: {shown}"));
        assert!(unescape(inner).len() >= 4095, "{length}: {}", inner.len());
    }
}

#[test]
fn what_cannot_be_read_is_shown_as_its_address() {
    let _machine = shared();
    // The object for perf buffers reads by a helper that would read the kernel's memory too.
    for transport in ["auto", "perf"] {
        addresses(&hostile(transport));
    }
}

#[track_caller]
fn addresses(traced: &Traced) {
    let rows = traced.rows();
    let mut seen = 0;
    for (label, row) in labelled(traced, &rows, "openat") {
        let expected = match label {
            "0" => "NULL",
            address if address.starts_with("0x") => address,
            "no-nul-before-unmapped" => {
                let address = row.args[1]
                    .strip_prefix("0x")
                    .map(|hex| u64::from_str_radix(hex, 16));
                assert!(
                    matches!(address, Some(Ok(n)) if n & 0xfff == 0xff8),
                    "{row:?}"
                );
                continue;
            }
            _ => continue,
        };
        assert_eq!(row.args[1], expected, "{row:?}");
        seen += 1;
    }
    assert_eq!(seen, 6);
    for (label, row) in labelled(traced, &rows, "write") {
        let data = row.args[1];
        match label.split_once(':').unwrap().1 {
            "0" => assert_eq!(data, "NULL", "{row:?}"),
            address if address.starts_with("0x") && address != "0x7fffffff" => {
                assert_eq!(data, address, "{label}: {row:?}");
            }
            "odd-bytes" => assert_eq!(unquote(data), b"hostile\t\n\x1b\xff\0", "{label}: {row:?}"),
            _ => {}
        }
        assert!(
            data != "\"\"",
            "{label}: an empty string was never passed: {row:?}"
        );
    }
    for (label, row) in labelled(traced, &rows, "execve") {
        let expected = match label {
            "missing:null-argv" => ("\"/no/such/program\"", "NULL"),
            "true:argv-0x1000" => ("\"/bin/true\"", "0x1000"),
            "true:second-0x1000" => ("\"/bin/true\"", "[\"word\", 0x1000]"),
            "0x1000:plain" => ("0x1000", "[\"word\"]"),
            _ => continue,
        };
        assert_eq!((row.args[0], row.args[1]), expected, "{label}");
    }
}

/// The arguments of an execve that succeeds are gone from memory when it ends.
#[test]
fn children_that_execute_show_what_they_passed() {
    let _machine = shared();
    let traced = hostile("auto");
    let rows = traced.rows();
    let main = rows[0].pid;
    let execs: Vec<&Row> = named(&rows, "execve")
        .into_iter()
        .filter(|row| row.pid != main)
        .collect();
    assert_eq!(execs.len(), 3, "{execs:?}");
    assert!(
        execs
            .iter()
            .all(|row| row.args[0] == "\"/bin/true\"" && row.ret == "0"),
        "{execs:?}"
    );
    assert_eq!(execs[0].args[1], "NULL");
    let words = execs[1].args[1];
    assert!(
        words.starts_with("[\"word\", \"word\", ") && words.ends_with(", ...]"),
        "{words}"
    );
    assert!(
        execs[2].args[1].starts_with("[\"word\", \"LLLLL"),
        "{}",
        execs[2].args[1]
    );
    assert!(
        execs[2].args[1].ends_with("L\"...]"),
        "{}",
        execs[2].args[1]
    );
}

/// Strings in pages that are not in memory when the call begins.
#[test]
fn strings_that_were_not_resident() {
    let _machine = shared();
    // On a file system with a disk behind it: memory cannot be dropped from a tmpfs.
    let dir = TempDir::new();
    for hook in hooks::tracepoints() {
        let program = example("fault");
        let place = dir.path().to_str().unwrap();
        let options = ["-f", "-s", "100", "--attach", hook];
        let traced = trace(&[&options[..], &["--", &program, "--dir", place]].concat());
        assert_eq!(traced.output.code(), 0);
        let told = &traced.output.stdout;
        assert!(
            told.starts_with("present 0\n"),
            "the pages were resident: {told}"
        );
        let rows = traced.rows();
        let opened: Vec<&str> = named(&rows, "openat")
            .iter()
            .map(|row| row.args[1])
            .collect();
        for line in told.lines().filter_map(|line| line.strip_prefix("open ")) {
            let path = format!("\"{}\"", line.split(' ').next().unwrap());
            assert!(
                opened.contains(&path.as_str()),
                "{hook}: {path} is not in {opened:?}"
            );
        }
        for row in named(&rows, "write").iter().filter(|row| row.ret == "4096") {
            // /dev/null does not look at what it gets, so that may stay unread: the address then.
            let ok = row.args[1].starts_with("\"data-of-slot-") || row.args[1].starts_with("0x");
            assert!(ok, "{hook}: {row:?}");
        }
        let executed: Vec<&Row> = named(&rows, "execve")
            .into_iter()
            .filter(|row| row.pid != rows[0].pid)
            .collect();
        let lines = told.lines().filter_map(|line| line.strip_prefix("exec "));
        for (line, row) in lines.zip(&executed) {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(row.args[0], format!("\"{}\"", words[0]), "{hook}: {row:?}");
            let argv: Vec<String> = words[1..words.len() - 1]
                .iter()
                .map(|word| format!("\"{word}\""))
                .collect();
            assert_eq!(
                row.args[1],
                format!("[{}]", argv.join(", ")),
                "{hook}: {row:?}"
            );
        }
        assert_eq!(executed.len(), 2, "{hook}");
    }
}

/// A path is not cut by `-s`, data is.
#[test]
fn the_string_limit_is_not_for_paths() {
    let _machine = shared();
    let path = format!("/no/{}", "long-name/".repeat(20));
    let traced = trace(&["-s", "4", "--", "cat", &path]);
    let rows = traced.rows();
    let quoted = format!("\"{path}\"");
    assert!(
        named(&rows, "openat")
            .iter()
            .any(|row| row.args[1] == quoted),
        "{}",
        traced.trace
    );
    let exec = named(&rows, "execve")[0];
    assert!(
        exec.args[1].starts_with("[\"cat\", \"/no/\"..."),
        "{exec:?}"
    );
}
