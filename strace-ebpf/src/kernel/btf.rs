//! Where the running kernel keeps the fields that the probes need: a small reader of
//! `/sys/kernel/btf/vmlinux` (format: `Documentation/bpf/btf.rst` of the kernel).
//!
//! Bytes in, [`Offsets`] out. The file comes from the kernel but is still read with bounds checks.

use strace_ebpf_common::config::{FileOffsets, Offsets, SocketOffsets};

const MAGIC: u16 = 0xeb9f;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_ENUM: u32 = 6;
const KIND_TYPEDEF: u32 = 8;
const KIND_FUNC: u32 = 12;
const KIND_FUNC_PROTO: u32 = 13;
const KIND_VAR: u32 = 14;
const KIND_DATASEC: u32 = 15;
const KIND_DECL_TAG: u32 = 17;
const KIND_ENUM64: u32 = 19;
const KIND_INT: u32 = 1;

/// A parsed index over BTF bytes.
pub struct Btf<'a> {
    strings: &'a [u8],
    types: &'a [u8],
    /// Start of each type in `types`, by id - 1.
    starts: Vec<u32>,
}

/// Structures that the probes look into.
const STRUCTURES: [&str; 10] = [
    "task_struct",
    "mm_struct",
    "linux_binprm",
    "pid",
    "pid_namespace",
    "files_struct",
    "fdtable",
    "file",
    "socket",
    "sock",
];

/// Those between a descriptor and a path or a socket's ends.
const FILE_STRUCTURES: [&str; 19] = [
    "task_struct",
    "fs_struct",
    "file",
    "path",
    "inode",
    "ns_common",
    "proc_ns_operations",
    "super_block",
    "dentry",
    "qstr",
    "hlist_bl_node",
    "mount",
    "vfsmount",
    "sock",
    "inet_sock",
    "socket_alloc",
    "unix_sock",
    "unix_address",
    "netlink_sock",
];

/// Begins the name of a tracepoint's typedef.
const TRACE_PREFIX: &[u8] = b"btf_trace_";

/// The numbers of the tracepoints' types, by which programs are loaded for them.
#[derive(Clone, Debug, Default)]
pub struct TraceTypes(Vec<(Box<str>, u32)>);

