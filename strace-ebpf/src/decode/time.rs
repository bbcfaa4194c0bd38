//! Times of files: utimensat(2), utimes(2).

use super::{
    cx::{Cx, number_at, signed},
    value::{Args, Value},
};
use crate::tables::{self, StructId};

/// `include/uapi/linux/stat.h`, since Linux 2.6.22.
const UTIME_NOW: u64 = 0x3fff_ffff;
const UTIME_OMIT: u64 = 0x3fff_fffe;

/// Access and modification time, each with its date.
pub fn pair<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, id: StructId, bytes: &'a [u8]) {
    let size = tables::struct_size(id, cx.abi) as usize;
    out.push(Value::ListOpen);
    for (i, one) in bytes.chunks_exact(size.max(1)).take(2).enumerate() {
        if i >= cx.options.most() {
            out.push(Value::More);
            break;
        }
        let (seconds, fraction) = one.split_at(size / 2);
        let seconds = signed(number_at(seconds, 0, size / 2).unwrap_or(0), size / 2);
        let fraction = number_at(fraction, 0, size / 2).unwrap_or(0);
        let is_nanos = id != StructId::Timeval;
        match fraction {
            UTIME_NOW if is_nanos => out.push(Value::Utime("UTIME_NOW", seconds, fraction)),
            UTIME_OMIT if is_nanos => out.push(Value::Utime("UTIME_OMIT", seconds, fraction)),
            _ => {
                out.push(Value::StructOpen);
                out.push(Value::Field("tv_sec"));
                out.push(Value::Int(seconds));
                out.push(Value::Field(if is_nanos { "tv_nsec" } else { "tv_usec" }));
                out.push(Value::Uint(fraction));
                out.push(Value::StructClose);
                let (most, digits) = if is_nanos {
                    (999_999_999, 9)
                } else {
                    (999_999, 6)
                };
                if fraction <= most && (seconds != 0 || fraction != 0) {
                    out.push(Value::Date(seconds, fraction as u32, digits));
                }
            }
        }
    }
    out.push(Value::ListClose);
}
