//! Addresses of sockets, by their family: unix(7), ip(7), ipv6(7), netlink(7), packet(7), vsock(7), and those whose members
//! are rows of the tables.

use super::{
    cx::{Cx, number_at, signed},
    structs::{self, Fields},
    value::{Args, Value},
};
use crate::tables::{self, Len, SetId, StructId, Ty};

const AF_UNIX: u64 = 1;
pub const AF_INET: u64 = 2;
const AF_AX25: u64 = 3;
/// `struct sockaddr_ax25`.
const AX25_BYTES: usize = 16;
pub const AF_INET6: u64 = 10;
const AF_NETLINK: u64 = 16;
const AF_PACKET: u64 = 17;

/// Writes the members of an address, which are all there.
type Show = for<'a> fn(&mut Args<'a>, &Cx<'_, 'a>, &Fields<'a>, &'a [u8]);

/// An address that is shown by its members.
struct Family {
    /// `AF_*`
    number: u64,
    /// Shorter ones are shown as bytes.
    least: usize,
    /// Longer ones are of another protocol of the family.
    most: usize,
    id: StructId,
    show: Show,
}

const ANY: usize = usize::MAX;

const fn family(number: u64, sizes: (usize, usize), id: StructId, show: Show) -> Family {
    Family {
        number,
        least: sizes.0,
        most: sizes.1,
        id,
        show,
    }
}

const FAMILIES: &[Family] = &[
    family(4, (16, ANY), StructId::SockaddrIpx, ipx),
    family(9, (18, ANY), StructId::SockaddrX25, all),
    family(30, (16, ANY), StructId::SockaddrTipc, tipc),
    // The protocols of Bluetooth are told apart by the length alone.
    family(31, (4, 4), StructId::SockaddrHci, all),
    family(31, (6, 6), StructId::SockaddrHci, all),
    family(31, (8, 8), StructId::SockaddrSco, all),
    family(31, (10, 10), StructId::SockaddrRc, all),
    family(31, (12, 12), StructId::SockaddrL2, l2cap),
    family(31, (14, 14), StructId::SockaddrL2, l2cap),
    family(33, (36, ANY), StructId::SockaddrRxrpc, rxrpc),
    family(36, (20, ANY), StructId::SockaddrIeee802154, ieee802154),
    family(38, (25, ANY), StructId::SockaddrAlg, alg),
    family(39, (16, ANY), StructId::SockaddrNfc, nfc),
    family(40, (16, ANY), StructId::SockaddrVm, vsock),
    family(42, (12, ANY), StructId::SockaddrQrtr, all),
    family(44, (16, ANY), StructId::SockaddrXdp, xdp),
    family(45, (12, ANY), StructId::SockaddrMctp, mctp),
];

/// An address that an argument points to. Of what the kernel writes no more counts than the caller had room for.
pub fn sockaddr<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    let mut bytes = bytes;
    if let Some(Ty::Struct {
        len: Some(Len::ArgPtr32(n)),
        ..
    }) = cx.args.get(usize::from(cx.index)).map(|arg| arg.ty)
    {
        let room = super::cx::before(cx.call, n);
        let room = room.first().and_then(|c| number_at(c.bytes, 0, 4));
        if room.is_some_and(|room| (room as i32) < 0) {
            return;
        }
        let room = room.map_or(usize::MAX, |room| room as usize);
        bytes = bytes.get(..bytes.len().min(room)).unwrap_or_default();
    }
    address(out, cx, bytes);
}

/// An address by its family; nothing when it is too short to have one.
pub fn address<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, bytes: &'a [u8]) {
    // `struct sockaddr_storage`.
    const MOST: usize = 128;
    let bytes = bytes.get(..MOST).unwrap_or(bytes);
    let (Some(family), true) = (number_at(bytes, 0, 2), bytes.len() >= 2) else {
        return;
    };
    out.push(Value::StructOpen);
    out.push(Value::Field("sa_family"));
    out.push(Value::Set(tables::set(SetId::SockDomain), family));
    let rest = bytes.get(2..).unwrap_or_default();
    match family {
        AF_UNIX => unix(out, rest),
        AF_INET if bytes.len() >= 16 => inet(out, bytes),
        AF_AX25 if bytes.len() >= AX25_BYTES => ax25(out, bytes),
        AF_INET6 if bytes.len() >= 24 => inet6(out, bytes),
        AF_NETLINK if bytes.len() >= 12 => netlink(out, bytes),
        AF_PACKET if bytes.len() >= 20 => packet(out, bytes),
        _ if by_members(out, cx, family, bytes) => {}
        _ if !rest.is_empty() => {
            out.push(Value::Field("sa_data"));
            out.push(Value::Bytes {
                bytes: rest,
                cut: false,
            });
        }
        _ => {}
    }
    out.push(Value::StructClose);
}

