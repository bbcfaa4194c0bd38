//! ioctl requests and their structures: block devices, files, clocks, input, page faults, interfaces.

use crate::lines::{Edge, Lines, Ptr, words};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    l.begin();
    blocks(l, &edge);
    files(l, &edge);
    devices(l, &edge);
    faults(l, &edge);
    interfaces(l, &edge);
    others(l, &edge);
    l.end();
}

fn blocks(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let range = [0x1000u64, 0x2000];
    let off = 0u32;
    let part = words::<152>(&[(0x1000, 8), (0x2000, 8), (1, 4), (0x3161_6473, 8)]);
    let change = words::<24>(&[(1, 4), (0, 4), (152, 8), (part.as_ptr() as u64, 8)]);
    let info = words::<232>(&[
        (0, 8),
        (0, 8),
        (0, 8),
        (4, 8),
        (0, 8),
        (6, 4),
        (0, 4),
        (0, 4),
        (0xc, 4),
        (0x656c_6966, 8),
    ]);
    let config = words::<304>(&[
        (3, 4),
        (512, 4),
        (0, 8),
        (0, 8),
        (0, 8),
        (4, 8),
        (0, 8),
        (6, 4),
        (0, 4),
        (0, 4),
        (0xc, 4),
        (0x656c_6966, 8),
    ]);
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x125e, wall],
        r#"ioctl(-1, BLKROGET, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x1260, NULL],
        r#"ioctl(-1, BLKGETSIZE, NULL)"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x125d, &raw const off],
        r#"ioctl(-1, BLKROSET, [0])"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x1262, 5],
        r#"ioctl(-1, BLKRASET, 5)"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x1277, &range],
        r#"ioctl(-1, BLKDISCARD, [4096, 8192])"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x127f, wall],
        r#"ioctl(-1, BLKZEROOUT, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x125f, wall],
        r#"ioctl(-1, BLKRRPART)"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x1269, &change],
        r#"ioctl(-1, BLKPG, {op=BLKPG_ADD_PARTITION, flags=0, datalen=152, data={start=4096, length=8192, pno=1, devname="sda1", volname=""}})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x1269, wall],
        r#"ioctl(-1, BLKPG, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x4c00, 5],
        r#"ioctl(-1, LOOP_SET_FD, 5)"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x4c01, wall],
        r#"ioctl(-1, LOOP_CLR_FD)"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x4c04, &info],
        r#"ioctl(-1, LOOP_SET_STATUS64, {lo_offset=0x4, lo_number=6, lo_flags=LO_FLAGS_AUTOCLEAR|LO_FLAGS_PARTSCAN, lo_file_name="file", ...})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x4c05, wall],
        r#"ioctl(-1, LOOP_GET_STATUS64, %)"#,
        Ptr(wall)
    );
    let cut = edge.cut(info, 100);
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x4c04, cut],
        r#"ioctl(-1, LOOP_SET_STATUS64, %)"#,
        Ptr(cut)
    );
    let cut = edge.cut(info, 232);
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x4c04, cut],
        r#"ioctl(-1, LOOP_SET_STATUS64, {lo_offset=0x4, lo_number=6, lo_flags=LO_FLAGS_AUTOCLEAR|LO_FLAGS_PARTSCAN, lo_file_name="file", ...})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x4c0a, &config],
        r#"ioctl(-1, LOOP_CONFIGURE, {fd=3, block_size=512, info={lo_offset=0x4, lo_number=6, lo_flags=LO_FLAGS_AUTOCLEAR|LO_FLAGS_PARTSCAN, lo_file_name="file", ...}})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x4c80, 1],
        r#"ioctl(-1, LOOP_CTL_ADD, 1)"#
    );
}

