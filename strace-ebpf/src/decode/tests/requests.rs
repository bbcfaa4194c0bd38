//! ioctl(2): what the kernel answers.

use super::*;

const FIEMAP: u64 = 0xc020_660b;
const UFFDIO_API: u64 = 0xc018_aa3f;
const UFFDIO_COPY: u64 = 0xc028_aa03;
const SIOCGIFCONF: u64 = 0x8912;
const SIOCGIFHWADDR: u64 = 0x8927;
const NS_GET_NSTYPE: u64 = 0xb703;

fn padded(text: &[u8], len: usize) -> Vec<u8> {
    let mut bytes = text.to_vec();
    bytes.resize(len, 0);
    bytes
}

#[test]
fn answers_stand_behind_what_was_asked() {
    let asked = [0, 0, u32::MAX, u32::MAX, 3, 0, 2, 0];
    let told = [0, 0, u32::MAX, u32::MAX, 1, 1, 2, 0];
    let mut hardware = padded(b"lo", 16);
    hardware.extend_from_slice(&[4, 3, 1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0]);
    let copied = words(&[1, 2, 3, 0, 3]);
    let cases: &[Case<'_>] = &[
        (
            "ioctl",
            &[3, FIEMAP, P],
            0,
            &[(2, true, P, &ints(&asked)), (2, false, P, &ints(&told))],
            "3, FS_IOC_FIEMAP, {fm_start=0, fm_length=18446744073709551615, \
             fm_flags=FIEMAP_FLAG_SYNC|FIEMAP_FLAG_XATTR, fm_extent_count=2} => {fm_flags=FIEMAP_FLAG_SYNC, \
             fm_mapped_extents=1, ...}",
        ),
        (
            "ioctl",
            &[3, UFFDIO_API, P],
            0,
            &[
                (2, true, P, &words(&[0xaa, 0, 0])),
                (2, false, P, &words(&[0xaa, 1, 3])),
            ],
            "3, UFFDIO_API, {api=0xaa, features=0 => features=UFFD_FEATURE_PAGEFAULT_FLAG_WP, \
             ioctls=1<<_UFFDIO_REGISTER|1<<_UFFDIO_UNREGISTER}",
        ),
        (
            "ioctl",
            &[3, UFFDIO_COPY, P],
            0,
            &[
                (2, true, P, &words(&[1, 2, 3, 0, 0])),
                (2, false, P, &copied),
            ],
            "3, UFFDIO_COPY, {dst=0x1, src=0x2, len=0x3, mode=0, copy=0x3}",
        ),
        (
            "ioctl",
            &[3, SIOCGIFHWADDR, P],
            0,
            &[(2, true, P, &padded(b"lo", 32)), (2, false, P, &hardware)],
            "3, SIOCGIFHWADDR, {ifr_name=\"lo\", ifr_hwaddr={sa_family=ARPHRD_LOOPBACK, sa_data=01:02:03:04:05:06}}",
        ),
        (
            "ioctl",
            &[3, SIOCGIFHWADDR, P],
            -19,
            &[(2, true, P, &hardware), (2, false, P, &hardware)],
            "3, SIOCGIFHWADDR, {ifr_name=\"lo\"}",
        ),
    ];
    for (name, args, ret, pieces, expected) in cases {
        assert_eq!(shown(name, args, *ret, pieces), *expected, "{name}");
    }
}

#[test]
fn interfaces_are_listed_as_many_as_were_told() {
    let mut list = padded(b"lo", 16);
    list.extend_from_slice(&padded(&[2, 0, 0, 0, 127, 0, 0, 1], 24));
    let (asked, told) = (words(&[80, P + 64]), words(&[40, P + 64]));
    let pieces: &[Piece<'_>] = &[
        (2, true, P, &asked),
        (2, false, P, &told),
        (2, false, P + 64, &list),
    ];
    assert_eq!(
        shown("ioctl", &[3, SIOCGIFCONF, P], 0, pieces),
        "3, SIOCGIFCONF, {ifc_len=80 /* 2 * sizeof(struct ifreq) */ => 40 /* 1 * sizeof(struct ifreq) */, ifc_buf=[{ifr_name=\"lo\", \
         ifr_addr={sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr(\"127.0.0.1\")}}]}"
    );
    assert_eq!(
        shown("ioctl", &[3, NS_GET_NSTYPE, P], 0x2000_0000, &[]),
        "3, NS_GET_NSTYPE"
    );
}
