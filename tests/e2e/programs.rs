//! Which BPF programs of ours are loaded, asked of the kernel itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

const PROG_GET_NEXT_ID: i32 = 11;
const PROG_GET_FD_BY_ID: i32 = 13;
const OBJ_GET_INFO_BY_FD: i32 = 15;
/// Offset of `bpf_prog_info.name`, 16 bytes.
const NAME_AT: usize = 64;
/// Offset of `bpf_prog_info.verified_insns`.
const VERIFIED_AT: usize = 216;
const OURS: [&str; 7] = [
    "enter_", "exit_", "fork_", "exec_", "gone_", "sig_", "survey_",
];

fn bpf(command: i32, attr: &mut [u8]) -> Option<i32> {
    // SAFETY: the attribute lives through the call, and its pointers are made by `name`.
    let ret = unsafe { libc::syscall(libc::SYS_bpf, command, attr.as_mut_ptr(), attr.len()) };
    (ret >= 0).then_some(ret as i32)
}

/// `struct bpf_prog_info` of a program.
fn info(id: u32) -> Option<[u8; 256]> {
    let mut attr = [0; 12];
    attr[..4].copy_from_slice(&id.to_ne_bytes());
    let fd = bpf(PROG_GET_FD_BY_ID, &mut attr)?;
    let mut info = [0u8; 256];
    let mut attr = [0; 16];
    attr[..4].copy_from_slice(&fd.to_ne_bytes());
    attr[4..8].copy_from_slice(&(info.len() as u32).to_ne_bytes());
    attr[8..].copy_from_slice(&(info.as_mut_ptr() as u64).to_ne_bytes());
    let ok = bpf(OBJ_GET_INFO_BY_FD, &mut attr);
    // SAFETY: a descriptor that we just got.
    unsafe { libc::close(fd) };
    ok.map(|_| info)
}

/// How many instructions the verifier looked at, 0 before Linux 5.16.
pub fn verified(id: u32) -> Option<u32> {
    Some(u32::from_ne_bytes(
        info(id)?[VERIFIED_AT..VERIFIED_AT + 4].try_into().unwrap(),
    ))
}

fn name(id: u32) -> Option<String> {
    let info = info(id)?;
    let name = &info[NAME_AT..NAME_AT + 16];
    let len = name.iter().position(|b| *b == 0).unwrap_or(16);
    Some(String::from_utf8_lossy(&name[..len]).into_owned())
}

/// Programs with names of ours, by id.
pub fn loaded() -> BTreeMap<u32, String> {
    let (mut all, mut id) = (BTreeMap::new(), 0u32);
    loop {
        let mut attr = [0; 12];
        attr[..4].copy_from_slice(&id.to_ne_bytes());
        if bpf(PROG_GET_NEXT_ID, &mut attr).is_none() {
            return all;
        }
        id = u32::from_ne_bytes(attr[4..8].try_into().unwrap());
        if let Some(name) = name(id).filter(|name| OURS.iter().any(|start| name.starts_with(start)))
        {
            all.insert(id, name);
        }
    }
}

/// Programs that a running tracer has open: of other tests, or of somebody else on this machine.
fn in_use() -> BTreeSet<u32> {
    let mut ids = BTreeSet::new();
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let exe = std::fs::read_link(process.path().join("exe")).unwrap_or_default();
        let name = exe.file_name().unwrap_or_default().to_string_lossy();
        // Rebuilt meanwhile, it is "strace-ebpf (deleted)".
        if name.starts_with("strace-ebpf") {
            ids.extend(programs_of(&process.path()));
        }
    }
    ids
}

/// Programs that a process has open, itself or through a link.
pub fn programs_of(process: &Path) -> Vec<u32> {
    let files = std::fs::read_dir(process.join("fdinfo"));
    let texts = files.into_iter().flatten().flatten();
    let texts = texts.map(|file| std::fs::read_to_string(file.path()).unwrap_or_default());
    texts
        .filter_map(|text| {
            let id = text
                .lines()
                .find_map(|line| line.strip_prefix("prog_id:"))?;
            id.trim().parse().ok()
        })
        .collect()
}

/// Fails if a program of ours is loaded and no running tracer holds it. The kernel frees
/// programs a moment after their last user is gone.
#[track_caller]
pub fn assert_none_left() {
    let end = Instant::now() + Duration::from_secs(5) * crate::harness::slow();
    loop {
        let loaded = loaded();
        let used = in_use();
        let left: Vec<_> = loaded.iter().filter(|(id, _)| !used.contains(id)).collect();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "left behind: {left:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
