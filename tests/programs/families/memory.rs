//! Memory: mappings, protection, advice, moving, locking, NUMA policy.

use crate::lines::{Edge, Lines, Ptr};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    let wall = edge.wall();
    l.begin();
    let at = quiet!(l, SYS_mmap, [NULL, 16384, 3, 0x22, -1i32, 0]);
    l.line(
        "mmap(NULL, 16384, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = %",
        &[&hex(at)],
    );
    let ret = quiet!(l, SYS_mmap, [at, 4096, 5, 0x4032, -1i32, 0]);
    l.line("mmap(%, 4096, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = %", &[&hex(at), &hex(ret)]);
    call!(
        l,
        SYS_mmap,
        [NULL, 0, 0x1000_0008, 0x3, 77, 4096],
        "mmap(NULL, 0, PROT_SEM|0x10000000, MAP_SHARED_VALIDATE, 77, 0x1000)"
    );
    call!(
        l,
        SYS_mmap,
        [NULL, 4096, 0x0300_0001, 0x8000_0001u32, -1i32, 0],
        "mmap(NULL, 4096, PROT_READ|PROT_GROWSDOWN|PROT_GROWSUP, MAP_SHARED|32<<MAP_HUGE_SHIFT, -1, 0)"
    );
    call!(
        l,
        SYS_mmap,
        [1, 4096, 1, 0x5404_0122u32, 5, -4096i64],
        "mmap(0x1, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_GROWSDOWN|MAP_HUGETLB|21<<MAP_HUGE_SHIFT, 5, 0xfffffffffffff000)"
    );
    call!(
        l,
        SYS_mprotect,
        [at, 4096, 0],
        "mprotect(%, 4096, PROT_NONE)",
        hex(at)
    );
    call!(
        l,
        SYS_mprotect,
        [at + 1, 1, 7],
        "mprotect(%, 1, PROT_READ|PROT_WRITE|PROT_EXEC)",
        hex(at + 1)
    );
    call!(
        l,
        SYS_pkey_mprotect,
        [at, 4096, 1, -1i32],
        "pkey_mprotect(%, 4096, PROT_READ, -1)",
        hex(at)
    );
    call!(
        l,
        SYS_pkey_alloc,
        [1, 3],
        "pkey_alloc(0x1, PKEY_DISABLE_ACCESS|PKEY_DISABLE_WRITE)"
    );
    call!(l, SYS_pkey_free, [-1i32], "pkey_free(-1)");
    call!(
        l,
        SYS_madvise,
        [at, 4096, 4],
        "madvise(%, 4096, MADV_DONTNEED)",
        hex(at)
    );
    call!(
        l,
        SYS_madvise,
        [1, 4096, 0x777],
        "madvise(0x1, 4096, 0x777 /* MADV_??? */)"
    );
    call!(
        l,
        SYS_process_madvise,
        [-1i32, NULL, 0, 20, 0],
        "process_madvise(-1, NULL, 0, MADV_COLD, 0)"
    );
    call!(
        l,
        SYS_mremap,
        [1, 4096, 8192, 0],
        "mremap(0x1, 4096, 8192, 0)"
    );
    call!(
        l,
        SYS_mremap,
        [1, 4096, 8192, 3, 0x2000],
        "mremap(0x1, 4096, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x2000)"
    );
    let moved = quiet!(l, SYS_mremap, [at, 16384, 4096, 1]);
    l.line(
        "mremap(%, 16384, 4096, MREMAP_MAYMOVE) = %",
        &[&hex(at), &hex(moved)],
    );
    call!(
        l,
        SYS_msync,
        [1, 4096, 7],
        "msync(0x1, 4096, MS_SYNC|MS_ASYNC|MS_INVALIDATE)"
    );
    let mut core = [9u8; 4];
    call!(
        l,
        SYS_mincore,
        [at, 4096, &raw mut core],
        "mincore(%, 4096, [0])",
        hex(at)
    );
    call!(
        l,
        SYS_mincore,
        [1, 4096, &raw mut core],
        "mincore(0x1, 4096, %)",
        Ptr(&raw const core)
    );
    call!(l, SYS_mlock, [at, 4096], "mlock(%, 4096)", hex(at));
    call!(
        l,
        SYS_mlock2,
        [1, 4096, 3],
        "mlock2(0x1, 4096, MLOCK_ONFAULT|0x2)"
    );
    call!(l, SYS_munlock, [at, 4096], "munlock(%, 4096)", hex(at));
    call!(l, SYS_mlockall, [0x18], "mlockall(0x18 /* MCL_??? */)");
    call!(l, SYS_mlockall, [0], "mlockall(0)");
    call!(l, SYS_munlockall, [], "munlockall()");
    call!(l, SYS_munmap, [at, 16384], "munmap(%, 16384)", hex(at));
    call!(l, SYS_munmap, [1, 0], "munmap(0x1, 0)");
    call!(
        l,
        SYS_remap_file_pages,
        [1, 4096, 0, 0, 0x10000],
        "remap_file_pages(0x1, 4096, PROT_NONE, 0, MAP_FILE|MAP_NONBLOCK)"
    );
    let brk = quiet!(l, SYS_brk, [NULL]);
    l.line("brk(NULL) = %", &[&hex(brk)]);
    let ret = quiet!(l, SYS_brk, [1]);
    l.line("brk(0x1) = %", &[&hex(ret)]);
    policies(l, wall);
    let ret = quiet!(l, SYS_memfd_create, [c"name", 0x1]);
    l.expect(r#"memfd_create("name", MFD_CLOEXEC)"#, &[], ret);
    call!(
        l,
        SYS_memfd_create,
        [wall, 0x8000_0006u32],
        "memfd_create(%, MFD_ALLOW_SEALING|MFD_HUGETLB|32<<MFD_HUGE_SHIFT)",
        Ptr(wall)
    );
    call!(l, SYS_memfd_secret, [5], "memfd_secret(0x5)");
    call!(l, SYS_userfaultfd, [0x800], "userfaultfd(O_NONBLOCK)");
    l.end();
}

