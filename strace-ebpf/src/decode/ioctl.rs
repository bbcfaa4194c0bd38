//! Structures of ioctl(2) of which the kernel writes a part, or that end with as many elements as they say.

use super::{
    cx::{Cx, number_at, signed},
    sockaddr,
    structs::Fields,
    value::{Args, Value},
};
use crate::tables::{self, SetId, StructId};

/// FS_IOC_FIEMAP: what was asked for, and what came of it.
pub fn fiemap<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::Fiemap, cx.abi, bytes) else {
        return;
    };
    let asked = ["fm_start", "fm_length", "fm_flags", "fm_extent_count"];
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &asked);
    out.push(Value::StructClose);
    let after = cx.bytes_after().filter(|_| cx.succeeded());
    if let Some(after) = after.and_then(|b| Fields::new(StructId::Fiemap, cx.abi, b)) {
        out.push(Value::Becomes);
        out.push(Value::StructOpen);
        after.show_all(out, cx, &["fm_flags", "fm_mapped_extents"]);
        out.push(Value::More);
        out.push(Value::StructClose);
    }
}

/// UFFDIO_API: features that were asked for, and those that there are.
pub fn uffd_api<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::UffdioApi, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show_all(out, cx, &["api", "features"]);
    let after = cx.bytes_after().filter(|_| cx.succeeded());
    if let Some(after) = after.and_then(|b| Fields::new(StructId::UffdioApi, cx.abi, b)) {
        out.push(Value::Becomes);
        after.show(out, cx, "features");
        out.push(Value::Field("ioctls"));
        out.push(shifted(after.get("ioctls")));
    }
    out.push(Value::StructClose);
}

fn shifted(bits: u64) -> Value<'static> {
    Value::Shifted(tables::set(SetId::UffdIoctls), bits)
}

/// UFFDIO_REGISTER: the requests that a range allows.
pub fn uffd_ranges<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    if let Some(bits) = number_at(bytes, 0, 8) {
        out.push(shifted(bits));
    }
}

/// `struct loop_info64`: the file, or with `-v` all of it.
pub fn loop_info<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::LoopInfo64, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    if cx.options.verbose {
        let all = [
            "lo_device",
            "lo_inode",
            "lo_rdevice",
            "lo_offset",
            "lo_sizelimit",
            "lo_number",
        ];
        fields.show_all(out, cx, &all);
        fields.show_all(
            out,
            cx,
            &["lo_encrypt_type", "lo_encrypt_key_size", "lo_flags"],
        );
        fields.show_all(out, cx, &["lo_file_name", "lo_crypt_name"]);
        // `lo_encrypt_key` of `include/uapi/linux/loop.h`, as much of it as is said to be there.
        let size = (fields.get("lo_encrypt_key_size") as usize).min(32);
        out.push(Value::Field("lo_encrypt_key"));
        out.push(Value::Bytes {
            bytes: bytes.get(184..184 + size).unwrap_or_default(),
            cut: false,
        });
        fields.show(out, cx, "lo_init");
    } else {
        fields.show_all(
            out,
            cx,
            &["lo_offset", "lo_number", "lo_flags", "lo_file_name"],
        );
        out.push(Value::More);
    }
    out.push(Value::StructClose);
}

/// `SIOCGIFNAME`: the number is asked for, the name comes back.
pub fn interface_name<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::IfreqName, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show(out, cx, "ifr_ifindex");
    if cx.succeeded() {
        fields.show(out, cx, "ifr_name");
    }
    out.push(Value::StructClose);
}

