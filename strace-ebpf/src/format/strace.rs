//! The strace format: the shape of lines, byte for byte as strace(1) writes them.
//!
//! Pieces of a line are written one after the other, because a call's line may be cut by another
//! thread's (`<unfinished ...>`) and taken up again (`<... read resumed>`).

use super::{
    descriptor, number,
    text::{self, Rendering},
    time::{Clock, Style},
};
use crate::{
    decode::{
        Outcome,
        descriptor::Opened,
        value::{Args, Value},
    },
    tables,
};

/// How lines look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Column of the results (`-a`, `--columns`).
    pub column: usize,
    /// Each line begins with the thread's number, not in brackets (`-f -o FILE`).
    pub bare_tid: bool,
    /// Times before each line.
    pub times: bool,
    /// Time spent in each call (`-T`).
    pub durations: bool,
    /// How values look.
    pub rendering: Rendering,
}

/// How much of a call's arguments is known when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// So many arguments.
    pub args: usize,
    /// Of the next one the part before what the call adds to it: `[3] => [5]`.
    pub grows: bool,
}

impl Known {
    /// Everything.
    pub const ALL: Self = Self {
        args: usize::MAX,
        grows: false,
    };

    /// Is nothing left to be told?
    #[must_use]
    pub fn is_all(self, args: &Args<'_>) -> bool {
        self.args >= args.iter().count()
    }
}