impl TraceTypes {
    /// The number of one tracepoint's type.
    #[must_use]
    pub fn number(&self, tracepoint: &str) -> Option<u32> {
        let found = self.0.iter().find(|(name, _)| **name == *tracepoint);
        found.map(|(_, number)| *number)
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, u32); N]> for TraceTypes {
    fn from(list: [(&str, u32); N]) -> Self {
        Self(list.map(|(name, number)| (name.into(), number)).into())
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

impl<'a> Btf<'a> {
    /// Indexes the structures of `bytes`; `None` if they are not BTF.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        if u16::from_le_bytes(bytes.get(..2)?.try_into().ok()?) != MAGIC {
            return None;
        }
        let header = u32_at(bytes, 4)? as usize;
        let section = |at: usize| -> Option<&'a [u8]> {
            let start = header + u32_at(bytes, at)? as usize;
            bytes.get(start..start + u32_at(bytes, at + 4)? as usize)
        };
        let mut btf = Self {
            types: section(8)?,
            strings: section(16)?,
            starts: Vec::with_capacity(200_000),
        };
        btf.index()?;
        Some(btf)
    }

    fn index(&mut self) -> Option<()> {
        let mut at = 0;
        while at < self.types.len() {
            let info = u32_at(self.types, at + 4)?;
            let (kind, vlen) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
            self.starts.push(at as u32);
            at += 12
                + match kind {
                    KIND_INT | KIND_VAR | KIND_DECL_TAG => 4,
                    KIND_ARRAY => 12,
                    KIND_STRUCT | KIND_UNION | KIND_DATASEC | KIND_ENUM64 => 12 * vlen,
                    KIND_ENUM | KIND_FUNC_PROTO => 8 * vlen,
                    _ => 0,
                };
        }
        Some(())
    }

    /// Number and name of every type of this kind.
    fn of_kind(&self, kind: u32) -> impl Iterator<Item = (u32, &'a [u8])> {
        (1..).zip(&self.starts).filter_map(move |(number, at)| {
            let at = *at as usize;
            if u32_at(self.types, at + 4)? >> 24 & 0x1f != kind {
                return None;
            }
            Some((
                number,
                self.strings.get(u32_at(self.types, at)? as usize..)?,
            ))
        })
    }

    /// The numbers of these structures, 0 for one that is not there. One pass for all: there are 100,000 types.
    fn structures<const N: usize>(&self, names: [&str; N]) -> [u32; N] {
        let mut numbers = [0; N];
        for (number, rest) in self.of_kind(KIND_STRUCT) {
            for (name, found) in names.iter().zip(&mut numbers) {
                let name = name.as_bytes();
                if *found == 0 && rest.starts_with(name) && rest.get(name.len()) == Some(&0) {
                    *found = number;
                }
            }
        }
        numbers
    }

    /// Every tracepoint's typedef.
    #[must_use]
    pub fn trace_types(&self) -> TraceTypes {
        let name_of = |rest: &[u8]| {
            let name = rest.strip_prefix(TRACE_PREFIX)?;
            let name = name.get(..memchr::memchr(0, name)?)?;
            Some(std::str::from_utf8(name).ok()?.into())
        };
        let typedefs = self.of_kind(KIND_TYPEDEF);
        let named = typedefs.filter_map(|(number, rest)| Some((name_of(rest)?, number)));
        TraceTypes(named.collect())
    }

    fn string(&self, offset: u32) -> Option<&'a [u8]> {
        let rest = self.strings.get(offset as usize..)?;
        rest.get(..memchr::memchr(0, rest)?)
    }

    /// Byte offset of `path` (member, or members joined by dots) in the structure with number `id`.
    fn offset_in(&self, mut id: u32, path: &str) -> Option<u32> {
        let mut total = 0;
        for name in path.split('.') {
            let (bits, member_type) = self.member(id, name.as_bytes(), 0)?;
            total += bits / 8;
            id = member_type;
        }
        Some(total)
    }

    /// Offset in bits and type of a member, looked for in anonymous members too.
    fn member(&self, id: u32, name: &[u8], depth: u32) -> Option<(u32, u32)> {
        let at = *self.starts.get(id.checked_sub(1)? as usize)? as usize;
        let info = u32_at(self.types, at + 4)?;
        let kind = info >> 24 & 0x1f;
        if depth > 8 || (kind != KIND_STRUCT && kind != KIND_UNION) {
            return None;
        }
        let bitfields = info >> 31 != 0;
        for i in 0..(info & 0xffff) as usize {
            let member = at + 12 + 12 * i;
            let member_name = self.string(u32_at(self.types, member)?)?;
            let member_type = u32_at(self.types, member + 4)?;
            let mut bits = u32_at(self.types, member + 8)?;
            if bitfields {
                bits &= 0x00ff_ffff;
            }
            if member_name == name {
                return Some((bits, member_type));
            }
            if member_name.is_empty()
                && let Some((inner, found)) = self.member(member_type, name, depth + 1)
            {
                return Some((bits + inner, found));
            }
        }
        None
    }

    /// The type id of function `name`, to attach to it.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<u32> {
        let is_it = |at: &u32| -> Option<bool> {
            let at = *at as usize;
            let kind = u32_at(self.types, at + 4)? >> 24 & 0x1f;
            Some(kind == KIND_FUNC && self.string(u32_at(self.types, at)?)? == name.as_bytes())
        };
        let index = self.starts.iter().position(|at| is_it(at) == Some(true))?;
        Some(index as u32 + 1)
    }

    /// Everything that the probes need; `Err` names what this kernel does not have. What leads to sockets is not
    /// needed: zeros where anything of it is missing.
    pub fn offsets(&self) -> Result<(Offsets, SocketOffsets), String> {
        let numbers = self.structures(STRUCTURES);
        let find = |structure: &str, path: &str| {
            let index = STRUCTURES.iter().position(|name| *name == structure);
            index
                .and_then(|index| self.offset_in(numbers[index], path))
                .ok_or_else(|| format!("{structure}.{path}"))
        };
        let sockets = || {
            Ok::<_, String>(SocketOffsets {
                task_files: find("task_struct", "files")?,
                files_fdt: find("files_struct", "fdt")?,
                fdt_max: find("fdtable", "max_fds")?,
                fdt_array: find("fdtable", "fd")?,
                file_private: find("file", "private_data")?,
                socket_file: find("socket", "file")?,
                socket_sk: find("socket", "sk")?,
                sock_family: find("sock", "__sk_common.skc_family")?,
                sock_protocol: find("sock", "sk_protocol")?,
            })
        };
        let offsets = Offsets {
            task_pid: find("task_struct", "pid")?,
            task_tgid: find("task_struct", "tgid")?,
            task_status: find("task_struct", "thread_info.status")?,
            task_mm: find("task_struct", "mm")?,
            task_exit_code: find("task_struct", "exit_code")?,
            task_comm: find("task_struct", "comm")?,
            task_thread_pid: find("task_struct", "thread_pid")?,
            task_leader: find("task_struct", "group_leader")?,
            mm_arg_start: find("mm_struct", "arg_start")?,
            bprm_filename: find("linux_binprm", "filename")?,
            pid_level: find("pid", "level")?,
            pid_numbers: find("pid", "numbers")?,
            pidns_inum: find("pid_namespace", "ns.inum")?,
            task_stack: find("task_struct", "stack")?,
        };
        Ok((offsets, sockets().unwrap_or_default()))
    }

    /// What leads from a descriptor to a path; `Err` names what this kernel does not have. Sockets
    /// of a family that it does not have cannot be met.
    pub fn file_offsets(&self) -> Result<FileOffsets, String> {
        let numbers = self.structures(FILE_STRUCTURES);
        let find = |structure: &str, path: &str| {
            let index = FILE_STRUCTURES.iter().position(|name| *name == structure);
            index
                .and_then(|index| self.offset_in(numbers[index], path))
                .ok_or_else(|| format!("{structure}.{path}"))
        };
        let maybe = |structure: &str, path: &str| find(structure, path).unwrap_or(0);
        Ok(FileOffsets {
            task_fs: find("task_struct", "fs")?,
            fs_pwd: find("fs_struct", "pwd")?,
            file_path: find("file", "f_path")?,
            file_inode: find("file", "f_inode")?,
            path_mount: find("path", "mnt")?,
            path_dentry: find("path", "dentry")?,
            inode_mode: find("inode", "i_mode")?,
            inode_rdev: find("inode", "i_rdev")?,
            inode_number: find("inode", "i_ino")?,
            inode_super: find("inode", "i_sb")?,
            inode_private: find("inode", "i_private")?,
            ns_ops: find("ns_common", "ops")?,
            ns_name: find("proc_ns_operations", "name")?,
            super_magic: find("super_block", "s_magic")?,
            dentry_parent: find("dentry", "d_parent")?,
            dentry_name: find("dentry", "d_name")?,
            qstr_name: find("qstr", "name")?,
            dentry_hash: find("dentry", "d_hash")?,
            hash_pprev: find("hlist_bl_node", "pprev")?,
            mount_parent: find("mount", "mnt_parent")?,
            mount_point: find("mount", "mnt_mountpoint")?,
            mount_vfs: find("mount", "mnt")?,
            vfs_root: find("vfsmount", "mnt_root")?,
            sock_port: maybe("sock", "__sk_common.skc_num"),
            sock_peer_port: maybe("sock", "__sk_common.skc_dport"),
            sock_address: maybe("sock", "__sk_common.skc_rcv_saddr"),
            sock_peer: maybe("sock", "__sk_common.skc_daddr"),
            sock_address6: maybe("sock", "__sk_common.skc_v6_rcv_saddr"),
            sock_peer6: maybe("sock", "__sk_common.skc_v6_daddr"),
            sock_inode: maybe("sock", "sk_ino"),
            sock_socket: maybe("sock", "sk_socket"),
            socket_inode: maybe("socket_alloc", "vfs_inode"),
            unix_peer: maybe("unix_sock", "peer"),
            unix_address: maybe("unix_sock", "addr"),
            bound_len: maybe("unix_address", "len"),
            bound_name: maybe("unix_address", "name"),
            netlink_port: maybe("netlink_sock", "portid"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct outer { int a; struct { int b; long c; }; };` with bit offsets 0, 64 (b 0, c 64).
    fn sample() -> Vec<u8> {
        let strings = b"\0outer\0a\0b\0c\0call\0";
        let mut types: Vec<u32> = Vec::new();
        types.extend([0, KIND_INT << 24, 4, 32]); // 1: int
        types.extend([0, KIND_STRUCT << 24 | 2, 16, 9, 1, 0, 11, 1, 64]); // 2: anonymous
        types.extend([1, KIND_STRUCT << 24 | 2, 24, 7, 1, 0, 0, 2, 64]); // 3: outer
        types.extend([13, KIND_FUNC << 24, 4]); // 4: call, of a type that is not there
        let mut out = vec![0x9f, 0xeb, 1, 0];
        let type_len = types.len() as u32 * 4;
        for word in [24, 0, type_len, type_len, strings.len() as u32] {
            out.extend(u32::to_le_bytes(word));
        }
        out.extend(types.iter().flat_map(|w| w.to_le_bytes()));
        out.extend(strings);
        out
    }

    impl Btf<'_> {
        fn offset_of(&self, structure: &str, path: &str) -> Option<u32> {
            self.offset_in(self.structures([structure])[0], path)
        }
    }

    #[test]
    fn finds_members_also_in_anonymous_ones() {
        let bytes = sample();
        let btf = Btf::parse(&bytes).expect("valid BTF");
        assert_eq!(btf.offset_of("outer", "a"), Some(0));
        assert_eq!(btf.offset_of("outer", "b"), Some(8));
        assert_eq!(btf.offset_of("outer", "c"), Some(16));
        assert_eq!(btf.offset_of("outer", "d"), None);
        assert_eq!(btf.offset_of("inner", "a"), None);
        assert_eq!(btf.function("call"), Some(4));
        assert_eq!(btf.function("outer"), None, "a structure is no function");
    }

    #[test]
    fn survives_every_cut() {
        let bytes = sample();
        for len in 0..bytes.len() {
            // A cut in the strings may still parse; what matters is that nothing panics.
            if let Some(btf) = Btf::parse(&bytes[..len]) {
                let _ = btf.offset_of("outer", "c");
            }
        }
        assert!(Btf::parse(&bytes[..10]).is_none());
    }
}
