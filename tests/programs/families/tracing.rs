//! Other processes' memory and state: process_vm_readv, move_pages, kcmp, ptrace.

use crate::lines::{Edge, Lines, Ptr, words};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    l.begin();
    memory(l, &edge);
    nodes(l, &edge);
    comparing(l, &edge);
    requests(l, &edge);
    structures(l, &edge);
    l.end();
}

fn memory(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let text = c"hello world";
    let from = [text.as_ptr() as usize, 11];
    let mut room = [0u8; 11];
    let to = [room.as_mut_ptr() as usize, 11];
    let pid = l.pid;
    call!(
        l,
        SYS_process_vm_readv,
        [pid, &to, 1, &from, 1, 0],
        r#"process_vm_readv(%, [{iov_base="hello world", iov_len=11}], 1, [{iov_base=%, iov_len=11}], 1, 0)"#,
        pid,
        Ptr(text.as_ptr())
    );
    call!(
        l,
        SYS_process_vm_readv,
        [-1i32, &to, 1, &from, 1, 0],
        r#"process_vm_readv(-1, [{iov_base=%, iov_len=11}], 1, [{iov_base=%, iov_len=11}], 1, 0)"#,
        Ptr(room.as_ptr()),
        Ptr(text.as_ptr())
    );
    call!(
        l,
        SYS_process_vm_writev,
        [-1i32, &from, 1, &to, 1, 0],
        r#"process_vm_writev(-1, [{iov_base="hello world", iov_len=11}], 1, [{iov_base=%, iov_len=11}], 1, 0)"#,
        Ptr(room.as_ptr())
    );
    call!(
        l,
        SYS_process_vm_writev,
        [1, wall, 1, NULL, 40, 0],
        r#"process_vm_writev(1, %, 1, NULL, 40, 0)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_process_madvise,
        [-1i32, &to, 1, 21, 1],
        r#"process_madvise(-1, [{iov_base=%, iov_len=11}], 1, MADV_PAGEOUT, 0x1)"#,
        Ptr(room.as_ptr())
    );
    call!(
        l,
        SYS_process_madvise,
        [-1i32, wall, 2, 255, 0],
        r#"process_madvise(-1, %, 2, 0xff /* MADV_??? */, 0)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_process_mrelease,
        [-1i32, 3],
        r#"process_mrelease(-1, 0x3)"#
    );
}

fn nodes(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let pages = [0x1000usize, 0x2000];
    let wanted = [0i32, 1];
    let mut status = [9i32; 2];
    call!(
        l,
        SYS_set_mempolicy_home_node,
        [0x1000, 4096, 1, 7],
        r#"set_mempolicy_home_node(0x1000, 4096, 1, 0x7)"#
    );
    let ret = quiet!(l, SYS_move_pages, [0, 2, &pages, NULL, &raw mut status, 0]);
    if ret == 0 {
        assert_eq!(status, [-libc::EFAULT; 2]);
        l.expect(
            "move_pages(0, 2, [0x1000, 0x2000], NULL, [-EFAULT, -EFAULT], 0)",
            &[],
            ret,
        );
    } else {
        l.expect(
            "move_pages(0, 2, [0x1000, 0x2000], NULL, %, 0)",
            &[&Ptr(&raw const status)],
            ret,
        );
    }
    call!(
        l,
        SYS_move_pages,
        [0x7fff_ffff, 2, &pages, &wanted, wall, 2],
        r#"move_pages(2147483647, 2, [0x1000, 0x2000], [0, 1], %, MPOL_MF_MOVE)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_move_pages,
        [0x7fff_ffff, 2, wall, wall, wall, 4],
        r#"move_pages(2147483647, 2, %, %, %, MPOL_MF_MOVE_ALL)"#,
        Ptr(wall),
        Ptr(wall),
        Ptr(wall)
    );
}