/// `struct sockaddr_ax25`, or where it is longer `struct full_sockaddr_ax25` with the stations in between:
/// include/uapi/linux/ax25.h.
fn ax25<'a>(out: &mut Args<'a>, bytes: &'a [u8]) {
    const COUNT_AT: usize = 12;
    const CALL: usize = 7;
    /// `AX25_MAX_DIGIS`.
    const MOST: usize = 8;
    let count = signed(number_at(bytes, COUNT_AT, 4).unwrap_or(0), 4);
    let station = |out: &mut Args<'a>| {
        out.push(Value::Field("sax25_call"));
        out.push(Value::Callsign(array(bytes, 2)));
        out.push(Value::Field("sax25_ndigis"));
        out.push(Value::Int(count));
    };
    let rest = bytes.get(AX25_BYTES..).unwrap_or_default();
    if rest.is_empty() && count == 0 {
        return station(out);
    }
    out.push(Value::Field("fsa_ax25"));
    out.push(Value::StructOpen);
    station(out);
    out.push(Value::StructClose);
    let count = usize::try_from(count).unwrap_or(0).min(MOST);
    if count > 0 {
        out.push(Value::Field("fsa_digipeater"));
        out.push(Value::ListOpen);
        let calls = rest.chunks_exact(CALL).take(count);
        calls.for_each(|call| out.push(Value::Callsign(array(call, 0))));
        if rest.len() / CALL < count {
            out.push(Value::More);
        }
        out.push(Value::ListClose);
    }
    if rest.len() % CALL != 0 || rest.len() > MOST * CALL {
        out.push(Value::More);
    }
}

/// A path up to its NUL, or a name that begins with one and is as long as it is.
fn unix<'a>(out: &mut Args<'a>, path: &'a [u8]) {
    /// Of `sun_path`.
    const MOST: usize = 108;
    if path.is_empty() {
        return;
    }
    out.push(Value::Field("sun_path"));
    if let [0, name @ ..] = path {
        out.push(Value::At);
        out.push(Value::Bytes {
            bytes: name.get(..name.len().min(MOST - 1)).unwrap_or_default(),
            cut: false,
        });
        return;
    }
    let own = path.get(..path.len().min(MOST)).unwrap_or_default();
    out.push(Value::Bytes {
        bytes: own.split(|&b| b == 0).next().unwrap_or_default(),
        cut: false,
    });
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let own = bytes.get(at..at + N).and_then(|own| own.try_into().ok());
    own.unwrap_or([0; N])
}

/// A member in network byte order, by the call that makes it.
fn call<'a, const N: usize>(
    out: &mut Args<'a>,
    field: &'static str,
    name: &'static str,
    own: [u8; N],
    value: Value<'a>,
) {
    out.push(Value::Field(field));
    let mut wire = [0; 4];
    for (to, from) in wire.iter_mut().zip(own) {
        *to = from;
    }
    // Two or four.
    out.push(Value::Wire(wire, N as u8));
    out.push(Value::CallOpen(name));
    out.push(value);
    out.push(Value::CallClose);
}

fn port(out: &mut Args<'_>, name: &'static str, bytes: &[u8]) {
    let own: [u8; 2] = array(bytes, 2);
    let port = u16::from_be_bytes(own);
    call(out, name, "htons", own, Value::Uint(port.into()));
}

fn inet<'a>(out: &mut Args<'a>, bytes: &'a [u8]) {
    port(out, "sin_port", bytes);
    let address = array(bytes, 4);
    call(out, "sin_addr", "inet_addr", address, Value::Inet(address));
}

