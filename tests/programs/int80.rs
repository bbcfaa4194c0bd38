//! i386 system calls: from a 64-bit process by `int 0x80`, or a static i386 executable to run.
//!
//! Usage: `int80`: ten each of getpid (20), write (4) of `int80\n` to stdout and open (5) of /etc/passwd,
//! both with buffers below 4 GiB, and getuid32 (199); i386 numbers which mean something else on x86_64.
//! Output: a line `NAME RET` per call. `int80 --elf32 FILE`: writes an executable (mode 755) which calls
//! getpid three times, `write(1, "hi\n", 3)`, `openat(AT_FDCWD, "/etc/hostname", O_RDONLY)` and `exit(7)`;
//! output `wrote FILE BYTES`. `int80 --poll MS`: `ready PID`, then an i386 poll (168) of nothing for so long. `int80 --trap`: dies by `int3`. Elsewhere than on x86_64, `int80` prints `skip` and ends with status 77.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

/// Where the executable is loaded: the usual i386 address.
const BASE: u32 = 0x0804_8000;
const HEADERS: usize = 52 + 32;

/// `mov reg, value` for each of eax, ebx, ecx, edx, esi given, then `int 0x80`.
fn code(values: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (opcode, value) in [0xb8u8, 0xbb, 0xb9, 0xba, 0xbe].iter().zip(values) {
        bytes.push(*opcode);
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0xcd, 0x80]);
    bytes
}

fn text(hi: u32, path: u32) -> Vec<u8> {
    let open_at = [295, libc::AT_FDCWD as u32, path, 0, 0];
    [
        code(&[20]),
        code(&[20]),
        code(&[20]),
        code(&[4, 1, hi, 3]),
        code(&open_at),
        code(&[1, 7]),
    ]
    .concat()
}

fn elf32() -> Vec<u8> {
    let data = BASE + (HEADERS + text(0, 0).len()) as u32;
    let body = [text(data, data + 3), b"hi\n/etc/hostname\0".to_vec()].concat();
    let size = (HEADERS + body.len()) as u32;
    let mut file = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec(); // 32-bit, little-endian
    let half = |file: &mut Vec<u8>, v: &[u16]| v.iter().for_each(|v| file.extend(v.to_le_bytes()));
    let word = |file: &mut Vec<u8>, v: &[u32]| v.iter().for_each(|v| file.extend(v.to_le_bytes()));
    half(&mut file, &[2, 3]); // ET_EXEC, EM_386
    word(&mut file, &[1, BASE + HEADERS as u32, 52, 0, 0]); // version, entry, phoff, shoff, flags
    half(&mut file, &[52, 32, 1, 40, 0, 0]); // sizes and counts of the headers
    word(&mut file, &[1, 0, BASE, BASE, size, size, 5, 0x1000]); // PT_LOAD, readable and executable
    file.extend(body);
    file
}

#[cfg(target_arch = "x86_64")]
fn int80(nr: i32, args: [u32; 3]) -> i32 {
    let mut ret = nr;
    // SAFETY: the callers pass addresses of live memory below 4 GiB; rbx, which LLVM keeps, is swapped
    // back, and r8-r11 are zeroed by kernels before 4.17.
    unsafe {
        std::arch::asm!(
            "xchg rbx, {b}",
            "int 0x80",
            "xchg rbx, {b}",
            b = inout(reg) u64::from(args[0]) => _,
            inout("eax") ret,
            in("ecx") args[1],
            in("edx") args[2],
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
        );
    }
    ret
}

#[cfg(target_arch = "x86_64")]
fn calls(out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let (flags, rw) = (
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT,
        libc::PROT_READ | libc::PROT_WRITE,
    );
    // SAFETY: a fresh anonymous mapping.
    let low = unsafe { libc::mmap(std::ptr::null_mut(), 4096, rw, flags, -1, 0) };
    let address = u32::try_from(low as usize)?;
    let bytes = b"int80\n/etc/passwd\0";
    // SAFETY: the mapping is writable and longer than `bytes`.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), low.cast(), bytes.len()) };
    for (name, nr, args) in [
        ("getpid", 20, [0, 0, 0]),
        ("write", 4, [1, address, 6]),
        ("open", 5, [address + 6, libc::O_RDONLY as u32, 0]),
        ("getuid32", 199, [0, 0, 0]),
    ] {
        for _ in 0..10 {
            writeln!(out, "{name} {}", int80(nr, args))?;
        }
    }
    Ok(())
}

#[cfg(target_arch = "x86_64")]
fn poll(ms: u32) -> i32 {
    println!("ready {}", std::process::id());
    int80(168, [0, 0, ms])
}

#[cfg(not(target_arch = "x86_64"))]
fn poll(_: u32) -> i32 {
    println!("skip");
    std::process::exit(77)
}

#[cfg(not(target_arch = "x86_64"))]
fn calls(_: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    println!("skip");
    std::process::exit(77)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let mut lines = Vec::new();
            calls(&mut lines)?;
            std::io::stdout().write_all(&lines)?;
        }
        ["--elf32", path] => {
            std::fs::write(path, elf32())?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
            println!("wrote {path} {}", elf32().len());
        }
        ["--poll", ms] => println!("poll {}", poll(ms.parse()?)),
        // SAFETY: an instruction that raises SIGTRAP.
        #[cfg(target_arch = "x86_64")]
        ["--trap"] => unsafe { std::arch::asm!("int3") },
        _ => return Err("usage: int80 [--elf32 FILE | --poll MS | --trap]".into()),
    }
    Ok(())
}
