//! System V IPC and POSIX message queues.

use crate::lines::{Edge, Lines, Ptr};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    // SAFETY: calls without pointers.
    let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
    l.begin();
    memory(l, &edge, uid, gid);
    messages(l, &edge, uid, gid);
    semaphores(l, &edge, uid, gid);
    queues(l, &edge);
    l.end();
}

fn memory(l: &mut Lines, edge: &Edge, uid: u32, gid: u32) {
    let wall = edge.wall();
    let pid = l.pid;
    let id = call!(
        l,
        SYS_shmget,
        [0, 4096, 0o1600],
        "shmget(IPC_PRIVATE, 4096, IPC_CREAT|0600)"
    );
    call!(
        l,
        SYS_shmget,
        [0x1234, -1i64, 0o6777],
        "shmget(0x1234, 18446744073709551615, IPC_EXCL|SHM_HUGETLB|0777)"
    );
    let at = quiet!(l, SYS_shmat, [id, NULL, 0o10000]);
    l.line(
        "shmat(%, NULL, SHM_RDONLY) = %",
        &[&id, &Ptr(at as *const u8)],
    );
    call!(
        l,
        SYS_shmat,
        [-1i32, 1, 0o170000],
        "shmat(-1, 0x1, SHM_RDONLY|SHM_RND|SHM_REMAP|SHM_EXEC)"
    );
    let mut ds = [0u64; 14];
    call!(
        l,
        SYS_shmctl,
        [id, 2, &raw mut ds],
        "shmctl(%, IPC_STAT, {shm_perm={uid=%, gid=%, mode=0600, key=0, cuid=%, cgid=%}, shm_segsz=4096, shm_cpid=%, shm_lpid=%, shm_nattch=1, shm_atime=%, shm_dtime=0, shm_ctime=%})",
        id,
        uid,
        gid,
        uid,
        gid,
        pid,
        pid,
        ds[7],
        ds[9]
    );
    call!(
        l,
        SYS_shmctl,
        [-1i32, 2, wall],
        "shmctl(-1, IPC_STAT, %)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_shmctl,
        [-1i32, 99, wall],
        "shmctl(-1, 0x63 /* SHM_??? */, %)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_shmctl,
        [id, 11, NULL],
        "shmctl(%, SHM_LOCK, NULL)",
        id
    );
    call!(l, SYS_shmdt, [at], "shmdt(%)", Ptr(at as *const u8));
    call!(l, SYS_shmdt, [1], "shmdt(0x1)");
    call!(
        l,
        SYS_shmctl,
        [id, 0, NULL],
        "shmctl(%, IPC_RMID, NULL)",
        id
    );
}

#[repr(C)]
struct Message {
    kind: i64,
    text: [u8; 40],
}