fn inet6<'a>(out: &mut Args<'a>, bytes: &'a [u8]) {
    port(out, "sin6_port", bytes);
    let flow: [u8; 4] = array(bytes, 4);
    let number = u32::from_be_bytes(flow);
    call(
        out,
        "sin6_flowinfo",
        "htonl",
        flow,
        Value::Uint(number.into()),
    );
    out.push(Value::InetPton6("sin6_addr", array(bytes, 8)));
    // Of one that is cut within what is there counts.
    let scope = bytes.get(24..bytes.len().min(28)).unwrap_or_default();
    if !scope.is_empty() {
        let scope = super::cx::number(scope);
        out.push(Value::Field("sin6_scope_id"));
        out.push(match array::<2>(bytes, 8) {
            // Addresses that mean something on one link only: fe80::/10, ff02::/16 whatever its flags.
            [0xfe, 0x80..0xc0] | [0xff, 0x02 | 0x12 | 0x22 | 0x32] => {
                Value::Interface(scope as u32, [0; 16])
            }
            _ => Value::Uint(scope),
        });
    }
}

fn netlink<'a>(out: &mut Args<'a>, bytes: &'a [u8]) {
    let get = |at| number_at(bytes, at, 4).unwrap_or(0);
    if let Some(padding @ 1..) = number_at(bytes, 2, 2) {
        out.push(Value::Field("nl_pad"));
        out.push(Value::Hex(padding));
    }
    out.push(Value::Field("nl_pid"));
    out.push(Value::Int(signed(get(4), 4)));
    out.push(Value::Field("nl_groups"));
    out.push(Value::Hex6(get(8)));
}

fn packet<'a>(out: &mut Args<'a>, bytes: &'a [u8]) {
    let get = |at, width| number_at(bytes, at, width).unwrap_or(0);
    let protocol = tables::set(SetId::EthernetProtocol);
    let own: [u8; 2] = array(bytes, 2);
    let number = u16::from_be_bytes(own);
    call(
        out,
        "sll_protocol",
        "htons",
        own,
        Value::Set(protocol, number.into()),
    );
    out.push(Value::Field("sll_ifindex"));
    out.push(Value::Interface(get(4, 4) as u32, [0; 16]));
    out.push(Value::Field("sll_hatype"));
    out.push(Value::Set(tables::set(SetId::ArpHardware), get(8, 2)));
    out.push(Value::Field("sll_pkttype"));
    out.push(Value::Set(tables::set(SetId::PacketType), get(10, 1)));
    out.push(Value::Field("sll_halen"));
    out.push(Value::Uint(get(11, 1)));
    let (length, address) = (get(11, 1) as usize, bytes.get(12..).unwrap_or_default());
    if length > 0 && !address.is_empty() {
        out.push(Value::Field("sll_addr"));
        out.push(Value::ListOpen);
        for byte in address.iter().take(length) {
            out.push(Value::Word64(u64::from(*byte), 1));
        }
        if length > address.len() {
            out.push(Value::More);
        }
        out.push(Value::ListClose);
    }
}

/// An address whose members the tables have. False if it is none of them.
fn by_members<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, number: u64, bytes: &'a [u8]) -> bool {
    let fits = |family: &&Family| {
        family.number == number && (family.least..=family.most).contains(&bytes.len())
    };
    let Some(family) = FAMILIES.iter().find(fits) else {
        return false;
    };
    let Some(fields) = Fields::some(family.id, cx.abi, bytes) else {
        return false;
    };
    (family.show)(out, cx, &fields, bytes);
    true
}

/// Its members in their order.
fn all<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, _: &'a [u8]) {
    fields.show_every(out, cx);
}

fn ipx<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, bytes: &'a [u8]) {
    fields.show_all(out, cx, &["sipx_port", "sipx_network"]);
    // Whole, whatever -s says.
    out.push(Value::Field("sipx_node"));
    out.push(Value::ListOpen);
    for byte in bytes.get(8..14).unwrap_or_default() {
        out.push(Value::Word64(u64::from(*byte), 1));
    }
    out.push(Value::ListClose);
    out.push(Value::Field("sipx_type"));
    out.push(Value::Word64(fields.get("sipx_type"), 1));
    if fields.get("sipx_zero") != 0 {
        fields.show(out, cx, "sipx_zero");
    }
}