fn files(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let map = words::<32>(&[(0, 8), (u64::MAX, 8), (3, 4), (0, 4), (2, 4), (0, 4)]);
    let attributes = words::<28>(&[(1, 4), (2, 4), (3, 4), (4, 4)]);
    let clone = [3u64, 1, 2, 3];
    let same = words::<56>(&[(1, 8), (2, 8), (1, 8), (3, 8), (4, 8), (0, 8), (0, 8)]);
    let trim = [1u64, 2, 3];
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0xc020660bu32, &map],
        r#"ioctl(-1, FS_IOC_FIEMAP, {fm_start=0, fm_length=18446744073709551615, fm_flags=FIEMAP_FLAG_SYNC|FIEMAP_FLAG_XATTR, fm_extent_count=2})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x801c581fu32, wall],
        r#"ioctl(-1, FS_IOC_FSGETXATTR, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x401c5820u32, &attributes],
        r#"ioctl(-1, FS_IOC_FSSETXATTR, {fsx_xflags=FS_XFLAG_REALTIME, fsx_extsize=2, fsx_projid=0x4, fsx_cowextsize=0})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x4020940du32, &clone],
        r#"ioctl(-1, BTRFS_IOC_CLONE_RANGE or FICLONERANGE, {src_fd=3, src_offset=1, src_length=2, dest_offset=3})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0xc0189436u32, &same],
        r#"ioctl(-1, BTRFS_IOC_FILE_EXTENT_SAME or FIDEDUPERANGE, {src_offset=1, src_length=2, dest_count=1, info=[{dest_fd=3, dest_offset=4}]})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0xc0185879u32, &trim],
        r#"ioctl(-1, FITRIM, {start=0x1, len=2, minlen=3})"#
    );
    let cut = edge.cut(trim, 16);
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0xc0185879u32, cut],
        r#"ioctl(-1, FITRIM, %)"#,
        Ptr(cut)
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0xc0045877u32, wall],
        r#"ioctl(-1, FIFREEZE)"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x41009432u32, c"label"],
        r#"ioctl(-1, FS_IOC_SETFSLABEL, "label")"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x81009431u32, wall],
        r#"ioctl(-1, FS_IOC_GETFSLABEL, %)"#,
        Ptr(wall)
    );
}

fn devices(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let time: [u32; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    let alarm = words::<40>(&[(1, 4), (1, 4), (2, 4), (3, 4), (4, 4), (5, 4), (6, 4)]);
    let repeat = [1u32, 2];
    let seconds = 10u32;
    let pool = words::<12>(&[(8, 4), (4, 4), (0x6463_6261, 4)]);
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x7001, wall],
        r#"ioctl(-1, RTC_AIE_ON)"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x80247009u32, wall],
        r#"ioctl(-1, RTC_RD_TIME, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x4024700a, &time],
        r#"ioctl(-1, RTC_SET_TIME, {tm_sec=1, tm_min=2, tm_hour=3, tm_mday=4, tm_mon=5, tm_year=6, ...})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x4028700f, &alarm],
        r#"ioctl(-1, RTC_WKALM_SET, {enabled=1, pending=0, time={tm_sec=1, tm_min=2, tm_hour=3, tm_mday=4, tm_mon=5, tm_year=6, ...}})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x4008700c, 64],
        r#"ioctl(-1, RTC_IRQP_SET, 64)"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x80044501u32, wall],
        r#"ioctl(-1, EVIOCGVERSION, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x40084503u32, &repeat],
        r#"ioctl(-1, EVIOCSREP, [1, 2])"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x40044590u32, 1],
        r#"ioctl(-1, EVIOCGRAB, 1)"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0xc0045706u32, &raw const seconds],
        r#"ioctl(-1, WDIOC_SETTIMEOUT, [10])"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x80045705u32, wall],
        r#"ioctl(-1, WDIOC_KEEPALIVE)"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x80285700u32, wall],
        r#"ioctl(-1, WDIOC_GETSUPPORT, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x40085203u32, &pool],
        r#"ioctl(-1, RNDADDENTROPY, {entropy_count=8, buf_size=4, buf="abcd"})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x40085203u32, wall],
        r#"ioctl(-1, RNDADDENTROPY, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x40045201u32, &raw const seconds],
        r#"ioctl(-1, RNDADDTOENTCNT, [10])"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x80045200u32, NULL],
        r#"ioctl(-1, RNDGETENTCNT, NULL)"#
    );
}

