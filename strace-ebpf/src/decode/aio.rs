//! Asynchronous I/O: io_submit(2), io_cancel(2).

use super::{
    arrays,
    cx::{Cx, is_cut, is_partial},
    structs::{self, Fields},
    value::{Args, Value},
    vectors,
};
use crate::{
    session::parse::Captured,
    tables::{self, Dir, SetId, StructId, Ty},
};

// `include/uapi/linux/aio_abi.h`.
const IOCB_CMD_PREAD: u64 = 0;
const IOCB_CMD_PWRITE: u64 = 1;
const IOCB_CMD_POLL: u64 = 5;
const IOCB_CMD_PREADV: u64 = 7;
const IOCB_CMD_PWRITEV: u64 = 8;
const IOCB_FLAG_RESFD: u64 = 1;
const IOCB_FLAG_IOPRIO: u64 = 2;

/// One request: what its opcode makes count, and of one that is cancelled only what tells which it is.
pub fn iocb<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::Iocb, cx.abi, bytes) else {
        return;
    };
    let (opcode, flags) = (fields.get("aio_lio_opcode"), fields.get("aio_flags"));
    out.push(Value::StructOpen);
    fields.show(out, cx, "aio_data");
    for name in ["aio_key", "aio_rw_flags"] {
        if fields.get(name) != 0 {
            fields.show(out, cx, name);
        }
    }
    out.push(Value::Field("aio_lio_opcode"));
    // A member of 16 bits.
    out.push(match tables::set(SetId::IocbCmd).name_of(opcode) {
        Some(name) => Value::Number(name, opcode as i32),
        None => Value::Unnamed("IOCB_CMD_???", opcode as i32),
    });
    priority(out, cx, &fields, flags);
    fields.show(out, cx, "aio_fildes");
    if !is_cancelled(cx) {
        transfer(out, cx, &fields, opcode, flags);
    }
    out.push(Value::StructClose);
}

/// Does the call take the request itself, and not pointers to some?
fn is_cancelled(cx: &Cx<'_, '_>) -> bool {
    let arg = cx.args.get(usize::from(cx.index));
    matches!(arg.map(|arg| arg.ty), Some(Ty::Struct { .. }))
}

fn priority<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, flags: u64) {
    let priority = fields.get("aio_reqprio");
    if flags & IOCB_FLAG_IOPRIO != 0 {
        // `include/uapi/linux/ioprio.h`.
        const CLASS_SHIFT: u64 = 13;
        let set = tables::set(SetId::IoprioClass);
        out.push(Value::Field("aio_reqprio"));
        out.push(Value::Wire((priority as u32).to_le_bytes(), 3));
        out.push(Value::CallOpen("IOPRIO_PRIO_VALUE"));
        out.push(Value::Set(set, priority >> CLASS_SHIFT));
        out.push(Value::Uint(priority & ((1 << CLASS_SHIFT) - 1)));
        out.push(Value::CallClose);
    } else if priority != 0 {
        fields.show(out, cx, "aio_reqprio");
    }
}

/// Buffer, length, place in the file; flags only of those that have a buffer.
fn transfer<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, opcode: u64, flags: u64) {
    let (addr, length) = (fields.get("aio_buf"), fields.get("aio_nbytes"));
    match opcode {
        IOCB_CMD_PREAD | IOCB_CMD_PWRITE => {
            out.push(Value::Field("aio_buf"));
            out.push(match cx.at(addr) {
                Some(buffer) if opcode == IOCB_CMD_PWRITE => {
                    vectors::bytes_of(buffer.bytes, length, cx.options.string)
                }
                _ if opcode == IOCB_CMD_PWRITE && length == 0 && addr != 0 => Value::Bytes {
                    bytes: &[],
                    cut: false,
                },
                _ => Value::Hex(addr),
            });
            fields.show_all(out, cx, &["aio_nbytes", "aio_offset"]);
        }
        IOCB_CMD_PREADV | IOCB_CMD_PWRITEV => {
            out.push(Value::Field("aio_buf"));
            match cx.at(addr) {
                _ if length == 0 => {
                    out.push(Value::ListOpen);
                    out.push(Value::ListClose);
                }
                Some(vector) if opcode == IOCB_CMD_PWRITEV => {
                    vectors::iovec_array(out, cx, vector, Dir::In, 0);
                }
                Some(vector) => room(out, cx, vector),
                None => out.push(Value::Addr(addr)),
            }
            fields.show(out, cx, "aio_offset");
        }
        IOCB_CMD_POLL => {
            out.push(Value::Field("aio_buf"));
            out.push(Value::Set(tables::set(SetId::PollEvents), addr));
            return;
        }
        _ => return,
    }
    if flags != 0 {
        fields.show(out, cx, "aio_flags");
    }
    let told = fields.get("aio_resfd");
    if flags & IOCB_FLAG_RESFD != 0 {
        fields.show(out, cx, "aio_resfd");
    } else if told != 0 {
        // No descriptor is told, so that it is none.
        out.push(Value::Field("aio_resfd"));
        out.push(Value::Hex(told));
    }
}

/// The buffers that are read into, which nothing has been read into yet.
fn room<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, vector: &Captured<'a>) {
    let size = (tables::struct_size(StructId::Iovec, cx.abi) as usize).max(1);
    let shown = vector.bytes.chunks_exact(size).take(cx.options.elements);
    out.push(Value::ListOpen);
    for one in shown.clone() {
        structs::structure(out, cx, StructId::Iovec, 0, one);
    }
    if is_cut(vector) || is_partial(vector) {
        out.push(arrays::more(vector, shown.len() * size, size));
    }
    out.push(Value::ListClose);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_where_the_plan_looks_for_them() {
        let mut bytes = [0; 64];
        bytes[16] = 1;
        bytes[24] = 2;
        bytes[32] = 3;
        let fields = Fields::new(StructId::Iocb, tables::Abi::I386, &bytes).expect("whole");
        let all = ["aio_lio_opcode", "aio_buf", "aio_nbytes"].map(|name| fields.get(name));
        assert_eq!(all, [1, 2, 3]);
    }
}
