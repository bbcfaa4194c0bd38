//! Calls that hardly any program makes: of modules, of swap, of the machine's own, and those that no kernel has any more.

#![allow(
    deprecated,
    reason = "that the calls are gone does not keep programs from making them"
)]

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{
    answers,
    lines::{Edge, Lines, Ptr, words},
};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    let handler: extern "C" fn(i32) = refuse;
    // SAFETY: a handler that stores a flag.
    unsafe { libc::signal(libc::SIGILL, handler as *const () as usize) };
    answers::begin();
    l.begin();
    call!(
        l,
        SYS_restart_syscall,
        [],
        "restart_syscall(<... resuming interrupted system call ...>)"
    );
    modules(l, &edge);
    machine(l, &edge);
    segments(l, &edge);
    removed(l, &edge);
    parameters(l, &edge);
    probes(l);
    l.end();
}

fn modules(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    done!(
        l,
        SYS_init_module,
        [wall, 4096, c"debug=1 name=x"],
        r#"init_module(%, 4096, "debug=1 name=x")"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_init_module,
        [NULL, 0, c""],
        r#"init_module(NULL, 0, "")"#
    );
    call!(
        l,
        SYS_init_module,
        [NULL, 1, wall],
        "init_module(NULL, 1, %)",
        Ptr(wall)
    );
    done!(
        l,
        SYS_finit_module,
        [5, c"debug=1", 0x7],
        r#"finit_module(5, "debug=1", MODULE_INIT_IGNORE_MODVERSIONS|MODULE_INIT_IGNORE_VERMAGIC|MODULE_INIT_COMPRESSED_FILE)"#
    );
    call!(
        l,
        SYS_finit_module,
        [-1i32, c"a", 0x8],
        r#"finit_module(-1, "a", 0x8 /* MODULE_INIT_??? */)"#
    );
    call!(
        l,
        SYS_finit_module,
        [-1i32, wall, 0],
        "finit_module(-1, %, 0)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_finit_module,
        [-1i32, NULL, -1i32],
        "finit_module(-1, NULL, MODULE_INIT_IGNORE_MODVERSIONS|MODULE_INIT_IGNORE_VERMAGIC|MODULE_INIT_COMPRESSED_FILE|0xfffffff8)"
    );
    done!(
        l,
        SYS_delete_module,
        [c"name", 0xa00],
        r#"delete_module("name", O_NONBLOCK|O_TRUNC)"#
    );
    call!(
        l,
        SYS_delete_module,
        [wall, 0x200],
        "delete_module(%, O_TRUNC)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_create_module,
        [c"name", 4096],
        "create_module(%, 0x1000)",
        Ptr(c"name".as_ptr())
    );
    call!(
        l,
        SYS_get_kernel_syms,
        [wall],
        "get_kernel_syms(%)",
        Ptr(wall)
    );
    call!(l, SYS_get_kernel_syms, [NULL], "get_kernel_syms(0)");
    call!(
        l,
        SYS_query_module,
        [NULL, 1, wall, 5, wall],
        "query_module(0, 0x1, %, 0x5, %)",
        Ptr(wall),
        Ptr(wall)
    );
}

