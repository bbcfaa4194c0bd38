//! A program or library on disk: where it is loaded, its unwind tables, its symbols.
//!
//! The file is the tracee's: it may be anything, and may change while it is read. So it is read, never mapped, and what is
//! taken from it has a limit.

use std::{
    fs::{File, Metadata},
    io,
    ops::Range,
    os::unix::fs::{FileTypeExt as _, MetadataExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
};

use object::{Object, ObjectSection, ObjectSegment, ReadCache, SegmentFlags, elf::PF_X};

use super::mmaps::Mapped;

/// Most bytes of one section.
const SECTION_BYTES: u64 = 256 << 20;
/// Bytes of `Elf64_Sym` and `Elf32_Sym`, elf(5).
const SYMBOL64_BYTES: usize = 24;
const SYMBOL32_BYTES: usize = 16;
const STT_NOTYPE: u8 = 0;
const STT_FUNC: u8 = 2;
const STT_GNU_IFUNC: u8 = 10;

/// A section that takes part in unwinding.
#[derive(Clone, Debug)]
pub struct Section {
    /// Addresses as the file has them.
    pub range: Range<u64>,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

/// One file.
#[derive(Debug, Default)]
pub struct Binary {
    /// Parts that are loaded to be executed: first byte in the file, length, address.
    loads: Vec<(u64, u64, u64)>,
    /// `.eh_frame`
    pub eh_frame: Option<Section>,
    /// `.eh_frame_hdr`
    pub eh_frame_hdr: Option<Section>,
    /// `.debug_frame`
    pub debug_frame: Option<Section>,
    /// `.text`, where it is.
    pub text: Option<Range<u64>>,
    /// `.got`, where it is.
    pub got: Option<Range<u64>>,
    /// By address, those of one address in the file's order.
    symbols: Vec<Symbol>,
    names: Vec<Arc<[u8]>>,
    has_symtab: bool,
}

#[derive(Clone, Copy, Debug)]
struct Symbol {
    address: u64,
    size: u64,
    table: u8,
    name: u32,
}

impl Binary {
    /// Reads the file that was mapped into `tgid`; nothing if it cannot be had or is no ELF file.
    #[must_use]
    pub fn open(mapped: &Mapped, tgid: u32) -> Option<Self> {
        if !mapped.path.is_absolute() {
            return None;
        }
        // In the process's own root first, which is another one in containers.
        let relative = mapped.path.strip_prefix("/").ok()?;
        let within = Path::new("/proc")
            .join(tgid.to_string())
            .join("root")
            .join(relative);
        let candidates = [within.as_path(), mapped.path.as_path()];
        let mut files = candidates.iter().filter_map(|path| regular(path).ok());
        let mut first = None;
        let exact = files.find_map(|(file, about)| {
            if about.ino() == mapped.inode {
                return Some(file);
            }
            // Numbers differ where file systems are stacked.
            first.get_or_insert(file);
            None
        });
        let (mut binary, build_id) = Self::read(exact.or(first)?)?;
        if !binary.has_symtab
            && let Some((debug, same)) = build_id.as_deref().and_then(debug_file)
            && same == build_id
        {
            // Names of what the library does not export.
            binary.names = debug.names;
            binary.symbols = debug.symbols;
        }
        Some(binary)
    }

    /// The file, and its build-id.
    fn read(file: File) -> Option<(Self, Option<Vec<u8>>)> {
        let cache = ReadCache::new(file);
        let elf = object::File::parse(&cache).ok()?;
        let section = |name: &str| {
            let section = elf.section_by_name(name)?;
            if section.size() > SECTION_BYTES {
                return None;
            }
            let bytes = section.data().ok()?.into();
            let range = section.address()..section.address().checked_add(section.size())?;
            Some(Section { range, bytes })
        };
        let place = |name: &str| {
            let section = elf.section_by_name(name)?;
            Some(section.address()..section.address().checked_add(section.size())?)
        };
        let executable = |segment: &object::Segment<'_, '_, _>| matches!(segment.flags(), SegmentFlags::Elf { p_flags } if p_flags & PF_X != 0);
        let loads = elf.segments().filter(executable).map(|segment| {
            let (offset, len) = segment.file_range();
            (offset, len, segment.address())
        });
        let mut binary = Self {
            loads: loads.collect(),
            eh_frame: section(".eh_frame"),
            eh_frame_hdr: section(".eh_frame_hdr"),
            debug_frame: section(".debug_frame"),
            text: place(".text"),
            got: place(".got"),
            ..Self::default()
        };
        for (table, names) in [(".symtab", ".strtab"), (".dynsym", ".dynstr")] {
            if let (Some(table), Some(names)) = (section(table), section(names)) {
                binary.add_symbols(&table.bytes, names.bytes, elf.is_64());
            }
        }
        binary.has_symtab = section(".symtab").is_some();
        binary.symbols.sort_by_key(|symbol| symbol.address);
        let build_id = elf.build_id().ok().flatten().map(<[u8]>::to_vec);
        Some((binary, build_id))
    }

    fn add_symbols(&mut self, table: &[u8], names: Arc<[u8]>, wide: bool) {
        let number = self.names.len() as u8;
        self.names.push(names);
        let bytes = if wide { SYMBOL64_BYTES } else { SYMBOL32_BYTES };
        for entry in table.chunks_exact(bytes) {
            let get = |at: usize, len: usize| {
                let part = entry.get(at..at + len).unwrap_or_default();
                part.iter()
                    .rev()
                    .fold(0u64, |sum, &byte| sum << 8 | u64::from(byte))
            };
            // st_name, st_info, st_shndx, st_value, st_size: the two forms differ in order.
            let (kind, section, address, size) = if wide {
                (get(4, 1), get(6, 2), get(8, 8), get(16, 8))
            } else {
                (get(12, 1), get(14, 2), get(4, 4), get(8, 4))
            };
            let is_code = matches!(kind as u8 & 15, STT_NOTYPE | STT_FUNC | STT_GNU_IFUNC);
            let name = get(0, 4) as u32;
            if is_code && section != 0 && address != 0 && name != 0 {
                self.symbols.push(Symbol {
                    address,
                    size,
                    table: number,
                    name,
                });
            }
        }
    }

    /// The address, as the file has it, of a place in the file.
    #[must_use]
    pub fn address_of(&self, offset: u64) -> Option<u64> {
        let mut loads = self.loads.iter();
        // A mapping begins at a page, and so perhaps before the part that it is made for.
        let (start, _, address) = loads.find(|(start, len, _)| {
            let page = start & !0xfff;
            (page..start.saturating_add(*len)).contains(&offset)
        })?;
        Some(address.wrapping_add(offset).wrapping_sub(*start))
    }

    /// The function that is at an address, and how far into it that is. A call that does not return may be a function's
    /// last instruction: so where one `returns` to is looked for one byte before.
    #[must_use]
    pub fn symbol(&self, address: u64, returns: bool) -> Option<(&[u8], u64)> {
        let within = address.checked_sub(u64::from(returns))?;
        let behind = self
            .symbols
            .partition_point(|symbol| symbol.address <= within);
        let before = self.symbols.get(..behind)?;
        let nearest = before.last()?.address;
        let covers = |symbol: &&Symbol| {
            let into = within - symbol.address;
            into < symbol.size || symbol.size == 0 && symbol.address == nearest
        };
        // The nearest that reaches so far; of several at one address the first.
        let found = before.iter().rev().take(64).find(covers)?;
        let first = before.partition_point(|symbol| symbol.address < found.address);
        let found = before.get(first..)?.iter().find(covers)?;
        let names = self.names.get(usize::from(found.table))?;
        let name = names
            .get(found.name as usize..)?
            .split(|&byte| byte == 0)
            .next()?;
        Some((name, address - found.address))
    }
}

/// The file with the symbols of a stripped one, where distributions put it.
fn debug_file(build_id: &[u8]) -> Option<(Binary, Option<Vec<u8>>)> {
    let (first, rest) = build_id.split_first()?;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("/usr/lib/debug/.build-id/{first:02x}/{rest}.debug");
    let (file, _) = regular(Path::new(&path)).ok()?;
    Binary::read(file)
}

/// Opens what is a file and nothing that could keep us waiting.
fn regular(path: &Path) -> io::Result<(File, Metadata)> {
    let mut options = File::options();
    options
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options.open(path)?;
    let about = file.metadata()?;
    if !about.is_file() || about.file_type().is_fifo() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok((file, about))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::space::Spaces;

    #[test]
    fn our_own_functions() {
        let here = our_own_functions as *const () as u64;
        let space = Spaces::default().of(std::process::id(), here);
        let mapped = space.at(here).expect("mapped");
        let binary = Binary::open(mapped, std::process::id()).expect("an ELF file");
        let address = binary
            .address_of(here - mapped.start + mapped.offset)
            .expect("loaded");
        let (name, into) = binary.symbol(address + 3, false).expect("a symbol");
        assert!(String::from_utf8_lossy(name).contains("our_own_functions"));
        assert_eq!(into, 3);
        assert!(binary.eh_frame.is_some() && binary.symbol(0, true).is_none());
    }

    #[test]
    fn what_is_no_program() {
        let mapped = |path: &str| Mapped {
            start: 0,
            end: 1,
            offset: 0,
            path: path.into(),
            inode: 0,
        };
        for path in [
            "[vdso]",
            "/dev/null",
            "/proc/self/maps",
            "/no/file",
            "/etc/passwd",
            "/",
        ] {
            assert!(Binary::open(&mapped(path), 1).is_none(), "{path}");
        }
        let mut odd = Binary::default();
        odd.add_symbols(&[0xff; 100], Arc::from(&b"x\0"[..]), true);
        odd.add_symbols(&[0x12; 100], Arc::from(&b""[..]), false);
        assert_eq!(odd.symbol(u64::MAX, false), None);
        assert_eq!(odd.address_of(5), None);
    }
}
