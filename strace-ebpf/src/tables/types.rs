//! What a table row says: a call's name, how each register is to be read, what the return value means, and the classes
//! the call belongs to. Plain `'static` data, no lookups and no I/O. The words of xtask/data/syscalls/signatures.txt map
//! one to one to these variants.
use super::{SetId, StructId};

/// How a task entered the kernel; it decides which numbers and struct layouts hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Abi {
    /// 64-bit calls.
    X86_64,
    /// 32-bit calls (`int 0x80` and friends), from a task of any width.
    I386,
    /// 64-bit registers with 32-bit pointers. Numbers are kept without `__X32_SYSCALL_BIT` (0x40000000).
    X32,
}

impl Abi {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 3] = [Self::X86_64, Self::I386, Self::X32];

    /// Bytes of a pointer, `long` and `size_t` in the tracee's memory.
    pub const fn word_bytes(self) -> u32 {
        match self {
            Self::X86_64 => 8,
            Self::I386 | Self::X32 => 4,
        }
    }
}

/// One system call of one or more ABIs.
#[derive(Debug, PartialEq, Eq)]
pub struct Syscall {
    /// Name as in the kernel's header, without `__NR_`.
    pub name: &'static str,
    /// One per register used, in register order; at most six.
    pub args: &'static [Arg],
    /// Other argument lists that hold when what they test does; see [`Syscall::args_for`].
    pub variants: &'static [&'static Variant],
    /// What a successful return value is.
    pub ret: Ret,
    /// The `-e trace=%CLASS` classes it is in.
    pub classes: Classes,
    /// What sets it apart from a call that simply returns.
    pub attrs: Attrs,
}

impl Syscall {
    /// The arguments of a call with these registers: the type of some depends on the value of others, and some are not
    /// there at all.
    pub fn args_for(&self, raw: &[u64; 6]) -> &'static [Arg] {
        self.variant(raw).map_or(self.args, |variant| variant.args)
    }

    /// The variant that holds for these registers.
    pub fn variant(&self, raw: &[u64; 6]) -> Option<&'static Variant> {
        let found = self.variants.iter().find(|variant| variant.fits(raw));
        found.copied()
    }
}

/// The arguments of a call under some condition.
#[derive(Debug, PartialEq, Eq)]
pub struct Variant {
    /// All must hold.
    pub tests: &'static [Test],
    /// As in [`Syscall::args`].
    pub args: &'static [Arg],
    /// What a successful return value says besides the number, behind a word unless that is `-`.
    pub ret: Option<Arg>,
}

impl Variant {
    /// Does every test hold?
    pub fn fits(&self, raw: &[u64; 6]) -> bool {
        self.tests.iter().all(|test| test.holds(raw))
    }
}

/// A condition on one argument.
#[derive(Debug, PartialEq, Eq)]
pub struct Test {
    /// Which.
    pub arg: u8,
    /// What is asked of it.
    pub how: Match,
    /// The bits that count.
    pub mask: u64,
    /// Values, or one combination of bits.
    pub values: &'static [u64],
}

/// What a [`Test`] asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It is one of the values.
    Is,
    /// It is none of them.
    IsNot,
    /// It has one of the bits.
    Has,
    /// It has none of the bits.
    HasNot,
}

impl Test {
    fn holds(&self, raw: &[u64; 6]) -> bool {
        let value = raw.get(usize::from(self.arg)).copied().unwrap_or(0) & self.mask;
        match self.how {
            Match::Is => self.values.contains(&value),
            Match::IsNot => !self.values.contains(&value),
            Match::Has => self.values.iter().any(|bits| value & bits != 0),
            Match::HasNot => self.values.iter().all(|bits| value & bits == 0),
        }
    }
}

/// One argument register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg {
    /// Name as in the man page.
    pub name: &'static str,
    /// How to read and show it.
    pub ty: Ty,
    /// Memory behind it must be read when the call begins: afterwards it may be overwritten, gone or another's.
    pub at_enter: bool,
}

impl Arg {
    pub(super) const fn new(name: &'static str, ty: Ty) -> Self {
        Self {
            name,
            ty,
            at_enter: false,
        }
    }

    pub(super) const fn at_enter(name: &'static str, ty: Ty) -> Self {
        Self {
            name,
            ty,
            at_enter: true,
        }
    }

    /// Memory behind it has to be read when the call begins.
    pub const fn needs_enter(&self) -> bool {
        self.at_enter || matches!(self.ty.dir(), Some(Dir::InOut))
    }

    /// Memory behind it may, or for results must, be read when the call ends.
    pub const fn needs_exit(&self) -> bool {
        match self.ty.dir() {
            None => false,
            Some(Dir::In) => !self.at_enter,
            Some(Dir::Out | Dir::InOut) => true,
        }
    }
}

