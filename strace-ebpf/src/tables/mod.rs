//! Facts about system calls: numbers and names of each ABI, how to read their arguments, error and signal names.
//!
//! In: a number or a name. Out: `'static` data. The data is generated from xtask/data/ by `cargo xtask codegen`; the
//! functions here only look things up. No I/O, no allocation, nothing about one tracee.
mod layout;
mod netlink;
mod sets;
mod types;

mod generated {
    pub mod errno;
    pub mod ioctls;
    pub mod layouts;
    pub mod netlink;
    pub mod sets;
    pub mod signals;
    pub mod structs;
    pub mod syscalls;
}

#[cfg(test)]
mod sets_tests;
#[cfg(test)]
mod tests;

pub use generated::sets::SetId;
pub use generated::structs::StructId;
pub use layout::{Condition, Layout, Length, Member, MemberTy, Pointee, Source, Told};
pub use netlink::{
    AttributeTy, Attributes, Kinds, Message, Protocol, Rest, Verb, errors as netlink_error,
    protocol as netlink_protocol,
};
pub use sets::{Field, FieldKind, Group, Part, Set, SetKind, Split, Unknown};
pub use types::{
    Abi, Arg, Attrs, Classes, Dir, Inner, IoctlPart, IoctlPattern, Len, Match, Place, Ret, Syscall,
    Test, Ty, Variant,
};

use generated::{errno, ioctls, layouts, signals, structs, syscalls};

fn table(abi: Abi) -> &'static [Option<&'static Syscall>] {
    match abi {
        Abi::X86_64 => &syscalls::X86_64,
        Abi::I386 => &syscalls::I386,
        Abi::X32 => &syscalls::X32,
    }
}

/// The call of that number, for x32 without `__X32_SYSCALL_BIT`. `None` for numbers that Linux 7.2 does not have.
pub fn syscall(abi: Abi, nr: u32) -> Option<&'static Syscall> {
    *table(abi).get(usize::try_from(nr).ok()?)?
}

/// The calls that this one may be, each with its number in the table of them all.
pub fn inner_of(outer: &Syscall) -> impl Iterator<Item = (u16, &'static Inner)> {
    // Asked of every call that is shown.
    let rows = match outer.attrs.contains(Attrs::INNER) {
        true => &syscalls::INNER[..],
        false => &[],
    };
    (0..)
        .zip(rows)
        .filter(|(_, inner)| inner.outer == outer.name)
}

/// Rows of the table of those that are within others.
pub const INNER_CALLS: usize = syscalls::INNER.len();

/// The call of that number in that table.
pub fn inner(number: u16) -> Option<&'static Syscall> {
    syscalls::INNER
        .get(usize::from(number))
        .map(|inner| inner.call)
}

/// The number of the call that ends a signal handler.
pub fn sigreturn(abi: Abi) -> Option<u32> {
    // i386 has an older one before it.
    let found = all(abi).filter(|(_, call)| call.attrs.contains(Attrs::SIGRETURN));
    found.last().map(|(nr, _)| nr)
}

/// The highest number in use.
pub fn max_nr(abi: Abi) -> u32 {
    // A table is a few hundred rows.
    u32::try_from(table(abi).len())
        .unwrap_or(u32::MAX)
        .saturating_sub(1)
}

/// Every call of an ABI by ascending number.
pub fn all(abi: Abi) -> impl Iterator<Item = (u32, &'static Syscall)> {
    (0..)
        .zip(table(abi))
        .filter_map(|(nr, call)| Some((nr, (*call)?)))
}

/// The call of exactly that name and its number.
pub fn by_name(abi: Abi, name: &str) -> Option<(u32, &'static Syscall)> {
    all(abi).find(|(_, call)| call.name == name)
}

/// The numbers of the calls of exactly that name: none or one with the tables of today.
pub fn numbers_of(name: &str, abi: Abi) -> impl Iterator<Item = u32> {
    all(abi)
        .filter(move |(_, call)| call.name == name)
        .map(|(nr, _)| nr)
}