fn machine(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    done!(
        l,
        SYS_swapon,
        [c"/dev/swap", 0x1_8005],
        r#"swapon("/dev/swap", SWAP_FLAG_PREFER|SWAP_FLAG_DISCARD|5)"#
    );
    done!(
        l,
        SYS_swapon,
        [c"/dev/swap", 0x7_ffff],
        r#"swapon("/dev/swap", SWAP_FLAG_PREFER|SWAP_FLAG_DISCARD|SWAP_FLAG_DISCARD_ONCE|SWAP_FLAG_DISCARD_PAGES|32767)"#
    );
    call!(l, SYS_swapon, [c"/no", 0], r#"swapon("/no", 0)"#);
    call!(
        l,
        SYS_swapon,
        [NULL, 0x10_0000],
        "swapon(NULL, 0x100000 /* SWAP_FLAG_??? */|0)"
    );
    call!(
        l,
        SYS_swapon,
        [wall, 0x8000],
        "swapon(%, SWAP_FLAG_PREFER|0)",
        Ptr(wall)
    );
    done!(l, SYS_swapoff, [c"/dev/swap"], r#"swapoff("/dev/swap")"#);
    call!(l, SYS_swapoff, [wall], "swapoff(%)", Ptr(wall));
    done!(
        l,
        SYS_setdomainname,
        [c"example", 7],
        r#"setdomainname("example", 7)"#
    );
    done!(
        l,
        SYS_setdomainname,
        [c"example", 3],
        r#"setdomainname("exa", 3)"#
    );
    call!(
        l,
        SYS_setdomainname,
        [c"example", 65],
        "setdomainname(%, 65)",
        Ptr(c"example".as_ptr())
    );
    call!(
        l,
        SYS_setdomainname,
        [c"example", -1i32],
        "setdomainname(%, 4294967295)",
        Ptr(c"example".as_ptr())
    );
    call!(
        l,
        SYS_setdomainname,
        [wall, 5],
        "setdomainname(%, 5)",
        Ptr(wall)
    );
    done!(l, SYS_sethostname, [c"example", 0], r#"sethostname("", 0)"#);
    done!(
        l,
        SYS_reboot,
        [0xfee1_dead_u32, 672_274_793, 0xa1b2_c3d4_u32, c"kernel"],
        r#"reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART2, "kernel")"#
    );
    done!(
        l,
        SYS_reboot,
        [0xfee1_dead_u32, 85_072_278, 0x0123_4567, wall],
        "reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2A, LINUX_REBOOT_CMD_RESTART)"
    );
    done!(
        l,
        SYS_reboot,
        [0xfee1_dead_u32, 369_367_448, 0xa1b2_c3d4_u32, wall],
        "reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2B, LINUX_REBOOT_CMD_RESTART2, %)",
        Ptr(wall)
    );
    call!(l, SYS_uselib, [c"/no"], r#"uselib("/no")"#);
    call!(l, SYS_uselib, [NULL], "uselib(NULL)");
    call!(l, SYS_uselib, [wall], "uselib(%)", Ptr(wall));
    call!(
        l,
        SYS_lookup_dcookie,
        [7, wall, 5],
        "lookup_dcookie(7, %, 5)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_lookup_dcookie,
        [-1i64, NULL, -1i64],
        "lookup_dcookie(18446744073709551615, NULL, 18446744073709551615)"
    );
    call!(
        l,
        SYS_map_shadow_stack,
        [0, 4096, 0x4],
        "map_shadow_stack(NULL, 4096, 0x4 /* SHADOW_STACK_??? */)"
    );
    call!(
        l,
        SYS_map_shadow_stack,
        [wall, -1i64, 0x3],
        "map_shadow_stack(%, 18446744073709551615, SHADOW_STACK_SET_TOKEN|SHADOW_STACK_SET_MARKER)",
        Ptr(wall)
    );
    done!(
        l,
        SYS_map_shadow_stack,
        [NULL, 4096, 0x1],
        "map_shadow_stack(NULL, 4096, SHADOW_STACK_SET_TOKEN)"
    );
    call!(l, SYS_rseq_slice_yield, [], "rseq_slice_yield()");
}

fn segments(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let segment = [6u32, 0x1000, 0xf_ffff, 0x51];
    let gone = [u32::MAX, 0, 0, 0x28];
    call!(
        l,
        SYS_set_thread_area,
        [&segment],
        "set_thread_area({entry_number=6, base_addr=0x001000, limit=0x0fffff, seg_32bit=1, contents=0, read_exec_only=0, limit_in_pages=1, seg_not_present=0, useable=1, lm=0})"
    );
    call!(l, SYS_set_thread_area, [NULL], "set_thread_area(NULL)");
    call!(
        l,
        SYS_get_thread_area,
        [wall],
        "get_thread_area(%)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_get_thread_area,
        [&gone],
        "get_thread_area({entry_number=-1, ...})"
    );
    answers::answered(l, libc::SYS_set_thread_area, &[segment.as_ptr() as usize]);
    l.line("set_thread_area({entry_number=6, base_addr=0x001000, limit=0x0fffff, seg_32bit=1, contents=0, read_exec_only=0, limit_in_pages=1, seg_not_present=0, useable=1, lm=0}) = 0 (entry_number=6)", &[]);
    done!(
        l,
        SYS_get_thread_area,
        [&gone],
        "get_thread_area({entry_number=-1, base_addr=00000000, limit=00000000, seg_32bit=0, contents=0, read_exec_only=1, limit_in_pages=0, seg_not_present=1, useable=0, lm=0})"
    );
}

fn removed(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    call!(
        l,
        SYS_nfsservctl,
        [1, wall, NULL],
        "nfsservctl(0x1, %, 0)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_getpmsg,
        [1, 2, 3, 4, 5],
        "getpmsg(0x1, 0x2, 0x3, 0x4, 0x5)"
    );
    call!(
        l,
        SYS_putpmsg,
        [-1i32, wall, 3, 4, -1i64],
        "putpmsg(0xffffffffffffffff, %, 0x3, 0x4, 0xffffffffffffffff)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_afs_syscall,
        [0, 1, 2, 3, 4],
        "afs_syscall(0, 0x1, 0x2, 0x3, 0x4)"
    );
    call!(
        l,
        SYS_tuxcall,
        [1, 2, wall],
        "tuxcall(0x1, 0x2, %)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_security,
        [1, 2, -1i64],
        "security(0x1, 0x2, 0xffffffffffffffff)"
    );
    call!(
        l,
        SYS_vserver,
        [1, 2, 3, 4, 5],
        "vserver(0x1, 0x2, 0x3, 0x4, 0x5)"
    );
    call!(
        l,
        SYS_epoll_ctl_old,
        [1, 2, 3, wall],
        "epoll_ctl_old(0x1, 0x2, 0x3, %)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_epoll_wait_old,
        [1, wall, 3, -1i64],
        "epoll_wait_old(0x1, %, 0x3, 0xffffffffffffffff)",
        Ptr(wall)
    );
    done!(
        l,
        SYS_tuxcall,
        [1, 2, wall],
        "tuxcall(0x1, 0x2, %)",
        Ptr(wall)
    );
    done!(
        l,
        SYS_query_module,
        [NULL, 1, wall, 5, wall],
        "query_module(0, 0x1, %, 0x5, %)",
        Ptr(wall),
        Ptr(wall)
    );
}

/// The old call of parameters, by the structure that it took.
fn parameters(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let name = [1i32, 4, 99];
    let mut length = 5usize;
    let room = *b"hello";
    let at = [
        (name.as_ptr() as u64, 8),
        (3, 8),
        (room.as_ptr() as u64, 8),
        (&raw mut length as u64, 8),
        (wall as u64, 8),
        (7, 8),
    ];
    let args = words::<80>(&at);
    call!(
        l,
        SYS__sysctl,
        [&args],
        "_sysctl({name=%, nlen=3, oldval=%, oldlenp=%, newval=%, newlen=7})",
        Ptr(&raw const name),
        Ptr(&raw const room),
        Ptr(&raw const length),
        Ptr(wall)
    );
    call!(l, SYS__sysctl, [wall], "_sysctl(%)", Ptr(wall));
    call!(l, SYS__sysctl, [NULL], "_sysctl(NULL)");
    let cut = edge.cut(args, 40);
    call!(l, SYS__sysctl, [cut], "_sysctl(%)", Ptr(cut));
    done!(
        l,
        SYS__sysctl,
        [&args],
        "_sysctl({name=%, nlen=3, oldval=%, oldlenp=%, newval=%, newlen=7})",
        Ptr(&raw const name),
        Ptr(&raw const room),
        Ptr(&raw const length),
        Ptr(wall)
    );
}

/// Was the call taken for a mistake?
static REFUSED: AtomicBool = AtomicBool::new(false);

extern "C" fn refuse(_: i32) {
    REFUSED.store(true, Ordering::Relaxed);
}

/// Calls that only the kernel's own instructions make; from elsewhere they are as good as an invalid instruction.
fn probes(l: &mut Lines) {
    call!(l, SYS_uretprobe, [], "uretprobe()");
    refused(l);
    call!(l, SYS_uprobe, [], "uprobe()");
    refused(l);
}

fn refused(l: &mut Lines) {
    if REFUSED.swap(false, Ordering::Relaxed) {
        l.line(
            "--- SIGILL {si_signo=SIGILL, si_code=SI_KERNEL, si_addr=NULL} ---",
            &[],
        );
        l.line(
            "rt_sigreturn({mask=[]}) = -1 EPERM (Operation not permitted)",
            &[],
        );
    }
}
