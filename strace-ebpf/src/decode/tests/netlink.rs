//! Messages of netlink sockets.

use super::*;

/// A message that was sent, as captured: of `full` bytes on a socket of `protocol`.
fn sent<'a>(bytes: &'a [u8], full: usize, protocol: u8) -> Call<'a> {
    let (nr, _) = tables::by_name(Abi::X86_64, "sendto").expect("sendto");
    let mut call = call_of(
        ABI_X86_64,
        nr,
        &[3, P, full as u64, 0, 0, 0],
        full as i64,
        &[(1, false, P, bytes)],
    );
    for captured in &mut call.captures {
        captured.header.netlink = protocol + 1;
    }
    call
}

fn text_with(options: &Options, bytes: &[u8], full: usize, protocol: u8) -> String {
    let call = sent(bytes, full, protocol);
    let (_, syscall) = tables::by_name(Abi::X86_64, "sendto").expect("sendto");
    let text = text_of(&Args::of(|out| {
        super::super::args(out, &call, Some(syscall), options);
    }));
    let end = format!(", {full}, 0, NULL, 0");
    let own = text.strip_prefix("3, ").expect("a descriptor");
    own.strip_suffix(&end).expect("the rest").to_owned()
}

fn attribute(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = (4 + data.len() as u16).to_le_bytes().to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn message(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = (16 + data.len() as u32).to_le_bytes().to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend([1, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(data);
    bytes
}

fn link(attributes: &[u8]) -> Vec<u8> {
    let mut data = vec![0, 0, 1, 0, 0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0, 1, 0, 0, 0];
    data.extend(attributes);
    message(16, &data)
}

#[test]
fn a_message_is_its_header_a_struct_and_attributes() {
    let bytes = link(&attribute(3, b"lo\0"));
    assert_eq!(
        text_with(&OPTIONS, &bytes, bytes.len(), 0),
        "[{nlmsg_len=40, nlmsg_type=RTM_NEWLINK, nlmsg_flags=NLM_F_REQUEST, nlmsg_seq=7, nlmsg_pid=0}, \
         {ifi_family=AF_UNSPEC, ifi_type=ARPHRD_ETHER, ifi_index=2147483647, ifi_flags=IFF_UP, ifi_change=0x1}, \
         [{nla_len=7, nla_type=IFLA_IFNAME}, \"lo\"]]"
    );
    // Of a protocol that nobody knows.
    assert_eq!(
        text_with(&OPTIONS, &message(16, b"ab"), 18, 2),
        "[{nlmsg_len=18, nlmsg_type=0x10 /* NLMSG_??? */, nlmsg_flags=NLM_F_REQUEST, nlmsg_seq=7, nlmsg_pid=0}, \
         \"\\x61\\x62\"]"
    );
    assert_eq!(text_with(&OPTIONS, b"abc", 3, 0), "\"\\x61\\x62\\x63\"");
}

/// What was not copied is marked, and nothing is made up for it.
#[test]
fn what_is_cut_says_so() {
    let whole = link(&[attribute(3, b"lo\0"), attribute(6, &[b'x'; 40])].concat());
    for len in 16..whole.len() {
        let text = text_with(&OPTIONS, &whole[..len], whole.len() + 400, 0);
        assert!(text.contains("..."), "{len}: {text}");
    }
    let two = [message(18, &[0]), vec![0; 3], message(18, &[0])].concat();
    let text = text_with(&OPTIONS, &two, 60, 0);
    assert!(text.ends_with(", ...]"), "{text}");
}

/// Attributes that may hold themselves are followed so deep and no deeper.
#[test]
fn nothing_is_endless() {
    const IFLA_PROP_LIST: u16 = 52;
    let mut attributes = attribute(3, b"lo\0");
    for _ in 0..2000 {
        attributes = attribute(IFLA_PROP_LIST, &attributes);
    }
    let bytes = link(&attributes);
    let text = text_with(&OPTIONS, &bytes, bytes.len(), 0);
    assert!(text.matches("IFLA_PROP_LIST").count() < 20, "{text}");
    let many: Vec<u8> = (0..1000).flat_map(|_| attribute(4, b"abcd")).collect();
    let bytes = link(&many);
    let text = text_with(&OPTIONS, &bytes, bytes.len(), 0);
    assert_eq!(text.matches("IFLA_MTU").count(), 32);
    let text = text_with(&VERBOSE, &bytes, bytes.len(), 0);
    assert_eq!(text.matches("IFLA_MTU").count(), 1000);
}

/// Every attribute of every message, with contents of every length up to some: none of it may panic.
#[test]
fn no_attribute_panics() {
    let noise: Vec<u8> = (0..300u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    for protocol in 0..24 {
        let Some(known) = tables::netlink_protocol(protocol) else {
            continue;
        };
        for one in known.messages {
            let size = one
                .header
                .map_or(0, |id| tables::struct_size(id, Abi::X86_64) as usize);
            for number in 0..80 {
                for len in [0, 1, 2, 3, 4, 7, 8, 12, 16, 33, 100, 250] {
                    let inner = attribute(number, &noise[..len]);
                    let nested = attribute(number, &[inner.clone(), inner.clone()].concat());
                    for attributes in [inner, nested] {
                        let mut data = noise[..size.next_multiple_of(4)].to_vec();
                        data.extend(attributes);
                        let bytes = message(one.number, &data);
                        text_with(&VERBOSE, &bytes, bytes.len(), protocol);
                        text_with(&OPTIONS, &bytes[..bytes.len() - 3], bytes.len(), protocol);
                    }
                }
            }
        }
    }
}
