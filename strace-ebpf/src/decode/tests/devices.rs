//! ioctl(2) of devices: what the result says of how much there is, and what structures lead to. As strace 7.2 was seen to
//! print the same calls.

use super::*;

const SG_IO: u64 = 0x2285;
const VIDIOC_S_EXT_CTRLS: u64 = 0xc020_5648;
const VIDIOC_QUERYCTRL: u64 = 0xc044_5624;
const VIDIOC_CREATE_BUFS: u64 = 0xc100_565c;
const PIO_FONTX: u64 = 0x4b6c;
const GIO_UNIMAP: u64 = 0x4b66;
const DM: u64 = 0xc138_fd00;

/// EVIOCGNAME, EVIOCGBIT and their kin, of 96 bytes.
fn input(number: u64) -> u64 {
    0x8060_4500 | number
}

fn padded(text: &[u8], len: usize) -> Vec<u8> {
    let mut bytes = text.to_vec();
    bytes.resize(len, 0);
    bytes
}

#[test]
fn results_say_how_much_of_an_input_device_is_told() {
    let mut keys = vec![0; 96];
    (keys[0], keys[3], keys[5]) = (2, 0x40, 1);
    let most = vec![0xff; 96];
    let cases: &[Case<'_>] = &[
        (
            "ioctl",
            &[3, input(0x06), P],
            4,
            &[(2, false, P, &padded(b"My keyboard", 96))],
            r#"3, EVIOCGNAME(96), "My k""#,
        ),
        (
            "ioctl",
            &[3, input(0x08), P],
            96,
            &[(2, false, P, &padded(b"", 32))],
            "3, EVIOCGUNIQ(96), \"\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\
             \\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\"...",
        ),
        (
            "ioctl",
            &[3, input(0x21), P],
            8,
            &[(2, false, P, &keys)],
            "3, EVIOCGBIT(EV_KEY, 96), [KEY_ESC KEY_A KEY_APOSTROPHE]",
        ),
        (
            "ioctl",
            &[3, input(0x21), P],
            96,
            &[(2, false, P, &most)],
            "3, EVIOCGBIT(EV_KEY, 96), [KEY_RESERVED KEY_ESC KEY_1 KEY_2 ...]",
        ),
        (
            "ioctl",
            &[3, input(0x1b), P],
            4,
            &[(2, false, P, &keys)],
            "3, EVIOCGSW(96), [SW_TABLET_MODE 0x1e /* SW_??? */]",
        ),
        (
            "ioctl",
            &[3, input(0x20), P],
            1,
            &[(2, false, P, &[3])],
            "3, EVIOCGBIT(0, 96), [EV_SYN EV_KEY]",
        ),
        (
            "ioctl",
            &[3, input(0x36), P],
            4,
            &[(2, false, P, &ints(&[2]))],
            "3, EVIOCGBIT(EV_PWR, 96), [2]",
        ),
        (
            "ioctl",
            &[3, input(0x3f), P],
            4,
            &[(2, false, P, &keys)],
            "3, EVIOCGBIT(0x1f /* EV_??? */, 96), 0x100000",
        ),
        (
            "ioctl",
            &[3, 0x800c_450a, P],
            0,
            &[(2, false, P, &ints(&[0x35, 4, u32::MAX, 9]))],
            "3, EVIOCGMTSLOTS(12), {code=ABS_MT_POSITION_X, values=[4, -1]}",
        ),
    ];
    for (name, args, ret, pieces, expected) in cases {
        assert_eq!(shown(name, args, *ret, pieces), *expected);
    }
}

/// `struct sg_io_hdr` with pointers to what is 4096, 8192 and 12288 bytes behind `P`.
fn third(direction: i32, sense: u8) -> Vec<u8> {
    let mut bytes = ints(&[u32::from(b'S'), direction as u32]);
    bytes.extend_from_slice(&[6, 32, 0, 0, 4, 0, 0, 0]);
    bytes.extend_from_slice(&words(&[P + 4096, P + 8192, P + 12288]));
    bytes.extend_from_slice(&ints(&[5000, 1, 7, 0, 0, 0]));
    bytes.extend_from_slice(&[2, 1, 0, sense, 0, 0, 8, 0]);
    bytes.extend_from_slice(&ints(&[1, 12, 1, 0]));
    bytes
}