fn messages(l: &mut Lines, edge: &Edge, uid: u32, gid: u32) {
    let wall = edge.wall();
    let pid = l.pid;
    let id = call!(l, SYS_msgget, [0, 0o600], "msgget(IPC_PRIVATE, 0600)");
    call!(
        l,
        SYS_msgget,
        [0x1234, 0o3000],
        "msgget(0x1234, IPC_CREAT|IPC_EXCL|000)"
    );
    let mut message = Message {
        kind: 5,
        text: [b'm'; 40],
    };
    call!(
        l,
        SYS_msgsnd,
        [id, &raw const message, 3, 0o4000],
        r#"msgsnd(%, {mtype=5, mtext="mmm"}, 3, IPC_NOWAIT)"#,
        id
    );
    call!(
        l,
        SYS_msgsnd,
        [id, &raw const message, 40, 0],
        r#"msgsnd(%, {mtype=5, mtext="mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"...}, 40, 0)"#,
        id
    );
    call!(
        l,
        SYS_msgsnd,
        [id, wall, 3, 0],
        "msgsnd(%, %, 3, 0)",
        id,
        Ptr(wall)
    );
    call!(
        l,
        SYS_msgrcv,
        [id, &raw mut message, 40, 5, 0o14000],
        r#"msgrcv(%, {mtype=5, mtext="mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"...}, 40, 5, MSG_NOERROR|IPC_NOWAIT)"#,
        id
    );
    call!(
        l,
        SYS_msgrcv,
        [id, wall, 40, -7i64, 0o44000],
        "msgrcv(%, %, 40, -7, MSG_COPY|IPC_NOWAIT)",
        id,
        Ptr(wall)
    );
    let mut ds = [0u64; 15];
    call!(
        l,
        SYS_msgctl,
        [id, 2, &raw mut ds],
        "msgctl(%, IPC_STAT, {msg_perm={uid=%, gid=%, mode=0600, key=0, cuid=%, cgid=%}, msg_stime=%, msg_rtime=%, msg_ctime=%, msg_qnum=1, msg_qbytes=%, msg_lspid=%, msg_lrpid=%})",
        id,
        uid,
        gid,
        uid,
        gid,
        ds[6],
        ds[7],
        ds[8],
        ds[11],
        pid,
        pid
    );
    call!(
        l,
        SYS_msgctl,
        [id, 0, NULL],
        "msgctl(%, IPC_RMID, NULL)",
        id
    );
    call!(
        l,
        SYS_msgctl,
        [-1i32, 77, wall],
        "msgctl(-1, 0x4d /* MSG_??? */, %)",
        Ptr(wall)
    );
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Op {
    number: u16,
    op: i16,
    flags: i16,
}

fn semaphores(l: &mut Lines, edge: &Edge, uid: u32, gid: u32) {
    let wall = edge.wall();
    let id = call!(l, SYS_semget, [0, 2, 0o600], "semget(IPC_PRIVATE, 2, 0600)");
    call!(
        l,
        SYS_semget,
        [0x1234, -1i32, 0o3777],
        "semget(0x1234, -1, IPC_CREAT|IPC_EXCL|0777)"
    );
    let ops = [
        Op {
            number: 0,
            op: 1,
            flags: 0x1000,
        },
        Op {
            number: 1,
            op: 2,
            flags: 0x800,
        },
    ];
    call!(
        l,
        SYS_semop,
        [id, &raw const ops, 2],
        "semop(%, [{sem_num=0, sem_op=1, sem_flg=SEM_UNDO}, {sem_num=1, sem_op=2, sem_flg=IPC_NOWAIT}], 2)",
        id
    );
    let cut = edge.cut(ops, 6);
    call!(
        l,
        SYS_semop,
        [id, cut, 2],
        "semop(%, [{sem_num=0, sem_op=1, sem_flg=SEM_UNDO}, ... /* % */], 2)",
        id,
        Ptr(wall)
    );
    let time = [0i64, 1];
    let wait = [Op {
        number: 0,
        op: -9,
        flags: 0,
    }];
    call!(
        l,
        SYS_semtimedop,
        [id, &raw const wait, 1, &raw const time],
        "semtimedop(%, [{sem_num=0, sem_op=-9, sem_flg=0}], 1, {tv_sec=0, tv_nsec=1})",
        id
    );
    call!(
        l,
        SYS_semtimedop,
        [id, wall, 1, wall],
        "semtimedop(%, %, 1, %)",
        id,
        Ptr(wall),
        Ptr(wall)
    );
    let mut ds = [0u64; 13];
    call!(
        l,
        SYS_semctl,
        [id, 0, 2, &raw mut ds],
        "semctl(%, 0, IPC_STAT, {sem_perm={uid=%, gid=%, mode=0600, key=0, cuid=%, cgid=%}, sem_otime=%, sem_ctime=%, sem_nsems=2})",
        id,
        uid,
        gid,
        uid,
        gid,
        ds[6],
        ds[8]
    );
    call!(
        l,
        SYS_semctl,
        [id, 1, 12, 0],
        "semctl(%, 1, GETVAL, NULL)",
        id
    );
    call!(
        l,
        SYS_semctl,
        [id, 1, 16, 5],
        "semctl(%, 1, SETVAL, 0x5)",
        id
    );
    call!(
        l,
        SYS_semctl,
        [-1i32, 0, 2, wall],
        "semctl(-1, 0, IPC_STAT, %)",
        Ptr(wall)
    );
    call!(
        l,
        SYS_semctl,
        [-1i32, 0, 99, 7],
        "semctl(-1, 0, 0x63 /* SEM_??? */, 0x7)"
    );
    call!(
        l,
        SYS_semctl,
        [id, 0, 0, 0],
        "semctl(%, 0, IPC_RMID, NULL)",
        id
    );
}

fn queues(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let attr = [0x800i64, 2, 16, 0, 0, 0, 0, 0];
    call!(
        l,
        SYS_mq_open,
        [c"no/name", 0x80042, 0o600, &raw const attr],
        r#"mq_open("no/name", O_RDWR|O_CREAT|O_CLOEXEC, 0600, {mq_flags=0x800, mq_maxmsg=2, mq_msgsize=16, mq_curmsgs=0})"#
    );
    call!(l, SYS_mq_open, [c"none", 0], r#"mq_open("none", O_RDONLY)"#);
    call!(l, SYS_mq_unlink, [wall], "mq_unlink(%)", Ptr(wall));
    let time = [1i64, 2];
    call!(
        l,
        SYS_mq_timedsend,
        [-1i32, c"abc", 3, 9, &raw const time],
        r#"mq_timedsend(-1, "abc", 3, 9, {tv_sec=1, tv_nsec=2})"#
    );
    call!(
        l,
        SYS_mq_timedreceive,
        [-1i32, wall, 3, wall, NULL],
        "mq_timedreceive(-1, %, 3, %, NULL)",
        Ptr(wall),
        Ptr(wall)
    );
    call!(
        l,
        SYS_mq_getsetattr,
        [-1i32, &raw const attr, wall],
        "mq_getsetattr(-1, {mq_flags=O_NONBLOCK, mq_maxmsg=2, mq_msgsize=16, mq_curmsgs=0}, %)",
        Ptr(wall)
    );
    call!(l, SYS_mq_notify, [-1i32, NULL], "mq_notify(-1, NULL)");
}