fn tipc<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, bytes: &'a [u8]) {
    fields.show(out, cx, "addrtype");
    // A negative one takes a name back.
    let scope = signed(fields.get("scope"), 1);
    out.push(Value::Field("scope"));
    if scope < 0 {
        out.push(Value::Sign('-'));
    }
    out.push(Value::Set(
        tables::set(SetId::TipcScope),
        scope.unsigned_abs(),
    ));
    let own = bytes.get(4..16).unwrap_or_default();
    out.push(Value::Field("addr"));
    let id = match fields.get("addrtype") {
        1 => StructId::TipcRangeAddress,
        2 => StructId::TipcNameAddress,
        3 => StructId::TipcIdAddress,
        _ => {
            return out.push(Value::Bytes {
                bytes: own,
                cut: false,
            });
        }
    };
    structs::structure(out, cx, id, 0, own);
}

fn ieee802154<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, bytes: &'a [u8]) {
    out.push(Value::Field("addr"));
    out.push(Value::StructOpen);
    let kind = fields.get("addr_type");
    for (name, set) in [
        ("addr_type", SetId::Ieee802154AddressType),
        ("pan_id", SetId::Ieee802154PanId),
    ] {
        out.push(Value::Field(name));
        out.push(Value::NotedHex(tables::set(set), fields.get(name)));
    }
    match kind {
        0 => {}
        2 => {
            out.push(Value::Field("short_addr"));
            out.push(Value::Hex(number_at(bytes, 10, 2).unwrap_or(0)));
        }
        _ => fields.show(out, cx, "hwaddr"),
    }
    out.push(Value::StructClose);
}

fn alg<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, bytes: &'a [u8]) {
    fields.show(out, cx, "salg_type");
    for name in ["salg_feat", "salg_mask"] {
        out.push(Value::Field(name));
        let flags = tables::set(SetId::CryptoAlgFlags);
        out.push(Value::NotedHex(flags, fields.get(name)));
    }
    // The name may end with the address; its last byte is there to be a NUL.
    let name = bytes.get(24..).unwrap_or_default();
    let end = name.iter().position(|&b| b == 0);
    let shown = end.unwrap_or(name.len().saturating_sub(1));
    out.push(Value::Field("salg_name"));
    out.push(Value::Bytes {
        bytes: name.get(..shown).unwrap_or_default(),
        cut: end.is_none(),
    });
}

/// `struct sockaddr_nfc`, or where it is longer `struct sockaddr_nfc_llcp`.
fn nfc<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, bytes: &'a [u8]) {
    const NAME: std::ops::Range<usize> = 18..81;
    all(out, cx, fields, bytes);
    let Some(more) = Fields::new(StructId::SockaddrNfcLlcp, cx.abi, bytes) else {
        if bytes.len() > 16 {
            out.push(Value::More);
        }
        return;
    };
    for name in ["dsap", "ssap"] {
        out.push(Value::Field(name));
        out.push(Value::NotedHex(tables::set(SetId::LlcpSap), more.get(name)));
    }
    let name = bytes.get(NAME).unwrap_or_default();
    let length = usize::try_from(more.get("service_name_len")).unwrap_or(usize::MAX);
    out.push(Value::Field("service_name"));
    out.push(Value::Bytes {
        bytes: name.get(..length).unwrap_or(name),
        cut: false,
    });
    more.show(out, cx, "service_name_len");
}

/// A number of a protocol or channel of L2CAP: one without a name is counted from where its range begins.
fn l2cap_number<'a>(out: &mut Args<'a>, id: SetId, number: u64, starts: &[&'static str]) {
    let set = tables::set(id);
    out.push(Value::CallOpen("htobs"));
    let mut starts = starts
        .iter()
        .filter_map(|name| Some((*name, set.value_of(name)?)));
    let below = starts.rfind(|(_, from)| *from <= number);
    // What ends a range ends it for all that follows, up to the next one.
    let has_ended = |from: u64| from < 0x100 && number > 0xff && id == SetId::L2capPsm;
    out.push(match below {
        Some((name, from)) if set.name_of(number).is_none() && !has_ended(from) => {
            Value::Above(name, from, number)
        }
        _ => Value::Set(set, number),
    });
    out.push(Value::CallClose);
}

