//! The words of signatures.txt: which there are and what they are called in Rust. The variants are those of
//! `strace_ebpf::tables::types`; the meaning of each is told there and in the head of signatures.txt.

/// What may stand between a type's parentheses, in order, with the name of the Rust field it fills.
#[derive(Clone, Copy, PartialEq)]
pub enum Param {
    Set,
    Dir,
    Struct(&'static str),
    Len(&'static str),
    OptionalLen(&'static str),
}

/// A type word, its `Ty` variant and its parameters.
pub struct TypeWord(pub &'static str, pub &'static str, pub &'static [Param]);

/// Every argument type.
pub const TYPES: &[TypeWord] = &[
    TypeWord("int", "Int", &[]),
    TypeWord("uint", "Uint", &[]),
    TypeWord("long", "Long", &[]),
    TypeWord("ulong", "Ulong", &[]),
    TypeWord("size", "Size", &[]),
    TypeWord("off", "Offset", &[]),
    TypeWord("off64", "Offset64", &[]),
    TypeWord("ulong64", "Ulong64", &[]),
    TypeWord("off64hi", "Offset64Hi", &[]),
    TypeWord("pgoff", "PageOffset", &[]),
    TypeWord("hex", "Hex", &[]),
    TypeWord("hex32", "Hex32", &[]),
    TypeWord("qcmd", "QuotaCmd", &[]),
    TypeWord("ethernet", "Ethernet", &[]),
    TypeWord("octal", "Octal", &[]),
    TypeWord("mode", "Mode", &[]),
    TypeWord("dev", "Dev", &[]),
    TypeWord("key", "Key", &[]),
    TypeWord("fd", "Fd", &[]),
    TypeWord("dirfd", "DirFd", &[]),
    TypeWord("markfd", "MarkFd", &[]),
    TypeWord("ringfd", "RingFd", &[]),
    TypeWord("pid", "Pid", &[]),
    TypeWord("uid", "Uid", &[]),
    TypeWord("gid", "Gid", &[]),
    TypeWord("uid16", "Uid16", &[]),
    TypeWord("gid16", "Gid16", &[]),
    TypeWord("signal", "Signal", &[]),
    TypeWord("sigmask", "SigMask", &[]),
    TypeWord("addr", "Addr", &[]),
    TypeWord("unused", "Unused", &[]),
    TypeWord("flags", "Flags", &[Param::Set]),
    TypeWord("flags64", "Flags64", &[Param::Set]),
    TypeWord("enum", "Enum", &[Param::Set]),
    TypeWord("path", "Path", &[]),
    TypeWord("str", "Str", &[]),
    TypeWord("buf", "Buf", &[Param::Dir, Param::Len("len")]),
    TypeWord("pathbuf", "PathBuf", &[Param::Dir, Param::Len("len")]),
    TypeWord("xattr", "Xattr", &[Param::Dir, Param::Len("len")]),
    TypeWord("optval", "OptVal", &[Param::Dir, Param::Len("len")]),
    TypeWord("intopt", "IntOpt", &[Param::Dir, Param::Len("len")]),
    TypeWord("nodename", "NodeName", &[Param::Dir, Param::Len("len")]),
    TypeWord("remain", "Remain", &[Param::Struct("id")]),
    TypeWord("wakeop", "WakeOp", &[]),
    TypeWord("tone", "Tone", &[]),
    TypeWord("beep", "Beep", &[]),
    TypeWord("ioprio", "IoPrio", &[]),
    TypeWord("frame", "Frame", &[]),
    TypeWord("binary", "Binary", &[Param::Dir, Param::Len("len")]),
    TypeWord(
        "struct",
        "Struct",
        &[Param::Dir, Param::Struct("id"), Param::OptionalLen("len")],
    ),
    TypeWord(
        "array",
        "Array",
        &[Param::Dir, Param::Struct("elem"), Param::Len("count")],
    ),
    TypeWord(
        "bits",
        "Bits",
        &[Param::Dir, Param::Struct("word"), Param::Len("count")],
    ),
    TypeWord("iovec", "Iovec", &[Param::Dir, Param::Len("count")]),
    TypeWord("msghdr", "Msghdr", &[Param::Dir]),
    TypeWord("mmsghdr", "Mmsghdr", &[Param::Dir, Param::Len("count")]),
    TypeWord("msgbuf", "Msgbuf", &[Param::Dir, Param::Len("len")]),
    TypeWord("strvec", "StrVec", &[]),
    TypeWord("envvec", "EnvVec", &[]),
];

/// Types that are pointers to something the kernel only reads, besides those that say `in` themselves.
pub const READ_ONLY: &[&str] = &["path", "str", "strvec", "envvec"];

/// Types whose other half is in the next register.
pub const SPLIT: &[&str] = &["off64", "off64hi", "ulong64", "flags64"];

/// Scalars that may count bytes or elements.
pub const COUNTS: &[&str] = &["int", "uint", "long", "ulong", "size"];

/// Directions of a pointer argument.
pub const DIRS: &[(&str, &str)] = &[("in", "In"), ("out", "Out"), ("inout", "InOut")];

/// Return kinds.
pub const RETS: &[(&str, &str)] = &[
    ("int", "Int"),
    ("long", "Long"),
    ("size", "Size"),
    ("fd", "Fd"),
    ("addr", "Addr"),
    ("hex", "Hex"),
    ("octal", "Octal"),
    ("narrow", "Narrow"),
    ("pid", "Pid"),
    ("group", "Group"),
    ("waited", "Waited"),
    ("uid", "Uid"),
    ("gid", "Gid"),
    ("time", "Time"),
    ("signum", "Signum"),
    ("sigreturn", "SigReturn"),
    ("none", "None"),
];

/// Trace classes.
pub const CLASSES: &[(&str, &str)] = &[
    ("file", "FILE"),
    ("desc", "DESC"),
    ("process", "PROCESS"),
    ("network", "NETWORK"),
    ("signal", "SIGNAL"),
    ("ipc", "IPC"),
    ("memory", "MEMORY"),
    ("creds", "CREDS"),
    ("stat", "STAT"),
    ("lstat", "LSTAT"),
    ("fstat", "FSTAT"),
    ("stat_like", "STAT_LIKE"),
    ("statfs", "STATFS"),
    ("fstatfs", "FSTATFS"),
    ("statfs_like", "STATFS_LIKE"),
    ("clock", "CLOCK"),
    ("pure", "PURE"),
];

/// Attributes of a signature.
pub const ATTRS: &[(&str, &str)] = &[
    ("noreturn", "NORETURN"),
    ("exec", "EXEC"),
    ("sigreturn", "SIGRETURN"),
    ("vfork", "VFORK"),
    ("clone", "CLONE"),
    ("data", "DATA"),
    ("messages", "MESSAGES"),
    ("inner", "INNER"),
];

/// The Rust name of `word` in one of the lists above.
pub fn lookup(words: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    words
        .iter()
        .find(|(w, _)| *w == word)
        .map(|(_, rust)| *rust)
}

/// The type of that name.
pub fn type_word(word: &str) -> Option<&'static TypeWord> {
    TYPES.iter().find(|t| t.0 == word)
}
