//! What a decoded argument is: a flat list of tokens that every format walks.
//!
//! A structure is its opening token, its fields and its closing token, so that no tree has to be
//! allocated for the scalars that most arguments are.

use smallvec::SmallVec;
use strace_ebpf_common::limits::COMM_BYTES;

use super::descriptor::Opened;
use crate::tables::{IoctlPattern, Set};

/// One token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Signed decimal.
    Int(i64),
    /// Unsigned decimal.
    Uint(u64),
    /// Hexadecimal, `0` for zero.
    Hex(u64),
    /// Permission bits: octal, at least three digits.
    Octal(u64),
    /// A file descriptor.
    Fd(i32),
    /// A directory's file descriptor, or `AT_FDCWD`.
    DirFd(i32),
    /// A process or thread.
    Pid(i32),
    /// The name of the process or thread before it, up to a NUL.
    Comm([u8; COMM_BYTES]),
    /// Its number in the tracer's PID namespace, where that is another one.
    OurPid(u32),
    /// A descriptor that follows another one in a set.
    NextFd(i32),
    /// What the descriptor before it leads to.
    Opened(Opened<'a>),
    /// A pointer: hexadecimal, `NULL` for zero.
    Addr(u64),
    /// A signal's number.
    Signal(u32),
    /// A path: quoted, whole.
    Path(&'a [u8]),
    /// Bytes: quoted; `cut` when more were there.
    Bytes {
        /// What was captured.
        bytes: &'a [u8],
        /// There was more.
        cut: bool,
    },
    /// Text without quotes, escaped.
    Text(&'a [u8]),
    /// Flags, or one value of many, by name.
    Set(&'static Set, u64),
    /// An ioctl request: the names that it may have, the number.
    Ioctl(&'static [&'static str], u32),
    /// The same of a request that has parameters in its number.
    IoctlOf(&'static IoctlPattern, &'static [&'static str], u32),
    /// A number with its name in a remark.
    Noted(&'static Set, u32),
    /// The same in hexadecimal, and a number alone where numbers are asked for.
    NotedHex(&'static Set, u64),
    /// Flags of which strace writes the fields first and then the others, though there be none of them.
    Loose(&'static Set, u64),
    /// Bits by the names of their numbers, of 32: `[ICMP_ECHO]`, or all but some.
    Chosen(&'static Set, u32),
    /// Signals, bit 0 being signal 1.
    SigSet(u64),
    /// A device number, major and minor.
    Dev(u32, u32),
    /// A word, the same in every style of constants.
    Name(&'static str),
    /// A constant by name, and its value.
    Const(&'static str, u64),
    /// Flags, or one value of many, by name in every style of constants: a remark.
    Names(&'static Set, u64),
    /// Flags, or one value of many, of which every bit counts: a struct's member.
    Wide(&'static Set, u64),
    /// Bit numbers by name, as `1<<CAP_CHOWN`.
    Shifted(&'static Set, u64),
    /// Bytes: quoted, always in hexadecimal; `cut` when more were there.
    Binary {
        /// What was captured.
        bytes: &'a [u8],
        /// There was more.
        cut: bool,
    },
    /// The third value of FUTEX_WAKE_OP.
    WakeOp(u32),
    /// An I/O priority: its class and the level within.
    IoPrio(u32),
    /// A system call's number by name, `__NR_read`.
    NrName(&'static str, u32),
    /// A time of utimensat(2) that is none: its name, seconds, nanoseconds.
    Utime(&'static str, i64, u64),
    /// A member that is an IPv6 address; it brings its own name.
    InetPton6(&'static str, [u8; 16]),
    /// The number of a network interface, and its name as far as it is known: with NULs at the end.
    Interface(u32, [u8; 16]),
    /// What is in memory, so many bytes, where the call in C that follows makes it: `htons(…)`; of 0 bytes
    /// it is a number of four, `QCMD(…)`, of 1 one with a sign, of 3 one in
    /// hexadecimal, of 5 one in hexadecimal whose meaning is told by names alone.
    Wire([u8; 4], u8),
    /// The same of more bytes.
    Memory(&'a [u8]),
    /// A constant that is decimal as a number.
    Number(&'static str, i32),
    /// A decimal number among constants that is none of them, and how a remark says so.
    Unnamed(&'static str, i32),
    /// A mask of bits by their numbers, `[0 3]`; only those below the count.
    Bits(&'a [u8], u32),
    /// A mask of bits by the names of their numbers, `[KEY_ESC KEY_A]`; at most so many are shown.
    NamedBits(&'static Set, &'a [u8], usize),
    /// What wait(2) tells of a process.
    Wait(u32),
    /// A resource limit; the flag tells its 64 bits from 32.
    Limit(u64, bool),
    /// An IPv4 address, quoted.
    Inet([u8; 4]),
    /// A hardware address: bytes in hexadecimal with colons between them.
    Mac(&'a [u8]),
    /// The address of an amateur radio station: six characters and a number, each shifted to the left by one.
    Callsign([u8; 7]),
    /// `0x` and six digits or more.
    Hex6(u64),
    /// A word of so many bytes with all of its digits.
    Word64(u64, u8),
    /// A constant without a name, by the one where its range begins: `L2CAP_CID_DYN_START+1`, from the start's value.
    Above(&'static str, u64, u64),
    /// The first part of a sum: a name, of which the other part follows.
    Plus(&'static str),
    /// The start of what looks like a call in C, `htons(`.
    CallOpen(&'static str),
    /// Its end.
    CallClose,
    /// `@` before the name of a socket that has no file.
    At,
    /// `=>` between what was before the call and after it.
    Becomes,
    /// A remark behind the value before it.
    Comment(&'static str),
    /// A remark behind the value before it: bytes of a structure that nobody knows, from and to.
    Beyond(u64, u64),
    /// The same behind such bytes.
    Spanning(u64, u64),
    /// A remark behind the value before it: numbers from the first to the last, `1..2`.
    Range(u16, u16),
    /// A remark behind the value before it: a date, seconds since 1970; fraction and its digits.
    Date(i64, u32, u8),
    /// A remark behind the value before it: parts of a second with so many digits, as seconds.
    Seconds(u64, u8),
    /// The same with a sign.
    SignedSeconds(i64, u8),
    /// A remark behind the value before it: a tone's frequency and how many milliseconds it lasts; 0 is no tone.
    Tone(u32, Option<u32>),
    /// A remark behind the value before it: what a key of a console means.
    Key(u16),
    /// A character, in single quotes.
    Char(u8),
    /// A pixel format: four characters in a call of `v4l2_fourcc`.
    FourCc(u32),
    /// Two numbers, `1/25`.
    Fraction(u32, u32),
    /// A UUID, without quotes.
    Uuid([u8; 16]),
    /// A date without a remark's signs, seconds since 1970.
    DateAlone(i64),
    /// An IPv6 address, by the call that makes it.
    Inet6([u8; 16]),
    /// A negative error number by name.
    Errno(u32),
    /// `-` before a constant that is taken back, `!` before one that is not set.
    Sign(char),
    /// `|` between what was before it and what follows.
    Or,
    /// The place of the value that follows, by its name in a set: `[VINTR]=`.
    Place(&'static Set, u16),
    /// The place of the value that follows, by name if it has one: `[VINTR]=`.
    Index(Option<&'static str>, u16),
    /// The call that an interrupted one goes on with.
    GoesOn(&'static str),
    /// A word before the value that follows.
    Word(&'static str),
    /// `<<N|` behind a value that is so many bits up in the word that is put together.
    Shift(u8),
    /// The start of a list in brackets.
    ListOpen,
    /// Its end.
    ListClose,
    /// The start of a structure in braces.
    StructOpen,
    /// Its end.
    StructClose,
    /// Name of the field whose value follows.
    Field(&'static str),
    /// Elements that are there but not shown.
    More,
    /// The same, because they could not be read: the address of the first.
    MoreAt(u64),
    /// A remark behind the value before it, such as the count of variables behind a pointer.
    Count(u64, &'static str),
}

/// The decoded arguments of one call.
#[derive(Debug, Default)]
pub struct Args<'a> {
    values: SmallVec<[Value<'a>; 24]>,
    starts: SmallVec<[u32; 8]>,
    /// Network interfaces are among the values.
    interfaces: bool,
}

impl<'a> Args<'a> {
    /// What `add` adds to none.
    #[must_use]
    pub fn of(add: impl FnOnce(&mut Self)) -> Self {
        let mut args = Self::default();
        add(&mut args);
        args
    }

    /// Begins the next argument.
    pub fn begin(&mut self) {
        self.starts.push(self.values.len() as u32);
    }

    /// Adds a token to the argument begun last.
    pub fn push(&mut self, value: Value<'a>) {
        self.interfaces |= matches!(value, Value::Interface(..));
        self.values.push(value);
    }

    /// Gives network interfaces the names that `name` knows.
    pub fn name_interfaces(&mut self, name: impl Fn(u32) -> Option<[u8; 16]>) {
        if !self.interfaces {
            return;
        }
        for value in &mut self.values {
            if let Value::Interface(index, own) = value {
                *own = name(*index).unwrap_or_default();
            }
        }
    }

    /// Adds tokens behind those for which `what` has one.
    pub fn insert_behind(&mut self, what: impl Fn(&Value<'a>) -> Option<Value<'a>>) {
        let mut at = 0;
        while let Some(value) = self.values.get(at) {
            at += 1;
            if let Some(value) = what(value) {
                self.values.insert(at, value);
                let later = self
                    .starts
                    .iter_mut()
                    .filter(|start| **start as usize >= at);
                later.for_each(|start| *start += 1);
                at += 1;
            }
        }
    }

    /// Elements of a list: what `show` writes of each, at most `most` of the `there` that it has, and `...` for the others.
    pub fn list<T>(
        &mut self,
        each: impl Iterator<Item = T>,
        (there, most): (usize, usize),
        mut show: impl FnMut(&mut Self, T),
    ) {
        let mut shown = 0;
        self.push(Value::ListOpen);
        for one in each.take(there.min(most)) {
            show(self, one);
            shown += 1;
        }
        if shown < there {
            self.push(Value::More);
        }
        self.push(Value::ListClose);
    }

    /// Takes away the tokens from this one on, of the argument begun last.
    pub fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
    }

    /// Tokens so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The arguments, each with its tokens.
    pub fn iter(&self) -> impl Iterator<Item = &[Value<'a>]> {
        self.starts.iter().enumerate().map(|(i, &start)| {
            let end = self
                .starts
                .get(i + 1)
                .map_or(self.values.len(), |&next| next as usize);
            &self.values[start as usize..end]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Headers of recvmmsg(2) may share their buffers' array, and so show it again and again.
    #[test]
    fn there_may_be_very_many_tokens() {
        let mut args = Args::default();
        args.begin();
        for _ in 0..70_000 {
            args.push(Value::More);
        }
        args.begin();
        args.push(Value::Int(1));
        let counts: Vec<usize> = args.iter().map(<[Value<'_>]>::len).collect();
        assert_eq!(counts, [70_000, 1]);
    }
}