fn l2cap<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, bytes: &'a [u8]) {
    let get = |at| number_at(bytes, at, 2).unwrap_or(0);
    let starts = ["L2CAP_PSM_LE_DYN_START", "L2CAP_PSM_DYN_START"];
    out.push(Value::Field("l2_psm"));
    l2cap_number(out, SetId::L2capPsm, get(2), &starts);
    fields.show(out, cx, "l2_bdaddr");
    out.push(Value::Field("l2_cid"));
    l2cap_number(out, SetId::L2capCid, get(10), &["L2CAP_CID_DYN_START"]);
    if bytes.len() > 12 {
        fields.show(out, cx, "l2_bdaddr_type");
    }
}

fn vsock<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, bytes: &'a [u8]) {
    if fields.get("svm_reserved1") != 0 {
        fields.show(out, cx, "svm_reserved1");
    }
    fields.show_all(out, cx, &["svm_cid", "svm_port", "svm_flags"]);
    if bytes.get(13..16).is_some_and(|own| own != [0; 3]) {
        fields.show(out, cx, "svm_zero");
    }
}

fn xdp<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, _: &'a [u8]) {
    const XDP_SHARED_UMEM: u64 = 1;
    fields.show_all(out, cx, &["sxdp_flags", "sxdp_ifindex", "sxdp_queue_id"]);
    if fields.get("sxdp_flags") & XDP_SHARED_UMEM != 0 {
        fields.show(out, cx, "sxdp_shared_umem_fd");
    } else if fields.get("sxdp_shared_umem_fd") != 0 {
        out.push(Value::Field("sxdp_shared_umem_fd"));
        out.push(Value::Hex(fields.get("sxdp_shared_umem_fd")));
    }
}

fn mctp<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, _: &'a [u8]) {
    if fields.get("__smctp_pad0") != 0 {
        fields.show(out, cx, "__smctp_pad0");
    }
    fields.show_all(
        out,
        cx,
        &["smctp_network", "smctp_addr", "smctp_type", "smctp_tag"],
    );
    if fields.get("__smctp_pad1") != 0 {
        fields.show(out, cx, "__smctp_pad1");
    }
}

/// `struct sockaddr_rxrpc`: a service, and the address of a transport within, of which as much is there as it says.
fn rxrpc<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, fields: &Fields<'a>, bytes: &'a [u8]) {
    out.push(Value::Field("srx_service"));
    let services = tables::set(SetId::AfsService);
    out.push(Value::NotedHex(services, fields.get("srx_service")));
    fields.show_all(out, cx, &["transport_type", "transport_len"]);
    out.push(Value::Field("transport"));
    out.push(Value::StructOpen);
    let rest = bytes.get(8..).unwrap_or_default();
    let said = fields.get("transport_len") as usize;
    transport(out, rest, rest.get(..said).unwrap_or(rest));
    out.push(Value::StructClose);
}

/// One of `own` bytes; its family is there in any case.
fn transport<'a>(out: &mut Args<'a>, rest: &'a [u8], own: &'a [u8]) {
    let family = number_at(rest, 0, 2).unwrap_or(0);
    let (name, member) = match family {
        AF_INET => ("sin", "sin_family"),
        AF_INET6 => ("sin6", "sin6_family"),
        _ => ("", "family"),
    };
    if !name.is_empty() {
        out.push(Value::Field(name));
        out.push(Value::StructOpen);
    }
    out.push(Value::Field(member));
    out.push(Value::Set(tables::set(SetId::SockDomain), family));
    match (family, own.get(2..).unwrap_or_default()) {
        (AF_INET, _) if own.len() >= 16 => inet(out, own),
        (AF_INET6, _) if own.len() >= 24 => inet6(out, own),
        (_, []) => {}
        (_, bytes) => out.push(Value::Bytes { bytes, cut: false }),
    }
    if !name.is_empty() {
        out.push(Value::StructClose);
    }
}