fn faults(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let api = [0xaau64, 0x101, 0];
    let register = [0x1000u64, 0x2000, 3, 0];
    let copy = [0x1000u64, 0x2000, 0x3000, 3, 0];
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0xc018aa3fu32, &api],
        r#"ioctl(-1, UFFDIO_API, {api=0xaa, features=UFFD_FEATURE_PAGEFAULT_FLAG_WP|UFFD_FEATURE_THREAD_ID})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0xc018aa3fu32, wall],
        r#"ioctl(-1, UFFDIO_API, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0xc020aa00u32, &register],
        r#"ioctl(-1, UFFDIO_REGISTER, {range={start=0x1000, len=0x2000}, mode=UFFDIO_REGISTER_MODE_MISSING|UFFDIO_REGISTER_MODE_WP})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x8010aa01u32, &register],
        r#"ioctl(-1, UFFDIO_UNREGISTER, {start=0x1000, len=0x2000})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0xc028aa03u32, &copy],
        r#"ioctl(-1, UFFDIO_COPY, {dst=0x1000, src=0x2000, len=0x3000, mode=UFFDIO_COPY_MODE_DONTWAKE|UFFDIO_COPY_MODE_WP})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0xc018aa06u32, &register],
        r#"ioctl(-1, UFFDIO_WRITEPROTECT, {range={start=0x1000, len=0x2000}, mode=UFFDIO_WRITEPROTECT_MODE_WP|UFFDIO_WRITEPROTECT_MODE_DONTWAKE})"#
    );
}

fn interfaces(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let flags = words::<40>(&[(0x0078_6f6c, 8), (0, 8), (0x41, 2)]);
    let address = words::<40>(&[(0x0078_6f6c, 8), (0, 8), (2, 2), (0, 2), (0x0403_0201, 4)]);
    let hardware = words::<40>(&[(0x0078_6f6c, 8), (0, 8), (1, 2), (0x0605_0403_0201, 6)]);
    let renamed = words::<40>(&[(0x0078_6f6c, 8), (0, 8), (0x0077_656e, 8)]);
    let all = words::<16>(&[(80, 8)]);
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x8913, &flags],
        r#"ioctl(-1, SIOCGIFFLAGS, {ifr_name="lox"})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x8914, &flags],
        r#"ioctl(-1, SIOCSIFFLAGS, {ifr_name="lox", ifr_flags=IFF_UP|IFF_RUNNING})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x8916, &address],
        r#"ioctl(-1, SIOCSIFADDR, {ifr_name="lox", ifr_addr={sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("1.2.3.4")}})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x8924, &hardware],
        r#"ioctl(-1, SIOCSIFHWADDR, {ifr_name="lox", ifr_hwaddr={sa_family=ARPHRD_ETHER, sa_data=01:02:03:04:05:06}})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x8923, &renamed],
        r#"ioctl(-1, SIOCSIFNAME, {ifr_name="lox", ifr_newname="new"})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x8922, &flags],
        r#"ioctl(-1, SIOCSIFMTU, {ifr_name="lox", ifr_mtu=65})"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x8912, wall],
        r#"ioctl(-1, SIOCGIFCONF, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x8913, NULL],
        r#"ioctl(-1, SIOCGIFFLAGS, NULL)"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x8912, &all],
        r#"ioctl(-1, SIOCGIFCONF, {ifc_len=80 /* 2 * sizeof(struct ifreq) */, ifc_buf=NULL})"#
    );
}

fn others(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0xb701, wall],
        r#"ioctl(-1, NS_GET_USERNS)"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0xb704, wall],
        r#"ioctl(-1, NS_GET_OWNER_UID, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x4b3a, 1],
        r#"ioctl(-1, KDSETMODE, KD_GRAPHICS)"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x4b45, 3],
        r#"ioctl(-1, KDSKBMODE, K_UNICODE)"#
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x802c542au32, wall],
        r#"ioctl(-1, TCGETS2, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ioctl,
        [-1i32, 0x5441, 2],
        r#"ioctl(-1, TIOCGPTPEER, 0x2)"#
    );
}