#[test]
fn commands_are_shown_with_their_data() {
    let (before, after) = (third(-3, 0), third(-3, 2));
    let pieces: &[Piece<'_>] = &[
        (2, true, P, &before),
        (2, true, P + 8192, &[0x12, 0, 0, 0, 4, 0, 9]),
        (2, false, P, &after),
        (2, false, P + 4096, &[1, 2, 3, 4, 5]),
        (2, false, P + 12288, &[0x70, 0, 6]),
    ];
    let head = r#"3, SG_IO, {interface_id='S', dxfer_direction=SG_DXFER_FROM_DEV, cmd_len=6, cmdp="\x12\x00\x00\x00\x04\x00", mx_sb_len=32, iovec_count=0, dxfer_len=4, timeout=5000, flags=SG_FLAG_DIRECT_IO"#;
    let tail = "driver_status=0x8, resid=1, duration=12, info=SG_INFO_CHECK}";
    assert_eq!(
        shown("ioctl", &[3, SG_IO, P], -5, pieces),
        format!(
            r#"{head}, dxferp="\x01\x02\x03", status=0x2, masked_status=0x1, msg_status=0, sb_len_wr=2, sbp="\x70\x00", host_status=0, {tail}"#
        )
    );
    let other: &[Piece<'_>] = &[(2, true, P, b"T\0\0\0")];
    assert_eq!(shown("ioctl", &[3, SG_IO, P], 0, other), "3, SG_IO, [84]");
}

#[test]
fn requests_to_bsg_are_shown_with_their_data() {
    let mut header = ints(&[u32::from(b'Q'), 0, 0, 6]);
    header.extend_from_slice(&words(&[P + 4096, 9]));
    header.extend_from_slice(&ints(&[1, 2, 3, 32]));
    header.extend_from_slice(&words(&[P + 8192]));
    header.extend_from_slice(&ints(&[0, 0, 0, 4]));
    header.extend_from_slice(&words(&[0, P + 12288]));
    header.extend_from_slice(&ints(&[500, 0x10]));
    header.extend_from_slice(&words(&[0]));
    header.extend_from_slice(&ints(&[0, 0, 0, 0, 0, 0, 7, 2, 1, 0]));
    header.extend_from_slice(&words(&[0, 0]));
    let pieces: &[Piece<'_>] = &[
        (2, true, P, &header),
        (2, true, P + 4096, &[1, 2, 3, 4, 5, 6]),
        (2, false, P, &header),
        (2, false, P + 8192, &[8, 9]),
        (2, false, P + 12288, &[1, 2, 3, 4]),
    ];
    assert_eq!(
        shown("ioctl", &[3, SG_IO, P], 0, pieces),
        r#"3, SG_IO, {guard='Q', protocol=BSG_PROTOCOL_SCSI, subprotocol=BSG_SUB_PROTOCOL_SCSI_CMD, request_len=6, request="\x01\x02\x03\x04\x05\x06", request_tag=0x9, request_attr=1, request_priority=2, request_extra=3, max_response_len=32, dout_iovec_count=0, dout_xfer_len=0, din_iovec_count=0, din_xfer_len=4, dout_xferp=NULL, timeout=500, flags=BSG_FLAG_Q_AT_TAIL, usr_ptr=0, response_len=2, response="\x08\x09", din_xferp="\x01\x02\x03", driver_status=0, transport_status=0, device_status=0, retry_delay=0, info=0, duration=7, response_len=2, din_resid=1, dout_resid=0, generated_tag=0}"#
    );
}

/// `struct dm_ioctl` of version 4.48.0 with data behind it.
fn mapped(data: &[u8], targets: u32) -> Vec<u8> {
    let size = 312 + data.len() as u32;
    let mut bytes = ints(&[4, 48, 0, size, 312, targets, 2, 0x10, 3, 0]);
    bytes.extend_from_slice(&words(&[0xfd03]));
    bytes.extend_from_slice(&padded(b"vol", 128));
    bytes.extend_from_slice(&padded(b"LVM-x", 136));
    bytes.extend_from_slice(data);
    bytes
}

/// `struct dm_target_spec` and its text.
fn target(next: u32, kind: &[u8], text: &[u8; 8]) -> Vec<u8> {
    let mut bytes = words(&[0, 100]);
    bytes.extend_from_slice(&ints(&[0, next]));
    bytes.extend_from_slice(&padded(kind, 16));
    bytes.extend_from_slice(text);
    bytes
}

#[test]
fn tables_of_mapped_devices_follow_their_headers() {
    let both = [
        target(48, b"linear", b"8:1 0\0\0\0"),
        target(0, b"striped", b"2 3\0\0\0\0\0"),
    ]
    .concat();
    let header = r#"version=[4, 48, 0], data_size=408, data_start=312, dev=makedev(0xfd, 0x3), name="vol", uuid="LVM-x""#;
    let flags = "flags=DM_STATUS_TABLE_FLAG";
    let given = mapped(&both, 2);
    let load: &[Piece<'_>] = &[(2, true, P, &given)];
    let args = &[3, DM | 9, P];
    assert_eq!(
        shown("ioctl", args, -22, load),
        format!("3, DM_TABLE_LOAD, [{{{header}, target_count=2, {flags}}}, ...]")
    );
    assert_eq!(
        shown_with(&VERBOSE, ABI_X86_64, "ioctl", args, -22, load),
        format!(
            r#"3, DM_TABLE_LOAD, [{{{header}, target_count=2, {flags}}}, {{sector_start=0, length=100, target_type="linear", string="8:1 0"}}, {{sector_start=0, length=100, target_type="striped", string="2 3"}}]"#
        )
    );
    // More targets than there are, and one that says that the next is within itself.
    let misplaced = mapped(
        &[target(10, b"linear", b"a\0\0\0\0\0\0\0"), vec![0; 48]].concat(),
        3,
    );
    assert_eq!(
        shown_with(
            &VERBOSE,
            ABI_X86_64,
            "ioctl",
            args,
            -22,
            &[(2, true, P, &misplaced)]
        ),
        format!(
            r#"3, DM_TABLE_LOAD, [{{{header}, target_count=3, {flags}}}, {{sector_start=0, length=100, target_type="linear", string="a"}}, ??? /* misplaced struct dm_target_spec */]"#
        )
    );
}

#[test]
fn lists_of_mapped_devices_are_told() {
    let mut list = words(&[0x801]);
    list.extend_from_slice(&ints(&[24]));
    list.extend_from_slice(&padded(b"one", 12));
    list.extend_from_slice(&words(&[0x802]));
    list.extend_from_slice(&ints(&[0]));
    list.extend_from_slice(b"two\0");
    let bytes = mapped(&list, 0);
    let pieces: &[Piece<'_>] = &[(2, true, P, &bytes), (2, false, P, &bytes)];
    let header = "{version=[4, 48, 0], data_size=352, data_start=312, flags=DM_STATUS_TABLE_FLAG}";
    let args = &[3, DM | 2, P];
    assert_eq!(
        shown("ioctl", args, 0, pieces),
        format!("3, DM_LIST_DEVICES, [{header}] => [{header}, ...]")
    );
    assert_eq!(
        shown_with(&VERBOSE, ABI_X86_64, "ioctl", args, 0, pieces),
        format!(
            r#"3, DM_LIST_DEVICES, [{header}] => [{header}, {{dev=makedev(0x8, 0x1), name="one", event_nr=0}}, {{dev=makedev(0x8, 0x2), name="two"}}]"#
        )
    );
    let mut old = bytes.clone();
    old[0] = 5;
    assert_eq!(
        shown("ioctl", args, -22, &[(2, true, P, &old)]),
        "3, DM_LIST_DEVICES, [{version=[5, 48, 0] /* unsupported device mapper ABI version */}]"
    );
}

#[test]
fn controls_of_video_devices_are_numbers_or_text() {
    let control = |id: u32, size: u32, value: u64| {
        let mut bytes = ints(&[id, size, 0]);
        bytes.extend_from_slice(&value.to_le_bytes());
        bytes
    };
    let list = [
        control(0x0098_0900, 0, 5),
        control(0x0098_0901, 4, P + 8192),
    ]
    .concat();
    let mut header = ints(&[0x0098_0000, 2, 1, 0, 0, 0]);
    header.extend_from_slice(&words(&[P + 4096]));
    let both = r#"controls=[{id=V4L2_CID_BRIGHTNESS, size=0, value=5, value64=5}, {id=V4L2_CID_CONTRAST, size=4, string="abcd"}]"#;
    let pieces: &[Piece<'_>] = &[
        (2, true, P, &header),
        (2, true, P + 4096, &list),
        (2, true, P + 8192, b"abcd"),
        (2, false, P, &header),
        (2, false, P + 4096, &list),
        (2, false, P + 8192, b"abcd"),
    ];
    assert_eq!(
        shown("ioctl", &[3, VIDIOC_S_EXT_CTRLS, P], -22, pieces),
        format!(
            "3, VIDIOC_S_EXT_CTRLS, {{ctrl_class=V4L2_CTRL_CLASS_USER, count=2, {both}}} => {{{both}, error_idx=1}}"
        )
    );
    let asked = padded(&ints(&[0x8000_0000]), 68);
    let mut told = ints(&[0x0098_0900, 1]);
    told.extend_from_slice(&padded(b"Brightness", 60));
    assert_eq!(
        shown(
            "ioctl",
            &[3, VIDIOC_QUERYCTRL, P],
            0,
            &[(2, true, P, &asked), (2, false, P, &told)]
        ),
        "3, VIDIOC_QUERYCTRL, {id=V4L2_CTRL_FLAG_NEXT_CTRL|0 /* V4L2_CID_??? */ => V4L2_CID_BRIGHTNESS, \
         type=V4L2_CTRL_TYPE_INTEGER, name=\"Brightness\", ...}"
    );
}

#[test]
fn buffers_that_were_made_are_told_behind_the_result() {
    let header = padded(&ints(&[1, 2, 1, 0, 99]), 256);
    let pieces: &[Piece<'_>] = &[(2, true, P, &header), (2, false, P, &header)];
    let args = &[3, VIDIOC_CREATE_BUFS, P];
    assert_eq!(
        shown("ioctl", args, 0, pieces),
        "3, VIDIOC_CREATE_BUFS, {count=2, memory=V4L2_MEMORY_MMAP, format={type=0x63 /* V4L2_BUF_TYPE_??? */}}"
    );
    let (nr, syscall) = tables::by_name(Abi::X86_64, "ioctl").expect("ioctl");
    let call = call_of(ABI_X86_64, nr, args, 0, pieces);
    let told = Args::of(|out| returned(out, &call, Some(syscall), &OPTIONS));
    assert_eq!(text_of(&told), "{index=1, count=2}");
}

#[test]
fn fonts_and_maps_of_consoles_are_as_long_as_they_say() {
    let mut font = vec![1, 0, 8, 0, 0, 0, 0, 0];
    font.extend_from_slice(&words(&[P + 4096]));
    let dots: Vec<u8> = (0..128).collect();
    let pieces: &[Piece<'_>] = &[(2, false, P, &font), (2, false, P + 4096, &dots)];
    let text = shown("ioctl", &[3, PIO_FONTX, P], 0, pieces);
    assert!(
        text.starts_with(r#"3, PIO_FONTX, {charcount=1, charheight=8, chardata="\x00\x01"#)
            && text.ends_with(r#"\x1f"}"#),
        "{text}"
    );
    let pairs = [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0];
    let mut map = vec![2, 0, 0, 0, 0, 0, 0, 0];
    map.extend_from_slice(&words(&[P + 4096]));
    assert_eq!(
        shown(
            "ioctl",
            &[3, GIO_UNIMAP, P],
            0,
            &[
                (2, true, P, &map),
                (2, false, P, &map),
                (2, false, P + 4096, &pairs)
            ]
        ),
        "3, GIO_UNIMAP, {entry_ct=2, entries=[{unicode=0x1, fontpos=0x2}, {unicode=0x3, fontpos=0x4}]}"
    );
}
