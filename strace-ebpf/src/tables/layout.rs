//! What structs are made of: members, where they are and how they are shown. Plain `'static` data, generated from
//! xtask/data/layouts.txt, whose type words map one to one to [`MemberTy`].
use super::{Dir, Match, SetId, StructId};

/// A struct of one ABI, or a scalar: then its only member has no name.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    /// In bytes.
    pub size: u16,
    /// Fewer bytes than this are no such struct: the caller of an older one may say that there are fewer than all.
    pub least: u16,
    /// The kernel writes results in it: shown as it is after the call.
    pub answered: bool,
    /// Of bytes behind what is known is shown only that there are some.
    pub hides_more: bool,
    /// Its pointers are not followed where what descriptors lead to is wanted.
    pub spared: bool,
    /// What is shown of it behind ` => ` after the call.
    pub then: Option<(StructId, Told)>,
    /// Those that are shown, in order.
    pub members: &'static [Member],
}

/// When something is shown behind ` => `.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// After a success.
    Success,
    /// After a failure the address is.
    Always,
    /// The same, and a struct that was all zeros before the call is shown after it alone.
    Given,
}

/// One member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// As strace prints it.
    pub name: &'static str,
    /// Bytes from the start of the struct.
    pub at: u16,
    /// How to read and show it.
    pub ty: MemberTy,
    /// Shown with `-v` only.
    pub extra: bool,
    /// Shown only where it is not zero.
    pub nonzero: bool,
    /// Written by the kernel: shown after a success only.
    pub answer: bool,
    /// Shown where all of them hold.
    pub conditions: &'static [Condition],
}

/// What decides whether a member is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The number that is looked at.
    pub source: Source,
    /// How it is compared.
    pub how: Match,
    /// With what.
    pub values: &'static [u64],
}

/// Where a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In the same struct.
    Member {
        /// Bytes from its start.
        at: u16,
        /// Bytes of the number.
        width: u8,
    },
    /// Some bits of an argument of the call.
    Argument {
        /// Which.
        n: u8,
        /// Which bits, the lowest among them.
        mask: u64,
    },
}

impl Condition {
    /// Does it hold for this number?
    #[must_use]
    pub fn holds(&self, number: u64) -> bool {
        let bits = self.values.iter().fold(0, |all, value| all | value);
        match self.how {
            Match::Is => self.values.contains(&number),
            Match::IsNot => !self.values.contains(&number),
            Match::Has => number & bits != 0,
            Match::HasNot => number & bits == 0,
        }
    }
}

/// What a pointer within a struct leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointee {
    /// A struct.
    Struct(StructId),
    /// Structs in a row.
    Array(StructId),
    /// Bytes, shown as text.
    Bytes,
    /// Bytes, shown in hexadecimal.
    Binary,
    /// NUL-terminated text.
    Str,
    /// A path.
    Path,
}

/// What says how much there is behind a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// A member.
    Member {
        /// Bytes from the start of the struct.
        at: u16,
        /// Bytes of the number.
        width: u8,
    },
    /// So many, or as many as are before unreadable memory.
    Fixed(u16),
    /// The call's result.
    Result,
    /// An argument of the call.
    Argument(u8),
}

/// How a member is read. The number is its width in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberTy {
    /// Signed, decimal.
    Int(u8),
    /// Unsigned, decimal.
    Uint(u8),
    /// Hexadecimal.
    Hex(u8),
    /// Permission bits.
    Octal(u8),
    /// File type and permission bits.
    Mode(u8),
    /// A pointer that is not followed.
    Addr(u8),
    /// A process or thread.
    Pid,
    /// A user or group, -1 for all ones.
    Id(u8),
    /// A file descriptor.
    Fd(u8),
    /// The number of a network interface, which has a name.
    Interface,
    /// A file descriptor or `AT_FDCWD`.
    DirFd,
    /// A signal's number.
    Signal(u8),
    /// A set of signals.
    SigSet(u8),
    /// A device number.
    Dev(u8),
    /// Seconds since 1970.
    Date(u8),
    /// Hundredths of a second.
    Ticks(u8),
    /// Parts of a second, with so many digits.
    Seconds(u8, u8),
    /// The same with a sign.
    SignedSeconds(u8, u8),
    /// A character of a console, or a place of its font.
    Unicode,
    /// A character.
    Char,
    /// A pixel format, four characters.
    FourCc,
    /// Two numbers of four bytes, one above the other.
    Fraction,
    /// A UUID.
    Uuid,
    /// What wait(2) tells of a process.
    Wait,
    /// A resource limit.
    Limit(u8),
    /// A System V key.
    Key,
    /// An IPv4 address.
    Inet,
    /// The same at the beginning of the room that one of IPv6 has.
    InetWide,
    /// An IPv6 address, shown by the call that fills it.
    Inet6,
    /// Hexadecimal with six digits at least.
    Hex6,
    /// A number in network byte order, decimal: `htonl(5)`.
    Big(u8),
    /// One value of a set, of two bytes in network byte order.
    NetworkEnum(SetId),
    /// The same, whose number under `-X` is the one in memory.
    NetworkHex(SetId),
    /// A number in network byte order: of two bytes `htons(80)`, of four `htonl(0x1)`.
    Network(u8),
    /// Within a call in C that makes it, `htobs(3)`.
    Within(&'static str, &'static MemberTy),
    /// A hardware address of so many bytes.
    Mac(u8),
    /// Bits of a set.
    Flags(SetId, u8),
    /// One value of a set.
    Enum(SetId, u8),
    /// Text up to a NUL.
    Text(u16),
    /// The same, of which the last byte is the NUL; without one it was cut.
    Name(u16),
    /// The same; without one all bytes are shown, and that there may be more.
    Open(u16),
    /// The same, cut as strings are (`-s`).
    Brief(u16),
    /// Binary.
    Bytes(u16),
    /// Bytes, each by the name of its place.
    Indexed(SetId, u16),
    /// Nothing but `...`.
    More,
    /// The numbers of the bits that are set in as many bytes as the result says, by name.
    NamedBits(SetId),
    /// Padding.
    Pad,
    /// A struct within.
    Struct(StructId),
    /// The same, whose members are shown as if they were those of the struct around it.
    Inline(StructId),
    /// Elements in a row.
    Array {
        /// Each.
        elem: &'static MemberTy,
        /// How many.
        count: u16,
        /// Bytes from one to the next.
        stride: u16,
    },
    /// The same, of which another member says how many there are.
    Counted {
        /// Each.
        elem: &'static MemberTy,
        /// At most so many.
        count: u16,
        /// Bytes from one to the next.
        stride: u16,
        /// Where that member is.
        by: u16,
        /// Its bytes.
        width: u8,
    },
    /// A pointer that is followed.
    To {
        /// To what.
        what: Pointee,
        /// Bytes of the pointer.
        width: u8,
        /// How many bytes or elements.
        length: Option<Length>,
        /// Who writes it; both: the kernel, whether the call succeeds or not.
        dir: Dir,
    },
    /// A pointer, shown as one, to a struct that the kernel writes.
    Writes {
        /// Which.
        id: StructId,
        /// Bytes of the pointer.
        width: u8,
    },
    /// The number of a Linux version.
    KernelVersion,
    /// A pointer to structs in a row, followed with `-v` only.
    Details {
        /// Which.
        id: StructId,
        /// Where the member of two bytes is that says how many there are.
        count_at: u16,
    },
}
