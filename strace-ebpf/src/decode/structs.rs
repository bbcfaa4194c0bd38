//! Structures and what is made of them, by the members that tables/layout has, or by a function where members are not
//! all there is to say.

pub use super::members::{Fields, ticks};
use super::{
    aio, bpf, btrfs, clocks, consoles,
    cx::Cx,
    dm, files, filters, input, ioctl, machines,
    members::{member, members},
    mounts, net, options, perf, poll, process, ptrace, quotas, scsi, security, signals, sockaddr,
    uring,
    value::{Args, Value},
    video,
};
use crate::tables::{self, Abi, Member, MemberTy, StructId, Told};

/// Writes one structure from its bytes. Never panics: bytes may end anywhere.
pub type Decoder = for<'a> fn(&mut Args<'a>, &Cx<'_, 'a>, &'a [u8]);

/// The structures that need more than their members.
const FUNCTIONS: &[(StructId, Decoder)] = &[
    (StructId::Stat, files::stat),
    (StructId::Stat64, files::stat),
    (StructId::OldStat, files::stat),
    (StructId::Statx, files::statx),
    (StructId::StatmountReq, mounts::statmount_request),
    (StructId::MntIdReq, mounts::listmount_request),
    (StructId::NsIdReq, mounts::namespaces_request),
    (StructId::IfNextdqblk, quotas::next),
    (StructId::OpenHow, files::open_how),
    (StructId::LinuxDirent, files::dirents),
    (StructId::LinuxDirent64, files::dirents64),
    (StructId::FileHandle, files::file_handle),
    (StructId::FOwnerEx, process::owner),
    (StructId::Pollfd, poll::pollfd),
    (StructId::EpollEvent, poll::epoll_event),
    (StructId::Sockaddr, sockaddr::sockaddr),
    (StructId::SocketcallArgs, net::socketcall),
    (StructId::Ipv6Mreq, net::ipv6_membership),
    (StructId::PacketMreq, net::packet_membership),
    (StructId::GroupReq, options::group),
    (StructId::NetlinkGroups, options::groups),
    (StructId::PortRange, options::ports),
    (StructId::SocketProtocol, options::protocol),
    (StructId::SocketRehash, options::new_rehash),
    (StructId::SocketRehashOut, options::rehash),
    (StructId::SocketInt, options::int),
    (StructId::LingerIn, options::linger),
    (StructId::IpMreq, options::ip_membership),
    (StructId::TpacketReq, options::ring),
    (StructId::TipcGroupReq, options::tipc_group),
    (StructId::Sigset, signals::sigset),
    (StructId::Sigaction, signals::sigaction),
    (StructId::OldSigaction, signals::sigaction),
    (StructId::Siginfo, signals::siginfo_of),
    (StructId::Sigevent, signals::sigevent),
    (StructId::CloneArgs, process::clone_args),
    (StructId::CapUserData, process::capabilities),
    (StructId::CpuSet, process::cpu_set),
    (StructId::WaitStatus, process::wait_status),
    (StructId::MincoreVec, process::resident_pages),
    (StructId::BpfLinkCreate, bpf::link_create),
    (StructId::PerfEventAttr, perf::event_attr),
    (StructId::IoUringParams, uring::params),
    (StructId::IoUringProbe, uring::probe),
    (StructId::IoUringRestriction, uring::restriction),
    (StructId::IoUringWorkers, uring::workers),
    (StructId::Statmount, mounts::statmount),
    (StructId::RegsetOut, ptrace::register_set),
    (StructId::RegsetIn, ptrace::register_set),
    (StructId::SeccompMetadata, ptrace::seccomp_metadata),
    (StructId::PtraceSyscallInfo, ptrace::syscall_info),
    (StructId::TcpAoAdd, net::tcp_ao_key),
    (StructId::IcmpFilter, net::icmp_filter),
    (StructId::Fiemap, ioctl::fiemap),
    (StructId::UffdioApi, ioctl::uffd_api),
    (StructId::UffdioRanges, ioctl::uffd_ranges),
    (StructId::LoopInfo64, ioctl::loop_info),
    (StructId::LoopInfo, ioctl::old_loop_info),
    (StructId::BtrfsVolumeV2, btrfs::volume),
    (StructId::BtrfsSubvolumeFlags, btrfs::subvolume),
    (StructId::BtrfsFilesystem, btrfs::filesystem),
    (StructId::BtrfsBalance, btrfs::balance),
    (StructId::BtrfsBalanceAfter, btrfs::balance_after),
    (StructId::BtrfsFound, btrfs::found),
    (StructId::BtrfsFoundV2, btrfs::found_v2),
    (StructId::BtrfsSpacesAfter, btrfs::spaces),
    (StructId::BtrfsInodeAfter, btrfs::inode),
    (StructId::BtrfsTime, btrfs::time),
    (StructId::BtrfsStatsAfter, btrfs::statistics),
    (StructId::BtrfsReplace, btrfs::replace),
    (StructId::BtrfsReplaceAfter, btrfs::replaced),
    (StructId::BtrfsFeaturesKnown, btrfs::features),
    (StructId::InputText, input::text),
    (StructId::InputBits, input::bits),
    (StructId::InputSlots, input::slots),
    (StructId::InputCode, input::code),
    (StructId::V4l2ControlInfo, video::control),
    (StructId::V4l2ControlMore, video::control_more),
    (StructId::V4l2Settings, video::settings),
    (StructId::V4l2SettingsGot, video::settings_got),
    (StructId::BtrfsObject, btrfs::object),
    (StructId::ConsoleFont, consoles::screen_font),
    (StructId::ConsoleFontBoth, consoles::screen_font_asked),
    (StructId::UnicodeMap, consoles::unicode_map),
    (StructId::UnicodeMapGot, consoles::unicode_map_got),
    (StructId::DmIoctl, dm::control),
    (StructId::SgIo, scsi::command),
    (StructId::PtpTime, clocks::time),
    (StructId::PtpOffset, clocks::offsets),
    (StructId::TeeVersion, clocks::environment),
    (StructId::PerfPrograms, clocks::programs),
    (StructId::FontOperation, consoles::font),
    (StructId::Fsuuid2, ioctl::uuid),
    (StructId::FsSysfsPath, ioctl::sysfs_path),
    (StructId::KvmRegisters, machines::registers),
    (StructId::KvmCpuid, machines::features),
    (StructId::KeyTable, consoles::table),
    (StructId::KeyValue, consoles::key),
    (StructId::HdDriveResult, consoles::drive),
    (StructId::UbiVolume, consoles::volume),
    (StructId::UbiName, consoles::new_name),
    (StructId::Ifconf, ioctl::interfaces),
    (StructId::FileDedupeRange, ioctl::dedupe_range),
    (StructId::RandPoolInfo, ioctl::entropy),
    (StructId::KeyctlCaps, security::key_capabilities),
    (StructId::LsmCtx, security::lsm_context),
    (StructId::LsmCtxs, security::lsm_contexts),
    (StructId::Iocb, aio::iocb),
    (StructId::SockFprog, filters::program),
    (StructId::SockFilter, filters::instruction),
    (StructId::UserDesc, process::segment),
    (StructId::SchedAttr, process::scheduling),
    (StructId::Rusage, process::usage),
    (StructId::FutexWaitv, process::futex),
    (StructId::MmapArgStruct, process::old_mmap),
    (StructId::Statfs, files::statfs),
    (StructId::Statfs64, files::statfs),
];