fn comparing(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let slot = [3u32, 4, 5];
    call!(
        l,
        SYS_kcmp,
        [-1i32, -1i32, 0, 0, 1],
        r#"kcmp(-1, -1, KCMP_FILE, 0, 1)"#
    );
    call!(l, SYS_kcmp, [-1i32, 1, 1, 2, 3], r#"kcmp(-1, 1, KCMP_VM)"#);
    call!(
        l,
        SYS_kcmp,
        [-1i32, 1, 7, 1, &slot],
        r#"kcmp(-1, 1, KCMP_EPOLL_TFD, 1, {efd=3, tfd=4, toff=5})"#
    );
    call!(
        l,
        SYS_kcmp,
        [-1i32, 1, 7, 1, wall],
        r#"kcmp(-1, 1, KCMP_EPOLL_TFD, 1, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_kcmp,
        [-1i32, 1, 99, 1, 2],
        r#"kcmp(-1, 1, 0x63 /* KCMP_??? */, 0x1, 0x2)"#
    );
}

fn requests(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(
        l,
        SYS_ptrace,
        [1, -1i32, 8, 0x10],
        r#"ptrace(PTRACE_PEEKTEXT, -1, 0x8, 0x10)"#
    );
    call!(
        l,
        SYS_ptrace,
        [3, -1i32, 8, 0x10],
        r#"ptrace(PTRACE_PEEKUSER, -1, 8*R14, 0x10)"#
    );
    call!(
        l,
        SYS_ptrace,
        [6, -1i32, 120, 7],
        r#"ptrace(PTRACE_POKEUSER, -1, 8*ORIG_RAX, 0x7)"#
    );
    call!(
        l,
        SYS_ptrace,
        [3, -1i32, 848, 7],
        r#"ptrace(PTRACE_PEEKUSER, -1, offsetof(struct user, u_debugreg), 0x7)"#
    );
    call!(
        l,
        SYS_ptrace,
        [4, -1i32, 0x80, 0x1234],
        r#"ptrace(PTRACE_POKETEXT, -1, 0x80, 0x1234)"#
    );
    call!(
        l,
        SYS_ptrace,
        [7, -1i32, 8, 16],
        r#"ptrace(PTRACE_CONT, -1, 0x8, SIGSTKFLT)"#
    );
    call!(
        l,
        SYS_ptrace,
        [31, -1i32, 0, 0],
        r#"ptrace(PTRACE_SYSEMU, -1, NULL, 0)"#
    );
    call!(
        l,
        SYS_ptrace,
        [8, -1i32, 8, 16],
        r#"ptrace(PTRACE_KILL, -1)"#
    );
    call!(
        l,
        SYS_ptrace,
        [16, -1i32, 8, 16],
        r#"ptrace(PTRACE_ATTACH, -1)"#
    );
    call!(
        l,
        SYS_ptrace,
        [0x4207, -1i32, 8, 16],
        r#"ptrace(PTRACE_INTERRUPT, -1)"#
    );
    call!(
        l,
        SYS_ptrace,
        [0x4206, -1i32, 0, 0x3001ff],
        r#"ptrace(PTRACE_SEIZE, -1, NULL, PTRACE_O_TRACESYSGOOD|PTRACE_O_TRACEFORK|PTRACE_O_TRACEVFORK|PTRACE_O_TRACECLONE|PTRACE_O_TRACEEXEC|PTRACE_O_TRACEVFORKDONE|PTRACE_O_TRACEEXIT|PTRACE_O_TRACESECCOMP|PTRACE_O_EXITKILL|PTRACE_O_SUSPEND_SECCOMP|0x100)"#
    );
    call!(
        l,
        SYS_ptrace,
        [0x4200, -1i32, 0, 1],
        r#"ptrace(PTRACE_SETOPTIONS, -1, NULL, PTRACE_O_TRACESYSGOOD)"#
    );
    call!(
        l,
        SYS_ptrace,
        [12, -1i32, 0, 16],
        r#"ptrace(PTRACE_GETREGS, -1, 0x10)"#
    );
    call!(
        l,
        SYS_ptrace,
        [0x4204, -1i32, 1, 16],
        r#"ptrace(PTRACE_GETREGSET, -1, NT_PRSTATUS, 0x10)"#
    );
    call!(
        l,
        SYS_ptrace,
        [0x4209, -1i32, 8, 16],
        r#"ptrace(PTRACE_PEEKSIGINFO, -1, 0x8, 0x10)"#
    );
    call!(
        l,
        SYS_ptrace,
        [99, -1i32, 8, 16],
        r#"ptrace(0x63 /* PTRACE_??? */, -1, 0x8, 0x10)"#
    );
    call!(
        l,
        SYS_ptrace,
        [0x420a, -1i32, 8, wall],
        r#"ptrace(PTRACE_GETSIGMASK, -1, 8, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ptrace,
        [0x420c, -1i32, 0, wall],
        r#"ptrace(PTRACE_SECCOMP_GET_FILTER, -1, 0, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ptrace,
        [0x420e, -1i32, 88, wall],
        r#"ptrace(PTRACE_GET_SYSCALL_INFO, -1, 88, %)"#,
        Ptr(wall)
    );
}

fn structures(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let registers: [u64; 27] = std::array::from_fn(|i| i as u64);
    let mask = 2u64;
    let set = [wall as usize, 64];
    let which = words::<16>(&[(7, 8), (1, 4), (2, 4)]);
    let metadata = [1u64, 0];
    let entry = words::<88>(&[(1, 4), (0xc000_003e, 4), (5, 8), (6, 8), (39, 8), (1, 8)]);
    let exit = words::<88>(&[(2, 4), (0, 4), (5, 8), (6, 8), (u64::MAX, 8), (1, 1)]);
    call!(
        l,
        SYS_ptrace,
        [13, -1i32, 0, &registers],
        r#"ptrace(PTRACE_SETREGS, -1, {r15=0, r14=0x1, r13=0x2, r12=0x3, rbp=0x4, rbx=0x5, r11=0x6, r10=0x7, r9=0x8, r8=0x9, rax=0xa, rcx=0xb, rdx=0xc, rsi=0xd, rdi=0xe, orig_rax=0xf, rip=0x10, cs=0x11, eflags=0x12, rsp=0x13, ss=0x14, fs_base=0x15, gs_base=0x16, ds=0x17, es=0x18, fs=0x19, gs=0x1a})"#
    );
    let cut = edge.cut(registers, 200);
    call!(
        l,
        SYS_ptrace,
        [13, -1i32, 0, cut],
        r#"ptrace(PTRACE_SETREGS, -1, %)"#,
        Ptr(cut)
    );
    call!(
        l,
        SYS_ptrace,
        [0x420b, -1i32, 8, &raw const mask],
        r#"ptrace(PTRACE_SETSIGMASK, -1, 8, [INT])"#
    );
    call!(
        l,
        SYS_ptrace,
        [0x420b, -1i32, 5, &raw const mask],
        r#"ptrace(PTRACE_SETSIGMASK, -1, 5, %)"#,
        Ptr(&raw const mask)
    );
    call!(
        l,
        SYS_ptrace,
        [0x4204, -1i32, 0x202, &set],
        r#"ptrace(PTRACE_GETREGSET, -1, NT_X86_XSTATE, {iov_base=%, iov_len=64})"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ptrace,
        [0x4205, -1i32, 1, &set],
        r#"ptrace(PTRACE_SETREGSET, -1, NT_PRSTATUS, {iov_base=%, iov_len=64})"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ptrace,
        [0x4209, -1i32, &which, wall],
        r#"ptrace(PTRACE_PEEKSIGINFO, -1, {off=7, flags=PTRACE_PEEKSIGINFO_SHARED, nr=2}, %)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_ptrace,
        [0x420d, -1i32, 16, &metadata],
        r#"ptrace(PTRACE_SECCOMP_GET_METADATA, -1, 16, {filter_off=1})"#
    );
    call!(
        l,
        SYS_ptrace,
        [0x4212, -1i32, 88, &entry],
        r#"ptrace(PTRACE_SET_SYSCALL_INFO, -1, 88, {op=PTRACE_SYSCALL_INFO_ENTRY, arch=AUDIT_ARCH_X86_64, instruction_pointer=0x5, stack_pointer=0x6, entry={nr=__NR_getpid, args=[0x1, 0, 0, 0, 0, 0]}})"#
    );
    call!(
        l,
        SYS_ptrace,
        [0x4212, -1i32, 88, &exit],
        r#"ptrace(PTRACE_SET_SYSCALL_INFO, -1, 88, {op=PTRACE_SYSCALL_INFO_EXIT, arch=0 /* AUDIT_ARCH_??? */, instruction_pointer=0x5, stack_pointer=0x6, exit={rval=-EPERM, is_error=1}})"#
    );
    call!(
        l,
        SYS_ptrace,
        [0x4212, -1i32, 20, &exit],
        r#"ptrace(PTRACE_SET_SYSCALL_INFO, -1, 20, {op=PTRACE_SYSCALL_INFO_EXIT, arch=0 /* AUDIT_ARCH_??? */, instruction_pointer=0x5})"#
    );
}
