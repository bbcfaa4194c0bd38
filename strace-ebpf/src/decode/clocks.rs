//! Structures of PTP clocks' requests, include/uapi/linux/ptp_clock.h, and times that are shown with their date.

use super::{
    cx::{Cx, number_at},
    structs::Fields,
    value::{Args, Value},
};
use crate::tables::{self, SetId, StructId};

/// A structure of seconds and nanoseconds, and the date that they are, if they are one.
pub fn dated<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, id: StructId, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(id, cx.abi, bytes) else {
        return;
    };
    fields.show_whole(out, cx);
    let (seconds, nanos) = (fields.get("sec"), fields.get("nsec"));
    if (seconds, nanos) != (0, 0) && nanos < 1_000_000_000 {
        out.push(Value::Date(seconds as i64, nanos as u32, 9));
    }
}

/// `struct ptp_clock_time`.
pub fn time<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    dated(out, cx, StructId::PtpTime, bytes);
}

/// `struct ptp_sys_offset`: of the system and of the clock by turns, one more of the system.
pub fn offsets<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const FIRST: usize = 16;
    const ONE: usize = 16;
    const MOST: u64 = 25;
    let Some(fields) = Fields::new(StructId::PtpOffset, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["n_samples", "rsv"]);
    if cx.succeeded() {
        let times = 2 * fields.get("n_samples").min(MOST) + 1;
        let times = (times as usize).min(51);
        out.push(Value::Field("ts"));
        out.push(Value::ListOpen);
        let rest = bytes.get(FIRST..).unwrap_or_default();
        for (i, one) in rest.chunks_exact(ONE).take(times).enumerate() {
            if i >= cx.options.most() {
                out.push(Value::More);
                break;
            }
            time(out, cx, one);
        }
        out.push(Value::ListClose);
    }
    out.push(Value::StructClose);
}

/// `struct tee_ioctl_version_data`: the implementation says what its capabilities are.
pub fn environment<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const OPTEE: u64 = 1;
    let Some(fields) = Fields::new(StructId::TeeVersion, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["impl_id", "gen_caps"]);
    if fields.get("impl_id") == OPTEE {
        let set = tables::set(SetId::TeeOpteeCapabilities);
        out.push(Value::Field("impl_caps"));
        out.push(Value::Wide(set, fields.get("impl_caps")));
    } else {
        fields.show(out, cx, "impl_caps");
    }
    out.push(Value::StructClose);
}

/// PERF_EVENT_IOC_QUERY_BPF: the programs, if it could tell.
pub fn programs<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    if cx.succeeded()
        && let Some(fields) = Fields::some(StructId::PerfPrograms, cx.abi, bytes)
    {
        fields.show_whole(out, cx);
        return;
    }
    let Some(room) = number_at(bytes, 0, 4) else {
        return;
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("ids_len"));
    out.push(Value::Uint(room));
    out.push(Value::More);
    out.push(Value::StructClose);
}