/// SIOCGIFCONF: `struct ifconf`, a `struct ifreq` for each address.
pub fn interfaces<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const NAME: usize = 16;
    let word = cx.abi.word_bytes() as usize;
    let one = NAME + 3 * word.max(5);
    let one = if word == 8 { one } else { 32 };
    let (Some(len), Some(list)) = (number_at(bytes, 0, 4), number_at(bytes, word, word)) else {
        return;
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("ifc_len"));
    length(out, len, one);
    let after = cx.bytes_after().and_then(|bytes| number_at(bytes, 0, 4));
    if let Some(after) = after.filter(|after| cx.succeeded() && *after != len) {
        out.push(Value::Becomes);
        length(out, after, one);
    }
    out.push(Value::Field("ifc_buf"));
    let captured = cx.at_after(list).filter(|_| cx.succeeded() && list != 0);
    let Some(captured) = captured else {
        out.push(Value::Addr(list));
        out.push(Value::StructClose);
        return;
    };
    out.push(Value::ListOpen);
    for interface in captured.bytes.chunks_exact(one) {
        let (name, address) = interface.split_at(NAME);
        out.push(Value::StructOpen);
        out.push(Value::Field("ifr_name"));
        out.push(Value::Bytes {
            bytes: name.split(|&b| b == 0).next().unwrap_or_default(),
            cut: false,
        });
        out.push(Value::Field("ifr_addr"));
        sockaddr::address(out, cx, address.get(..16).unwrap_or(address));
        out.push(Value::StructClose);
    }
    out.push(Value::ListClose);
    out.push(Value::StructClose);
}

/// Bytes of a list, and how many elements they are.
fn length(out: &mut Args<'_>, len: u64, one: usize) {
    out.push(Value::Int(signed(len, 4)));
    if len > 0 && (len as usize).is_multiple_of(one) {
        out.push(Value::Count(len / one as u64, "* sizeof(struct ifreq)"));
    }
}

/// FIDEDUPERANGE: `struct file_dedupe_range` and its `dest_count` destinations.
pub fn dedupe_range<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const HEADER: usize = 24;
    const ONE: usize = 32;
    let get = |at, width| number_at(bytes, at, width).unwrap_or(0);
    if bytes.len() < HEADER {
        return;
    }
    let count = get(16, 2) as usize;
    out.push(Value::StructOpen);
    for (name, at, width) in [
        ("src_offset", 0, 8),
        ("src_length", 8, 8),
        ("dest_count", 16, 2),
    ] {
        out.push(Value::Field(name));
        out.push(Value::Uint(get(at, width)));
    }
    out.push(Value::Field("info"));
    out.push(Value::ListOpen);
    let rest = bytes.get(HEADER..).unwrap_or_default();
    for info in rest.chunks_exact(ONE).take(count.min(cx.options.elements)) {
        out.push(Value::StructOpen);
        out.push(Value::Field("dest_fd"));
        // A descriptor in 64 bits.
        out.push(Value::Int(number_at(info, 0, 8).unwrap_or(0) as i64));
        out.push(Value::Field("dest_offset"));
        out.push(Value::Uint(number_at(info, 8, 8).unwrap_or(0)));
        out.push(Value::StructClose);
    }
    if count > (rest.len() / ONE).min(cx.options.elements) {
        out.push(Value::More);
    }
    out.push(Value::ListClose);
    out.push(Value::StructClose);
}

/// RNDADDENTROPY: `struct rand_pool_info` and its bytes.
pub fn entropy<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    const HEADER: usize = 8;
    let (Some(entropy), Some(size)) = (number_at(bytes, 0, 4), number_at(bytes, 4, 4)) else {
        return;
    };
    let rest = bytes.get(HEADER..).unwrap_or_default();
    let shown = rest.len().min(size as usize).min(cx.options.string);
    out.push(Value::StructOpen);
    out.push(Value::Field("entropy_count"));
    out.push(Value::Int(signed(entropy, 4)));
    out.push(Value::Field("buf_size"));
    out.push(Value::Int(signed(size, 4)));
    out.push(Value::Field("buf"));
    out.push(Value::Bytes {
        bytes: rest.get(..shown).unwrap_or_default(),
        cut: (shown as u64) < size,
    });
    out.push(Value::StructClose);
}