/// How a register is read: a value, or the memory it points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    /// `int`, decimal.
    Int,
    /// `unsigned int`, decimal.
    Uint,
    /// `long` of the ABI's width, decimal.
    Long,
    /// `unsigned long` of the ABI's width, decimal.
    Ulong,
    /// A count of bytes or things, of the ABI's width, decimal.
    Size,
    /// A signed file offset in one register, of the ABI's width (64 bits on x32), decimal.
    Offset,
    /// The low half of a 64-bit file offset; the next argument, [`Ty::Unused`], holds the high half.
    Offset64,
    /// The same of a number without a sign.
    Ulong64,
    /// The high half of a 64-bit file offset; the next argument, [`Ty::Unused`], holds the low half.
    Offset64Hi,
    /// A file offset in units of 4096 bytes whatever the page size (`mmap2`).
    PageOffset,
    /// A number best read in hexadecimal.
    Hex,
    /// The low half of one.
    Hex32,
    /// A command and a type of quotactl(2), `QCMD(…, …)`.
    QuotaCmd,
    /// A protocol of packet(7), in network byte order.
    Ethernet,
    /// Permission bits.
    Octal,
    /// File type and permission bits (`mknod`).
    Mode,
    /// A device number as the kernel packs it for user space: low minor byte, 12 bits of major, the rest of the minor.
    Dev,
    /// A System V key, 0 being `IPC_PRIVATE`.
    Key,
    /// A file descriptor.
    Fd,
    /// A file descriptor or `AT_FDCWD`.
    DirFd,
    /// A file descriptor, `AT_FDCWD` or `FAN_NOFD`.
    MarkFd,
    /// A file descriptor, or where the argument behind it has `IORING_REGISTER_USE_REGISTERED_RING` the index of one.
    RingFd,
    /// A process or thread.
    Pid,
    /// A user; all ones means "leave as it is".
    Uid,
    /// A group; all ones means "leave as it is".
    Gid,
    /// A user in the low 16 bits.
    Uid16,
    /// A group in the low 16 bits.
    Gid16,
    /// A signal number, 0 included.
    Signal,
    /// A one-word signal set by value, bit 0 being signal 1.
    SigMask,
    /// The third value of FUTEX_WAKE_OP: operation, its argument, comparison, its argument.
    WakeOp,
    /// How many ticks of the timer chip a wave of a tone lasts.
    Tone,
    /// The same in the low 16 bits, and above them milliseconds.
    Beep,
    /// An I/O priority, ioprio_set(2).
    IoPrio,
    /// A pointer or a word shown as one; what is behind it is not read.
    Addr,
    /// Not shown: padding, or the other half of a split value.
    Unused,
    /// Bits of a set.
    Flags(SetId),
    /// Bits of a set, low half; the next argument, [`Ty::Unused`], holds the high half.
    Flags64(SetId),
    /// One value of a set.
    Enum(SetId),
    /// NUL-terminated path, read whole and never cut.
    Path,
    /// Other NUL-terminated string.
    Str,
    /// Bytes.
    Buf {
        /// Who writes it.
        dir: Dir,
        /// In bytes.
        len: Len,
    },
    /// A path, with its NUL.
    PathBuf {
        /// Who writes it.
        dir: Dir,
        /// In bytes.
        len: Len,
    },
    /// The value of an extended attribute.
    Xattr {
        /// Who writes it.
        dir: Dir,
        /// In bytes.
        len: Len,
    },
    /// A socket option that is an `int` if it has four bytes.
    OptVal {
        /// Who writes it.
        dir: Dir,
        /// In bytes.
        len: Len,
    },
    /// A socket option that is an `int`.
    IntOpt {
        /// Who writes it.
        dir: Dir,
        /// In bytes.
        len: Len,
    },
    /// The name of a machine or domain, which is no name if it is too long for `struct new_utsname`.
    NodeName {
        /// Who writes it.
        dir: Dir,
        /// In bytes.
        len: Len,
    },
    /// What is left of a sleep, written only when a signal has ended it.
    Remain {
        /// Which struct.
        id: StructId,
    },
    /// Bytes that are no text.
    Binary {
        /// Who writes it.
        dir: Dir,
        /// In bytes.
        len: Len,
    },
    /// One struct; with `len` the caller said how many bytes there are, and that may be less or more than its size.
    Struct {
        /// Who writes it.
        dir: Dir,
        /// Which.
        id: StructId,
        /// In bytes.
        len: Option<Len>,
    },
    /// Elements in a row.
    Array {
        /// Who writes it.
        dir: Dir,
        /// What each is.
        elem: StructId,
        /// In elements.
        count: Len,
    },
    /// A bit mask of `count` bits rounded up to whole words: an `fd_set` or a NUMA node mask.
    Bits {
        /// Who writes it.
        dir: Dir,
        /// Tells its meaning; its size is that of a word.
        word: StructId,
        /// In bits.
        count: Len,
    },
    /// `struct iovec` array with its buffers; those of an `Out` one hold as many bytes in all as the call returned.
    Iovec {
        /// Who writes the buffers; the array itself is always read.
        dir: Dir,
        /// In elements.
        count: Len,
    },
    /// One `struct msghdr` with all it points to.
    Msghdr {
        /// Who writes the buffers; the header is read, and on `Out` written too.
        dir: Dir,
    },
    /// `struct mmsghdr` array with all it points to.
    Mmsghdr {
        /// As in [`Ty::Msghdr`].
        dir: Dir,
        /// In elements.
        count: Len,
    },
    /// `struct msgbuf`: a `long`, then text (`msgsnd`, `msgrcv`).
    Msgbuf {
        /// Who writes it.
        dir: Dir,
        /// Bytes of text, the `long` not counted.
        len: Len,
    },
    /// No argument: the signal mask in the signal frame on the stack.
    Frame,
    /// NULL-terminated vector of argument strings.
    StrVec,
    /// NULL-terminated vector of environment strings.
    EnvVec,
}

