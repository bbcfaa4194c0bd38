//! poll, epoll and select, and what came back from them.

use super::{
    cx::{Cx, number_at},
    value::{Args, Value},
};
use crate::tables::{self, SetId};

/// poll(2): of a descriptor that is negative, and so left out, nothing else counts.
pub fn pollfd<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    entry(out, bytes, "events", 4);
}

fn entry(out: &mut Args<'_>, bytes: &[u8], name: &'static str, at: usize) {
    let (Some(fd), Some(events)) = (number_at(bytes, 0, 4), number_at(bytes, at, 2)) else {
        return;
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("fd"));
    out.push(Value::Fd(fd as i32));
    if fd as i32 >= 0 {
        out.push(Value::Field(name));
        out.push(Value::Set(tables::set(SetId::PollEvents), events));
    }
    out.push(Value::StructClose);
}

/// The descriptors that are ready, `[{fd=3, revents=POLLIN}]`.
pub fn ready(out: &mut Args<'_>, bytes: &[u8], most: usize) {
    out.push(Value::ListOpen);
    let is_ready = |e: &&[u8]| {
        number_at(e, 6, 2) != Some(0) && number_at(e, 0, 4).is_some_and(|fd| fd as i32 >= 0)
    };
    for (i, one) in bytes.chunks_exact(8).filter(is_ready).enumerate() {
        if i == most {
            out.push(Value::More);
            break;
        }
        entry(out, one, "revents", 6);
    }
    out.push(Value::ListClose);
}

/// epoll_ctl(2): the data is whatever the program wants, shown both ways.
pub fn epoll_event<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let (Some(events), Some(data)) = (number_at(bytes, 0, 4), number_at(bytes, 4, 8)) else {
        return;
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("events"));
    out.push(Value::Set(tables::set(SetId::EpollEvents), events));
    out.push(Value::Field("data"));
    out.push(Value::StructOpen);
    out.push(Value::Field("u32"));
    out.push(Value::Uint(data & 0xffff_ffff));
    out.push(Value::Field("u64"));
    out.push(Value::Uint(data));
    out.push(Value::StructClose);
    out.push(Value::StructClose);
}