fn policies(l: &mut Lines, wall: *const u8) {
    let mask = [5u64, 0];
    call!(
        l,
        SYS_set_mempolicy,
        [0x8000, NULL, 0],
        "set_mempolicy(MPOL_DEFAULT|MPOL_F_STATIC_NODES, NULL, 0)"
    );
    call!(
        l,
        SYS_set_mempolicy,
        [9, &raw const mask, 65],
        "set_mempolicy(0x9 /* MPOL_??? */, [0x00000000000005], 65)"
    );
    call!(
        l,
        SYS_mbind,
        [1, 4096, 2, &raw const mask, 129, 3],
        "mbind(0x1, 4096, MPOL_BIND, [0x00000000000005, 0000000000000000], 129, MPOL_MF_STRICT|MPOL_MF_MOVE)"
    );
    let mut mode = 7i32;
    call!(
        l,
        SYS_get_mempolicy,
        [&raw mut mode, NULL, 0, NULL, 0],
        "get_mempolicy([MPOL_DEFAULT], NULL, 0, NULL, 0)"
    );
    call!(
        l,
        SYS_get_mempolicy,
        [wall, NULL, 0, NULL, 7],
        "get_mempolicy(%, NULL, 0, NULL, MPOL_F_NODE|MPOL_F_ADDR|MPOL_F_MEMS_ALLOWED)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_migrate_pages,
        [-1i32, 65, &raw const mask, NULL],
        "migrate_pages(-1, 65, [0x00000000000005], NULL)"
    );
    let pages = [0x1000usize, 0x2000];
    let nodes = [0i32, 1];
    let status = [0i32; 2];
    call!(
        l,
        SYS_move_pages,
        [
            -1i32,
            2,
            &raw const pages,
            &raw const nodes,
            &raw const status,
            2
        ],
        "move_pages(-1, 2, [0x1000, 0x2000], [0, 1], %, MPOL_MF_MOVE)",
        Ptr(&raw const status)
    );
    call!(
        l,
        SYS_move_pages,
        [-1i32, 2, wall, NULL, NULL, 16],
        "move_pages(-1, 2, %, NULL, NULL, 0x10 /* MPOL_??? */)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_membarrier,
        [0x300, 1, 5],
        "membarrier(0x300 /* MEMBARRIER_CMD_??? */, MEMBARRIER_CMD_FLAG_CPU, 5)"
    );
}

fn hex(at: i64) -> Ptr<u8> {
    Ptr(at as *const u8)
}