/// The structures whose members strace shows in another order than C has them.
const ORDERS: &[(StructId, &[&str])] = &[
    (StructId::UnixDiagVfs, &["udiag_vfs_dev", "udiag_vfs_ino"]),
    (
        StructId::IpcPerm,
        &["uid", "gid", "mode", "key", "cuid", "cgid"],
    ),
    (
        StructId::ShmidDs,
        &[
            "shm_perm",
            "shm_segsz",
            "shm_cpid",
            "shm_lpid",
            "shm_nattch",
            "shm_atime",
            "shm_dtime",
            "shm_ctime",
        ],
    ),
    (
        StructId::MsqidDs,
        &[
            "msg_perm",
            "msg_stime",
            "msg_rtime",
            "msg_ctime",
            "msg_qnum",
            "msg_qbytes",
            "msg_lspid",
            "msg_lrpid",
        ],
    ),
];

/// What is shown of it after the call besides, and when.
pub fn then(id: StructId, abi: Abi) -> Option<(StructId, Told)> {
    tables::layout(id, abi)?.then
}

/// Is it shown as it is after the call?
pub fn is_answered(id: StructId) -> bool {
    tables::layout(id, Abi::X86_64).is_some_and(|layout| layout.answered)
}

/// [`FUNCTIONS`] by [`StructId`]: it is asked for every structure of every call.
static BY_ID: [Option<Decoder>; tables::STRUCTS] = {
    let mut by_id = [None; tables::STRUCTS];
    let mut i = 0;
    while i < FUNCTIONS.len() {
        by_id[FUNCTIONS[i].0 as usize] = Some(FUNCTIONS[i].1);
        i += 1;
    }
    by_id
};

