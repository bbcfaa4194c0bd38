//! Where the running kernel keeps the fields that the probes need: a small reader of
//! `/sys/kernel/btf/vmlinux` (format: `Documentation/bpf/btf.rst` of the kernel).
//!
//! Bytes in, [`Offsets`] out. The file comes from the kernel but is still read with bounds checks.

use std::collections::HashMap;

use strace_ebpf_common::config::Offsets;

const MAGIC: u16 = 0xeb9f;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_ENUM: u32 = 6;
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
    structs: HashMap<&'a [u8], u32>,
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
            structs: HashMap::new(),
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
            if kind == KIND_STRUCT {
                let name = self.string(u32_at(self.types, at)?)?;
                if !name.is_empty() {
                    self.structs.entry(name).or_insert(self.starts.len() as u32);
                }
            }
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

    fn string(&self, offset: u32) -> Option<&'a [u8]> {
        let rest = self.strings.get(offset as usize..)?;
        rest.get(..memchr::memchr(0, rest)?)
    }

    /// Byte offset of `path` (member, or members joined by dots) in `structure`.
    #[must_use]
    pub fn offset_of(&self, structure: &str, path: &str) -> Option<u32> {
        let mut id = *self.structs.get(structure.as_bytes())?;
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

    /// Everything that the probes need; `Err` names what this kernel does not have.
    pub fn offsets(&self) -> Result<Offsets, String> {
        let find = |structure: &str, path: &str| {
            self.offset_of(structure, path)
                .ok_or_else(|| format!("{structure}.{path}"))
        };
        Ok(Offsets {
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
            _pad: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct outer { int a; struct { int b; long c; }; };` with bit offsets 0, 64 (b 0, c 64).
    fn sample() -> Vec<u8> {
        let strings = b"\0outer\0a\0b\0c\0";
        let mut types: Vec<u32> = Vec::new();
        types.extend([0, KIND_INT << 24, 4, 32]); // 1: int
        types.extend([0, KIND_STRUCT << 24 | 2, 16, 9, 1, 0, 11, 1, 64]); // 2: anonymous
        types.extend([1, KIND_STRUCT << 24 | 2, 24, 7, 1, 0, 0, 2, 64]); // 3: outer
        let mut out = vec![0x9f, 0xeb, 1, 0];
        let type_len = types.len() as u32 * 4;
        for word in [24, 0, type_len, type_len, strings.len() as u32] {
            out.extend(u32::to_le_bytes(word));
        }
        out.extend(types.iter().flat_map(|w| w.to_le_bytes()));
        out.extend(strings);
        out
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
