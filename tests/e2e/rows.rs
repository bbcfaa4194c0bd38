//! The TSV grammar, read back without any code of the tracer's.

/// One line of a trace in the default columns.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// UNIX time in nanoseconds.
    pub time_ns: u64,
    pub pid: u32,
    pub tid: u32,
    pub comm: &'a str,
    pub name: &'a str,
    pub ret: &'a str,
    pub errno: &'a str,
    pub dur: Option<u64>,
    pub args: Vec<&'a str>,
}

impl<'a> Row<'a> {
    #[track_caller]
    pub fn parse(line: &'a str) -> Self {
        let ok = |b: u8| b == b'\t' || (0x20..0x7f).contains(&b);
        assert!(line.bytes().all(ok), "control or 8-bit bytes in {line:?}");
        let mut fields = line.split('\t');
        let mut next = || {
            let field = fields.next();
            let field = field.unwrap_or_else(|| panic!("fewer than 8 fields in {line:?}"));
            assert!(!field.is_empty(), "an empty field in {line:?}");
            field
        };
        let time = next();
        let number = |text: &str| {
            text.parse()
                .unwrap_or_else(|_| panic!("'{text}' is no number in {line:?}"))
        };
        Self {
            time_ns: nanoseconds(time).unwrap_or_else(|| panic!("bad time in {line:?}")),
            pid: number(next()),
            tid: number(next()),
            comm: next(),
            name: next(),
            ret: next(),
            errno: next(),
            dur: match next() {
                "-" => None,
                text => Some(
                    text.parse()
                        .unwrap_or_else(|_| panic!("bad dur in {line:?}")),
                ),
            },
            args: fields.collect(),
        }
    }

    /// A call, not an event with a `+`.
    pub fn is_call(&self) -> bool {
        !self.name.starts_with('+')
    }

    /// When the call ended, or the event happened.
    pub fn end_ns(&self) -> u64 {
        self.time_ns + self.dur.filter(|_| self.is_call()).unwrap_or(0)
    }

    /// The result as a number.
    #[track_caller]
    pub fn ret(&self) -> i64 {
        self.ret
            .parse()
            .unwrap_or_else(|_| panic!("bad ret in {self:?}"))
    }
}

/// `SECONDS.NNNNNNNNN` in nanoseconds.
pub fn nanoseconds(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.')?;
    if fraction.len() != 9 {
        return None;
    }
    let (seconds, fraction): (u64, u64) = (seconds.parse().ok()?, fraction.parse().ok()?);
    Some(seconds * 1_000_000_000 + fraction)
}

/// Calls of this name.
pub fn named<'r, 'a>(rows: &'r [Row<'a>], name: &str) -> Vec<&'r Row<'a>> {
    rows.iter().filter(|row| row.name == name).collect()
}

/// The bytes that a field stands for: undoes C escapes as strace writes them.
#[track_caller]
pub fn unescape(field: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), field.as_bytes());
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let [kind, tail @ ..] = rest else {
            panic!("a lone backslash ends {field}");
        };
        let simple = b"tnvfr\"\\'".iter().zip(b"\t\n\x0b\x0c\r\"\\'");
        if let Some((_, byte)) = simple.into_iter().find(|(letter, _)| *letter == kind) {
            bytes.push(*byte);
            rest = tail;
        } else if *kind == b'x' {
            let digits = std::str::from_utf8(&tail[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &tail[2..];
        } else {
            let digits = rest.iter().take(3).take_while(|b| (b'0'..b'8').contains(b));
            let digits: Vec<u8> = digits.copied().collect();
            let number = std::str::from_utf8(&digits).unwrap();
            bytes.push(u8::from_str_radix(number, 8).unwrap_or_else(|_| panic!("{field}")));
            rest = &rest[digits.len()..];
        }
    }
    bytes
}

/// The bytes of a quoted field.
#[track_caller]
pub fn unquote(field: &str) -> Vec<u8> {
    let inner = field
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    unescape(inner.unwrap_or_else(|| panic!("{field} is not quoted")))
}
