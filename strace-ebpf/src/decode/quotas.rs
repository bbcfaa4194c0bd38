//! quotactl(2): what its rows cannot say.

use super::{
    cx::Cx,
    structs::Fields,
    value::{Args, Value},
};
use crate::tables::StructId;

/// Limits and use of the next one that has any: who that is stands last, or without `-v` before what is left out.
pub fn next<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::IfNextdqblk, cx.abi, bytes) else {
        return;
    };
    let limits = [
        "dqb_bhardlimit",
        "dqb_bsoftlimit",
        "dqb_curspace",
        "dqb_ihardlimit",
        "dqb_isoftlimit",
        "dqb_curinodes",
    ];
    let times = ["dqb_btime", "dqb_itime", "dqb_valid"];
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &limits);
    if cx.options.verbose {
        fields.show_all(out, cx, &times);
    }
    fields.show(out, cx, "dqb_id");
    if !cx.options.verbose {
        out.push(Value::More);
    }
    out.push(Value::StructClose);
}
