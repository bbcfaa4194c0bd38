//! The data that a call moves through its descriptor, for the dump below its line (`-e read=`, `-e write=`).
//!
//! strace dumps what was given whatever came of it, and of what was received as much as came.

use smallvec::SmallVec;

use super::{
    Options, abi_of,
    cx::{Cx, is_partial, number, number_at},
    pointers::length,
};
use crate::{
    session::{Call, parse::Captured},
    tables::{Dir, Syscall, Ty},
};

/// One thing to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A message of several: its number, and how many buffers it has.
    Vector(usize, u64),
    /// A buffer of several: its number, and how many bytes are in it.
    Buffer(usize, u64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// So many more were not captured.
    Missing(u64),
}

/// What is written, in order.
pub type Pieces<'a> = SmallVec<[Piece<'a>; 8]>;

/// The data of a call.
#[must_use]
pub fn pieces<'a>(call: &Call<'a>, syscall: &Syscall, options: &Options) -> Pieces<'a> {
    let mut out = Pieces::new();
    let args = syscall.args_for(&call.record.args);
    for (index, arg) in (0u8..).zip(args) {
        let cx = Cx::new(call, abi_of(call.record.abi), args, index, options);
        let at = cx.register(index);
        if arg.ty.dir() == Some(Dir::Out) && !cx.succeeded() {
            continue;
        }
        match arg.ty {
            Ty::Buf { len, .. } => {
                let there = length(&cx, len).unwrap_or(0);
                data(&mut out, &cx, at, there);
                return out;
            }
            Ty::Iovec { dir, .. } => {
                let left = limit(dir, call.record.ret);
                buffers(&mut out, &cx, cx.at(at), left);
                return out;
            }
            Ty::Msghdr { dir } => {
                let left = limit(dir, call.record.ret);
                message(&mut out, &cx, cx.at(at).map(|c| c.bytes), left);
                return out;
            }
            Ty::Mmsghdr { dir, .. } => {
                messages(&mut out, &cx, dir);
                return out;
            }
            _ => {}
        }
    }
    out
}

/// Bytes in all buffers together.
fn limit(dir: Dir, ret: i64) -> u64 {
    match dir {
        Dir::Out => ret.max(0) as u64,
        _ => u64::MAX,
    }
}

fn data<'a>(out: &mut Pieces<'a>, cx: &Cx<'_, 'a>, addr: u64, there: u64) {
    // A shorter copy may have succeeded where the whole is not readable.
    let failed = |c: &Captured<'a>| c.header.addr == addr && c.header.errno != 0;
    if cx.captures.iter().any(failed) {
        return;
    }
    let Some(captured) = cx.at(addr) else {
        return;
    };
    let most = usize::try_from(there).unwrap_or(usize::MAX);
    let bytes = captured.bytes.get(..most).unwrap_or(captured.bytes);
    if !bytes.is_empty() {
        out.push(Piece::Bytes(bytes));
    }
    let missing = there - bytes.len() as u64;
    if missing > 0 {
        out.push(Piece::Missing(missing));
    }
}

/// The buffers of an iovec, up to the first that is empty.
fn buffers<'a>(
    out: &mut Pieces<'a>,
    cx: &Cx<'_, 'a>,
    vector: Option<&Captured<'a>>,
    mut left: u64,
) {
    let word = cx.abi.word_bytes() as usize;
    let whole = vector.filter(|vector| !is_partial(vector));
    let vector = whole.map(|vector| vector.bytes).unwrap_or_default();
    for (i, element) in vector.chunks_exact(2 * word).enumerate() {
        let (base, len) = element.split_at(word);
        let here = number(len).min(left);
        if here == 0 {
            break;
        }
        left -= here;
        out.push(Piece::Buffer(i, here));
        data(out, cx, number(base), here);
    }
}

/// `struct msghdr`: the third and fourth words are its iovec.
fn message<'a>(out: &mut Pieces<'a>, cx: &Cx<'_, 'a>, header: Option<&'a [u8]>, left: u64) {
    let word = cx.abi.word_bytes() as usize;
    let member = |i: usize| header.and_then(|header| number_at(header, i * word, word));
    let (Some(iov), Some(count)) = (member(2), member(3)) else {
        return;
    };
    if let Some(mut vector) = cx.at(iov).filter(|_| iov != 0).copied() {
        // Other messages may share its first elements.
        let most = usize::try_from(count)
            .unwrap_or(usize::MAX)
            .saturating_mul(2 * word);
        vector.bytes = vector.bytes.get(..most).unwrap_or(vector.bytes);
        buffers(out, cx, Some(&vector), left);
    }
}

fn messages<'a>(out: &mut Pieces<'a>, cx: &Cx<'_, 'a>, dir: Dir) {
    let word = cx.abi.word_bytes() as usize;
    let vector = cx.at(cx.register(cx.index)).map(|c| c.bytes);
    let most = if cx.failed() {
        usize::MAX
    } else {
        cx.call.record.ret.max(0) as usize
    };
    let headers = vector.unwrap_or_default().chunks_exact(8 * word).take(most);
    for (i, header) in headers.enumerate() {
        let count = number_at(header, 3 * word, word).unwrap_or(0);
        let len = number_at(header, 7 * word, 4).unwrap_or(0);
        out.push(Piece::Vector(i, count));
        message(out, cx, Some(header), limit(dir, len as i64));
    }
}