/// The class of `%NAME`, `name` being without that `%` (so `%stat` is `%%stat`), as in strace(1) `-e trace`.
pub fn class_by_name(name: &str) -> Option<Classes> {
    Classes::BY_NAME
        .iter()
        .find(|(n, _)| *n == name)
        .map(|(_, class)| *class)
}

fn errno_row(errno: u32) -> Option<&'static (u32, &'static str, &'static str)> {
    let i = errno::ERRNOS
        .binary_search_by_key(&errno, |row| row.0)
        .ok()?;
    errno::ERRNOS.get(i)
}

/// `ENOENT` for 2; the kernel's own numbers from 512 (`ERESTARTSYS`) too. `errno` is positive.
pub fn errno_name(errno: u32) -> Option<&'static str> {
    errno_row(errno).map(|row| row.1)
}

/// What strerror(3) of glibc says in the C locale.
pub fn errno_message(errno: u32) -> Option<&'static str> {
    errno_row(errno).map(|row| row.2)
}

/// 2 for `ENOENT`.
pub fn errno_by_name(name: &str) -> Option<u32> {
    errno::ERRNOS
        .iter()
        .find(|row| row.1 == name)
        .map(|row| row.0)
}

/// `SIGCHLD` for 17; 32 to 64 are `SIGRTMIN`, `SIGRT_1` ... `SIGRT_32`. `None` for 0 and from 65.
pub fn signal_name(signal: u32) -> Option<&'static str> {
    *signals::SIGNALS.get(usize::try_from(signal).ok()?)?
}

/// 17 for `SIGCHLD` or `CHLD`.
pub fn signal_by_name(name: &str) -> Option<u32> {
    let bare = name.strip_prefix("SIG").unwrap_or(name);
    let is_it = |row: &Option<&str>| row.and_then(|n| n.strip_prefix("SIG")) == Some(bare);
    (0..)
        .zip(&signals::SIGNALS)
        .find(|(_, row)| is_it(row))
        .map(|(nr, _)| nr)
}

/// How many structs there are.
pub const STRUCTS: usize = structs::SIZES.len();

/// Bytes of a struct in the memory of a tracee of that ABI.
pub fn struct_size(id: StructId, abi: Abi) -> u32 {
    structs::SIZES[id as usize][abi as usize]
}

/// The members of a struct, where layouts.txt has them.
pub fn layout(id: StructId, abi: Abi) -> Option<&'static Layout> {
    layouts::LAYOUTS[id as usize][abi as usize]
}

/// The symbolic constants of an argument or a struct member.
pub fn set(id: SetId) -> &'static Set {
    &generated::sets::SETS[id as usize]
}

/// The macro that an ioctl number may have been made by.
pub fn ioctl_pattern(request: u32) -> Option<&'static IoctlPattern> {
    let (direction, kind, nr) = (request >> 30, request >> 8 & 0xff, request & 0xff);
    let is_it = |pattern: &&IoctlPattern| {
        pattern.kind == kind
            && (pattern.first..=pattern.last).contains(&nr)
            && pattern.directions.contains(&direction)
    };
    ioctls::PATTERNS.iter().find(is_it)
}

/// Every name that the UAPI headers have for an ioctl number, in alphabetical order; several drivers may share one.
/// Empty where there is none: then the direction, type, number and size that are in it are all there is to tell.
pub fn ioctl_names(abi: Abi, request: u32) -> &'static [&'static str] {
    let find = |table: &'static [(u32, &'static [&'static str])]| {
        let i = table.binary_search_by_key(&request, |row| row.0).ok()?;
        table.get(i).map(|row| row.1)
    };
    let native = || find(&ioctls::NATIVE);
    let names = match abi {
        Abi::X86_64 => native(),
        // x32 has the 32-bit layouts wherever a struct holds a pointer or a `long`, with few exceptions.
        Abi::I386 | Abi::X32 => find(&ioctls::I386).or_else(native),
    };
    names.unwrap_or_default()
}