impl Ty {
    /// Is it a file descriptor, whatever else it may be?
    pub const fn is_descriptor(self) -> bool {
        matches!(self, Self::Fd | Self::DirFd | Self::MarkFd | Self::RingFd)
    }

    /// Direction of the memory behind it; `None` when there is none to read.
    pub const fn dir(self) -> Option<Dir> {
        match self {
            Self::Path | Self::Str | Self::StrVec | Self::EnvVec | Self::Frame => Some(Dir::In),
            Self::Buf { dir, .. }
            | Self::Binary { dir, .. }
            | Self::PathBuf { dir, .. }
            | Self::OptVal { dir, .. }
            | Self::IntOpt { dir, .. }
            | Self::NodeName { dir, .. }
            | Self::Xattr { dir, .. }
            | Self::Struct { dir, .. }
            | Self::Array { dir, .. }
            | Self::Bits { dir, .. }
            | Self::Iovec { dir, .. }
            | Self::Msghdr { dir }
            | Self::Mmsghdr { dir, .. }
            | Self::Msgbuf { dir, .. } => Some(dir),
            Self::Remain { .. } => Some(Dir::Out),
            _ => None,
        }
    }
}

/// A length or count, before any limit of ours. Register values are the caller's and may be absurd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Len {
    /// Known beforehand.
    Const(u32),
    /// The value of argument N; where that is an `int`, its low 32 bits, and nothing when negative.
    Arg(u8),
    /// The return value; nothing when the call failed.
    Ret,
    /// The return value, at most argument N: the call may return more than it wrote.
    RetMax(u8),
    /// The u32 that argument N points to, N being possibly this argument. For results it is the value at exit.
    ArgPtr32(u8),
    /// The u32 so many bytes behind where argument N points to.
    ArgPtr32At(u8, u8),
    /// The u64 that argument N points to.
    ArgPtr64(u8),
    /// The pages that argument N, a number of bytes, covers.
    Pages(u8),
}

/// Who writes the memory behind a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dir {
    /// The caller.
    In,
    /// The kernel; meaningful once the call has succeeded.
    Out,
    /// Both: read when the call begins and again when it ends.
    InOut,
}

/// What a successful return value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ret {
    /// A number, mostly 0.
    Int,
    /// A number that may need 64 bits.
    Long,
    /// Bytes or elements.
    Size,
    /// A new file descriptor.
    Fd,
    /// An address.
    Addr,
    /// A number best read in hexadecimal.
    Hex,
    /// Permission bits.
    Octal,
    /// A process or thread.
    Pid,
    /// A group of processes, or a session.
    Group,
    /// A child that has been waited for, and is gone.
    Waited,
    /// A user.
    Uid,
    /// A group.
    Gid,
    /// Seconds since 1970.
    Time,
    /// A signal number.
    Signum,
    /// Not a result: the register's value in the code that the signal had interrupted.
    SigReturn,
    /// An int that the kernel does not extend to 64 bits, errors too: modify_ldt(2).
    Narrow,
    /// The call does not return.
    None,
}

macro_rules! bit_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $const:ident = $bit:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The empty set.
            pub const NONE: Self = Self(0);
            $($(#[$item])* pub const $const: Self = Self(1 << $bit);)*

            /// Both together.
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// All of `other` is in it.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Something of `other` is in it.
            pub const fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Nothing is in it.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }
        }
    };
}

