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
        if after.get("features") != fields.get("features") {
            out.push(Value::Becomes);
            after.show(out, cx, "features");
        }
        out.push(Value::Field("ioctls"));
        out.push(shifted(SetId::UffdIoctls, after.get("ioctls")));
    }
    out.push(Value::StructClose);
}

fn shifted(set: SetId, bits: u64) -> Value<'static> {
    Value::Shifted(tables::set(set), bits)
}

/// UFFDIO_REGISTER: the requests that a range allows.
pub fn uffd_ranges<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    if let Some(bits) = number_at(bytes, 0, 8) {
        out.push(shifted(SetId::UffdRangeIoctls, bits));
    }
}

/// `struct loop_info64`: the file and what it is encrypted by, or with `-v` all of it.
pub fn loop_info<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let devices: &[&str] = &["lo_device", "lo_inode", "lo_rdevice"];
    let Some(fields) = Fields::new(StructId::LoopInfo64, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    if cx.options.verbose {
        fields.show_all(out, cx, devices);
    }
    fields.show(out, cx, "lo_offset");
    if cx.options.verbose {
        fields.show(out, cx, "lo_sizelimit");
    }
    fields.show(out, cx, "lo_number");
    let names = ["lo_flags", "lo_file_name", "lo_crypt_name"];
    encrypted(out, cx, &fields, &names);
}

/// The older `struct loop_info`.
pub fn old_loop_info<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(fields) = Fields::new(StructId::LoopInfo, cx.abi, bytes) else {
        return;
    };
    out.push(Value::StructOpen);
    fields.show(out, cx, "lo_number");
    if cx.options.verbose {
        fields.show_all(out, cx, &["lo_device", "lo_inode", "lo_rdevice"]);
    }
    fields.show(out, cx, "lo_offset");
    encrypted(out, cx, &fields, &["lo_flags", "lo_name"]);
}

/// The members from the encryption on: flags, the file's name, and a name that only counts where there is encryption.
fn encrypted<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, names: &[&'static str]) {
    let is = cx.options.verbose || fields.get("lo_encrypt_type") != 0;
    if is {
        fields.show_all(out, cx, &["lo_encrypt_type", "lo_encrypt_key_size"]);
    }
    fields.show_all(out, cx, if is { names } else { &names[..2] });
    if is {
        let size = usize::try_from(fields.get("lo_encrypt_key_size")).unwrap_or(usize::MAX);
        let key = fields.bytes("lo_encrypt_key");
        out.push(Value::Field("lo_encrypt_key"));
        out.push(Value::Bytes {
            bytes: key.get(..size).unwrap_or(key),
            cut: false,
        });
    }
    if cx.options.verbose {
        fields.show(out, cx, "lo_init");
    } else {
        out.push(Value::More);
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
    let captured = cx.at_after(list).map(|captured| captured.bytes);
    // Where not even one is, nothing is looked for.
    let is_none = (0..one as i64).contains(&signed(after.unwrap_or(len), 4));
    let captured = captured.or(is_none.then_some(&[][..]));
    let Some(captured) = captured.filter(|_| cx.succeeded() && list != 0) else {
        out.push(Value::Addr(list));
        out.push(Value::StructClose);
        return;
    };
    out.push(Value::ListOpen);
    for interface in captured.chunks_exact(one) {
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

/// FIDEDUPERANGE: `struct file_dedupe_range` and its `dest_count` destinations, and what came of them.
pub fn dedupe_range<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let Some(count) = number_at(bytes, 16, 2) else {
        return;
    };
    out.push(Value::StructOpen);
    for (name, at) in [("src_offset", 0), ("src_length", 8)] {
        out.push(Value::Field(name));
        out.push(Value::Uint(number_at(bytes, at, 8).unwrap_or(0)));
    }
    out.push(Value::Field("dest_count"));
    out.push(Value::Uint(count));
    destinations(out, cx, bytes, count as usize, |out, one| {
        out.push(Value::Field("dest_fd"));
        out.push(Value::Int(signed(number_at(one, 0, 4).unwrap_or(0), 4)));
        out.push(Value::Field("dest_offset"));
        out.push(Value::Uint(number_at(one, 8, 8).unwrap_or(0)));
    });
    out.push(Value::StructClose);
    let Some(after) = cx.bytes_after().filter(|_| cx.succeeded() && count > 0) else {
        return;
    };
    out.push(Value::Becomes);
    out.push(Value::StructOpen);
    destinations(out, cx, after, count as usize, |out, one| {
        out.push(Value::Field("bytes_deduped"));
        out.push(Value::Uint(number_at(one, 16, 8).unwrap_or(0)));
        out.push(Value::Field("status"));
        out.push(Value::Int(signed(number_at(one, 24, 4).unwrap_or(0), 4)));
    });
    out.push(Value::StructClose);
}

fn destinations<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    bytes: &'a [u8],
    count: usize,
    show: impl Fn(&mut Args<'a>, &'a [u8]),
) {
    const HEADER: usize = 24;
    const ONE: usize = 32;
    /// strace shows so many without `-v`.
    const FEW: usize = 2;
    let most = if cx.options.verbose { count } else { FEW };
    out.push(Value::Field("info"));
    let rest = bytes.get(HEADER..).unwrap_or_default();
    out.list(rest.chunks_exact(ONE), (count, most), |out, info| {
        out.push(Value::StructOpen);
        show(out, info);
        out.push(Value::StructClose);
    });
}

/// FS_IOC_GETFSUUID: as many bytes as it says.
pub fn uuid<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    sized(out, bytes, "uuid", |bytes, len| Value::Binary {
        bytes: bytes.get(..len).unwrap_or(bytes),
        cut: false,
    });
}

/// FS_IOC_GETFSSYSFSPATH: the same of a name, which a NUL ends.
pub fn sysfs_path<'a>(out: &mut Args<'a>, _: &Cx<'_, 'a>, bytes: &'a [u8]) {
    sized(out, bytes, "name", |bytes, len| {
        let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        Value::Bytes {
            bytes: text.get(..len).unwrap_or(text),
            cut: !bytes.get(..=len).unwrap_or(bytes).contains(&0),
        }
    });
}

fn sized<'a>(
    out: &mut Args<'a>,
    bytes: &'a [u8],
    name: &'static str,
    value: impl Fn(&'a [u8], usize) -> Value<'a>,
) {
    let Some((len, rest)) = bytes.split_first() else {
        return;
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("len"));
    out.push(Value::Uint((*len).into()));
    out.push(Value::Field(name));
    out.push(value(rest, usize::from(*len)));
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