fn function(id: StructId) -> Option<Decoder> {
    BY_ID.get(id as usize).copied().flatten()
}

/// Can this be shown? Else it is not worth capturing.
pub fn shown(id: StructId) -> bool {
    function(id).is_some()
        || Abi::ALL
            .iter()
            .any(|abi| tables::layout(id, *abi).is_some())
}

/// What a pointer leads to: a structure, or a scalar in brackets.
pub fn pointee<'a>(out: &mut Args<'a>, cx: &Cx<'_, 'a>, id: StructId, addr: u64, bytes: &'a [u8]) {
    match scalar_of(id, cx.abi) {
        Some(_) if bytes.is_empty() && function(id).is_none() => out.push(Value::Addr(addr)),
        Some(layout)
            if function(id).is_none()
                && !matches!(
                    layout.ty,
                    MemberTy::SigSet(_) | MemberTy::Text(_) | MemberTy::Name(_) | MemberTy::Open(_)
                ) =>
        {
            out.push(Value::ListOpen);
            member(out, cx, &layout.ty, bytes);
            out.push(Value::ListClose);
        }
        _ => structure(out, cx, id, addr, bytes),
    }
}

/// Does it have no members?
pub fn is_scalar(id: StructId, abi: Abi) -> bool {
    function(id).is_none() && scalar_of(id, abi).is_some()
}

/// A scalar that the kernel reads and then writes: `[3] => [13]`, a length within one pair of brackets.
pub fn both<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    id: StructId,
    before: &'a [u8],
    after: Option<&'a [u8]>,
) {
    let Some(scalar) = scalar_of(id, cx.abi) else {
        return;
    };
    let is_length = matches!(id, StructId::SocklenT | StructId::LsmSize);
    out.push(Value::ListOpen);
    member(out, cx, &scalar.ty, before);
    if let Some(after) = after.filter(|after| *after != before) {
        if !is_length {
            out.push(Value::ListClose);
        }
        out.push(Value::Becomes);
        if !is_length {
            out.push(Value::ListOpen);
        }
        member(out, cx, &scalar.ty, after);
    }
    out.push(Value::ListClose);
}

/// The only member, without a name, of what is no structure.
fn scalar_of(id: StructId, abi: Abi) -> Option<Member> {
    let [only] = tables::layout(id, abi)?.members else {
        return None;
    };
    only.name.is_empty().then_some(*only)
}

/// One structure or element of an array; its address where nothing is known about it.
pub fn structure<'a>(
    out: &mut Args<'a>,
    cx: &Cx<'_, 'a>,
    id: StructId,
    addr: u64,
    bytes: &'a [u8],
) {
    if let Some(function) = function(id) {
        let before = out.len();
        function(out, cx, bytes);
        if out.len() == before {
            out.push(Value::Addr(addr));
        }
        return;
    }
    if let Some((_, names)) = ORDERS.iter().find(|order| order.0 == id)
        && let Some(fields) = Fields::new(id, cx.abi, bytes)
    {
        out.push(Value::StructOpen);
        fields.show_all(out, cx, names);
        out.push(Value::StructClose);
        return;
    }
    match tables::layout(id, cx.abi) {
        Some(layout) => {
            let before = out.len();
            members(out, cx, layout, bytes);
            if out.len() == before {
                out.push(Value::Addr(addr));
            }
        }
        None => out.push(Value::Addr(addr)),
    }
}