/// Where the part begins that the call has added.
fn grown_at(values: &[Value<'_>]) -> usize {
    let becomes = |value: &Value<'_>| matches!(value, Value::Becomes);
    values.iter().position(becomes).unwrap_or(values.len())
}

/// Writes lines.
#[derive(Debug)]
pub struct Strace {
    look: Look,
    style: Style,
    clock: Clock,
    /// Characters of the present line so far.
    col: usize,
}

impl Strace {
    /// A writer with nothing written.
    #[must_use]
    pub fn new(look: Look, style: Style) -> Self {
        Self {
            look,
            style,
            clock: Clock::new(style),
            col: 0,
        }
    }

    /// The clock, to be refreshed now and then.
    pub fn clock(&mut self) -> &mut Clock {
        &mut self.clock
    }

    /// Begins a line: number of the thread, in brackets where there are several, and the time.
    pub fn leader(&mut self, out: &mut Vec<u8>, tid: u32, several: bool, ts_ns: u64) {
        let before = out.len();
        self.col = 0;
        if self.look.bare_tid {
            number::left(out, u64::from(tid), 5);
            out.push(b' ');
        } else if several {
            out.extend_from_slice(b"[pid ");
            number::right(out, u64::from(tid), 5);
            out.extend_from_slice(b"] ");
        }
        if self.look.times {
            if self.style == Style::Relative {
                // Seconds in six places.
                let mut since = Vec::new();
                self.clock.write(&mut since, ts_ns);
                let point = memchr::memchr(b'.', &since).unwrap_or(since.len());
                out.extend(std::iter::repeat_n(b' ', 6usize.saturating_sub(point)));
                out.extend_from_slice(&since);
            } else {
                self.clock.write(out, ts_ns);
            }
            out.push(b' ');
        }
        self.col += out.len() - before;
    }

    /// The name and the first arguments, as many as are `known`.
    pub fn begin(&mut self, out: &mut Vec<u8>, name: &[u8], args: &Args<'_>, known: Known) {
        let before = out.len();
        out.extend_from_slice(name);
        out.push(b'(');
        for (i, values) in args.iter().take(known.args).enumerate() {
            if i > 0 {
                out.extend_from_slice(b", ");
            }
            text::argument(out, values, self.look.rendering);
        }
        // What comes next will be an argument too.
        let next = args.iter().nth(known.args);
        if known.args > 0 && next.is_some() {
            out.extend_from_slice(b", ");
        }
        if let Some(values) = next.filter(|_| known.grows) {
            text::argument(
                out,
                values.get(..grown_at(values)).unwrap_or(values),
                self.look.rendering,
            );
        }
        self.col += out.len() - before;
    }

    /// The other arguments.
    pub fn rest(&mut self, out: &mut Vec<u8>, args: &Args<'_>, known: Known) {
        let before = out.len();
        for (i, values) in args.iter().skip(known.args).enumerate() {
            if i > 0 {
                out.extend_from_slice(b", ");
            }
            let begun = if i == 0 && known.grows {
                grown_at(values)
            } else {
                0
            };
            text::argument(
                out,
                values.get(begun..).unwrap_or_default(),
                self.look.rendering,
            );
        }
        self.col += out.len() - before;
    }

    /// Another line has to come in between.
    pub fn unfinished(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b" <unfinished ...>\n");
        self.col = 0;
    }

    /// The line goes on.
    pub fn resumed(&mut self, out: &mut Vec<u8>, name: &[u8]) {
        let before = out.len();
        out.extend_from_slice(b"<... ");
        out.extend_from_slice(name);
        out.extend_from_slice(b" resumed>");
        self.col += out.len() - before;
    }

    /// The result, what strace says about it in parentheses, and the end of the line.
    pub fn result(
        &mut self,
        out: &mut Vec<u8>,
        outcome: &Outcome,
        opened: Option<&Opened<'_>>,
        returned: &Args<'_>,
        duration_ns: Option<u64>,
    ) {
        let before = out.len();
        out.extend_from_slice(b") ");
        self.col += out.len() - before;
        out.extend(std::iter::repeat_n(
            b' ',
            self.look.column.saturating_sub(self.col),
        ));
        out.extend_from_slice(b"= ");
        match outcome {
            Outcome::Value(value) => text::one(out, value, self.look.rendering),
            Outcome::Error(errno) => error(out, *errno),
            Outcome::Restart(errno) => {
                out.extend_from_slice(b"? ");
                named(out, *errno);
            }
            Outcome::NoReturn => out.push(b'?'),
        }
        if let Some(opened) = opened {
            descriptor::opened(out, opened, self.look.rendering.strings);
        }
        if let Some(values) = returned.iter().next() {
            out.extend_from_slice(b" (");
            text::argument(out, values, self.look.rendering);
            out.push(b')');
        }
        if self.look.durations
            && let Some(ns) = duration_ns
        {
            out.extend_from_slice(b" <");
            number::decimal(out, ns / 1_000_000_000);
            out.push(b'.');
            number::padded(out, ns % 1_000_000_000 / 1000, 6);
            out.push(b'>');
        }
        out.push(b'\n');
        self.col = 0;
    }

    /// A line that is not a call, such as `+++ exited with 0 +++`.
    pub fn remark(&mut self, out: &mut Vec<u8>, remark: &str) {
        out.extend_from_slice(remark.as_bytes());
        out.push(b'\n');
        self.col = 0;
    }

    /// `--- SIGCHLD {…} ---`
    pub fn signal(&mut self, out: &mut Vec<u8>, signal: u32, info: &[Value<'_>]) {
        out.extend_from_slice(b"--- ");
        text::signal_name(out, signal);
        out.push(b' ');
        text::argument(out, info, self.look.rendering);
        out.extend_from_slice(b" ---\n");
        self.col = 0;
    }
}

fn error(out: &mut Vec<u8>, errno: u32) {
    out.extend_from_slice(b"-1 ");
    named(out, errno);
}

/// `ENOENT (No such file or directory)`
fn named(out: &mut Vec<u8>, errno: u32) {
    match tables::errno_name(errno) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => {
            out.extend_from_slice(b"(errno ");
            number::decimal(out, errno);
            out.push(b')');
            return;
        }
    }
    if let Some(message) = tables::errno_message(errno) {
        out.extend_from_slice(b" (");
        out.extend_from_slice(message.as_bytes());
        out.push(b')');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look {
        column: 40,
        bare_tid: false,
        times: false,
        durations: false,
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
        Known { args, grows: false }
    }

    fn text(look: Look, write: impl FnOnce(&mut Strace, &mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut Strace::new(look, Style::UnixMicros), &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn a_whole_line() {
        let line = text(LOOK, |s, out| {
            s.leader(out, 7, false, 0);
            s.begin(out, b"close", &args(&[Value::Fd(3)]), first(1));
            s.rest(out, &args(&[Value::Fd(3)]), first(1));
            s.result(
                out,
                &Outcome::Value(Value::Int(0)),
                None,
                &Args::default(),
                None,
            );
        });
        assert_eq!(line, "close(3)                                = 0\n");
    }

    #[test]
    fn errors_and_restarts() {
        let line = text(LOOK, |s, out| {
            s.begin(
                out,
                b"chdir",
                &args(&[Value::Path(b"/a/path/so/long/that/it/passes/forty")]),
                first(1),
            );
            s.result(out, &Outcome::Error(2), None, &Args::default(), None);
        });
        assert_eq!(
            line,
            "chdir(\"/a/path/so/long/that/it/passes/forty\") = -1 ENOENT (No such file or directory)\n"
        );
        let line = text(LOOK, |s, out| {
            s.result(out, &Outcome::Restart(512), None, &Args::default(), None)
        });
        assert!(
            line.ends_with("= ? ERESTARTSYS (To be restarted if SA_RESTART is set)\n"),
            "{line}"
        );
        let line = text(LOOK, |s, out| {
            s.result(out, &Outcome::NoReturn, None, &Args::default(), None)
        });
        assert!(line.ends_with("= ?\n"));
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
            s.leader(out, 71, true, 0);
            s.begin(out, b"read", &args(&read), first(1));
            s.unfinished(out);
            s.leader(out, 71, true, 0);
            s.resumed(out, b"read");
            s.rest(out, &args(&read), first(1));
            s.result(
                out,
                &Outcome::Value(Value::Int(1)),
                None,
                &Args::default(),
                Some(1_500_000),
            );
        });
        assert_eq!(
            line,
            "[pid    71] read(0,  <unfinished ...>\n[pid    71] <... read resumed>\"x\", 5)   = 1\n"
        );
    }

    #[test]
    fn numbers_and_times() {
        let look = Look {
            bare_tid: true,
            durations: true,
            ..LOOK
        };
        let line = text(look, |s, out| {
            s.leader(out, 71, true, 0);
            s.begin(out, b"getpid", &args(&[]), first(0));
            s.result(
                out,
                &Outcome::Value(Value::Int(71)),
                None,
                &Args::default(),
                Some(1_500_000),
            );
        });
        assert_eq!(
            line,
            "71    getpid()                          = 71 <0.001500>\n"
        );
    }
}