bit_set! {
    /// strace(1)'s trace classes.
    Classes {
        /// `%file`: takes a file name.
        FILE = 0,
        /// `%desc`: takes or makes a file descriptor.
        DESC = 1,
        /// `%process`: a process begins, ends, becomes another program, or is waited for.
        PROCESS = 2,
        /// `%network`, also `%net`.
        NETWORK = 3,
        /// `%signal`.
        SIGNAL = 4,
        /// `%ipc`: System V.
        IPC = 5,
        /// `%memory`: mappings.
        MEMORY = 6,
        /// `%creds`: users, groups, capabilities.
        CREDS = 7,
        /// `%stat`.
        STAT = 8,
        /// `%lstat`.
        LSTAT = 9,
        /// `%fstat`: by descriptor, and by descriptor and name.
        FSTAT = 10,
        /// `%%stat`: any of the three above.
        STAT_LIKE = 11,
        /// `%statfs`.
        STATFS = 12,
        /// `%fstatfs`.
        FSTATFS = 13,
        /// `%%statfs`: the two above and `ustat`.
        STATFS_LIKE = 14,
        /// `%clock`: reads or sets a system clock.
        CLOCK = 15,
        /// `%pure`: takes nothing and cannot fail.
        PURE = 16,
    }
}

impl Classes {
    /// Each class by the name that stands after the first `%` on the command line, synonyms last.
    pub const BY_NAME: &'static [(&'static str, Self)] = &[
        ("file", Self::FILE),
        ("desc", Self::DESC),
        ("process", Self::PROCESS),
        ("network", Self::NETWORK),
        ("signal", Self::SIGNAL),
        ("ipc", Self::IPC),
        ("memory", Self::MEMORY),
        ("creds", Self::CREDS),
        ("stat", Self::STAT),
        ("lstat", Self::LSTAT),
        ("fstat", Self::FSTAT),
        ("%stat", Self::STAT_LIKE),
        ("statfs", Self::STATFS),
        ("fstatfs", Self::FSTATFS),
        ("%statfs", Self::STATFS_LIKE),
        ("clock", Self::CLOCK),
        ("pure", Self::PURE),
        ("net", Self::NETWORK),
    ];

    /// The names of the classes in it, without the first `%` and without synonyms.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let own = Self::BY_NAME.iter().filter(|(name, _)| *name != "net");
        own.filter(move |(_, class)| self.contains(*class))
            .map(|(name, _)| *name)
    }
}

bit_set! {
    /// What the session and the probes must know about a call besides its arguments.
    Attrs {
        /// Never returns; there is no exit event.
        NORETURN = 0,
        /// On success replaces the memory that its arguments were in.
        EXEC = 1,
        /// Restores all registers; the "return value" is none.
        SIGRETURN = 2,
        /// The caller sleeps until its child execs or exits, and shares memory with it until then.
        VFORK = 3,
        /// The flags decide which arguments there are, and they are shown by name and in another order.
        CLONE = 4,
        /// Moves data through the descriptor in its first argument: what `-e read=` and `-e write=` are about.
        DATA = 5,
        /// The data is messages if the descriptor is a netlink socket.
        MESSAGES = 6,
        /// The first argument says which of several calls it is, see [`Inner`].
        INNER = 7,
    }
}

/// A call that is one of several in another one.
#[derive(Debug)]
pub struct Inner {
    /// The name of the call that is made.
    pub outer: &'static str,
    /// Its first argument; `None` where that does not matter.
    pub value: Option<u32>,
    /// The call that is meant.
    pub call: &'static Syscall,
    /// Where the arguments of that are.
    pub places: &'static [Place],
}

impl Inner {
    /// Are its arguments in an array?
    #[must_use]
    pub fn has_array(&self) -> bool {
        self.places
            .iter()
            .any(|place| matches!(place, Place::Word(_)))
    }
}

/// Where an argument of such a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An argument of the call that is made.
    Register(u8),
    /// A word of the array that its pointer leads to.
    Word(u8),
}

/// An ioctl request with parameters in its number, which has a macro instead of a name.
#[derive(Debug, PartialEq, Eq)]
pub struct IoctlPattern {
    /// The macro's name.
    pub name: &'static str,
    /// What the two highest bits may be.
    pub directions: &'static [u32],
    /// The type, bits 8 to 15.
    pub kind: u32,
    /// The lowest number, bits 0 to 7.
    pub first: u32,
    /// The highest.
    pub last: u32,
    /// The parameters.
    pub parts: &'static [IoctlPart],
}

/// A parameter within a request's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoctlPart {
    /// The size.
    Size,
    /// The number, from the lowest on.
    Number,
    /// The same by name.
    Named(super::SetId),
}
