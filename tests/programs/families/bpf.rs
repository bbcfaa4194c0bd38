//! bpf(2) by its commands, perf_event_open(2).

use crate::lines::{Edge, Lines, Ptr, words};

const NULL: usize = 0;

pub fn run(l: &mut Lines) {
    let edge = Edge::new();
    l.begin();
    maps(l, &edge);
    programs(l, &edge);
    objects(l, &edge);
    links(l);
    events(l, &edge);
    l.end();
}

fn maps(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let map = words::<48>(&[
        (99, 4),
        (4, 4),
        (8, 4),
        (10, 4),
        (0x8001, 4),
        (u64::MAX, 4),
        (0, 4),
        (0x0070_616d, 8),
    ]);
    let element = words::<32>(&[(u64::MAX, 8), (0, 8), (1, 8), (1, 8)]);
    let batch = words::<56>(&[
        (0, 8),
        (1, 8),
        (2, 8),
        (3, 8),
        (4, 4),
        (u64::MAX, 4),
        (4, 8),
        (2, 8),
    ]);
    call!(
        l,
        SYS_bpf,
        [0, &map, 16],
        r#"bpf(BPF_MAP_CREATE, {map_type=0x63 /* BPF_MAP_TYPE_??? */, key_size=4, value_size=8, max_entries=10}, 16)"#
    );
    call!(
        l,
        SYS_bpf,
        [0, &map, 48],
        r#"bpf(BPF_MAP_CREATE, {map_type=0x63 /* BPF_MAP_TYPE_??? */, key_size=4, value_size=8, max_entries=10, map_flags=BPF_F_NO_PREALLOC|BPF_F_VTYPE_BTF_OBJ_FD, inner_map_fd=-1, map_name="map", map_ifindex=0}, 48)"#
    );
    call!(
        l,
        SYS_bpf,
        [0, wall, 16],
        r#"bpf(BPF_MAP_CREATE, %, 16)"#,
        Ptr(wall)
    );
    let cut = edge.cut(map, 8);
    call!(
        l,
        SYS_bpf,
        [0, cut, 16],
        r#"bpf(BPF_MAP_CREATE, %, 16)"#,
        Ptr(cut)
    );
    call!(
        l,
        SYS_bpf,
        [1, NULL, 0],
        r#"bpf(BPF_MAP_LOOKUP_ELEM, NULL, 0)"#
    );
    call!(
        l,
        SYS_bpf,
        [2, &element, 32],
        r#"bpf(BPF_MAP_UPDATE_ELEM, {map_fd=-1, key=NULL, value=0x1, flags=BPF_NOEXIST}, 32)"#
    );
    call!(
        l,
        SYS_bpf,
        [3, &element, 16],
        r#"bpf(BPF_MAP_DELETE_ELEM, {map_fd=-1, key=NULL}, 16)"#
    );
    call!(
        l,
        SYS_bpf,
        [4, &element, 24],
        r#"bpf(BPF_MAP_GET_NEXT_KEY, {map_fd=-1, key=NULL, next_key=0x1}, 24)"#
    );
    call!(
        l,
        SYS_bpf,
        [22, &element, 4],
        r#"bpf(BPF_MAP_FREEZE, {map_fd=-1}, 4)"#
    );
    call!(
        l,
        SYS_bpf,
        [24, &batch, 56],
        r#"bpf(BPF_MAP_LOOKUP_BATCH, {batch={in_batch=NULL, out_batch=0x1, keys=0x2, values=0x3, count=4, map_fd=-1, elem_flags=BPF_F_LOCK, flags=0x2}}, 56)"#
    );
    call!(
        l,
        SYS_bpf,
        [26, &batch, 56],
        r#"bpf(BPF_MAP_UPDATE_BATCH, {batch={keys=0x2, values=0x3, count=4, map_fd=-1, elem_flags=BPF_F_LOCK, flags=0x2}}, 56)"#
    );
    call!(
        l,
        SYS_bpf,
        [27, &batch, 56],
        r#"bpf(BPF_MAP_DELETE_BATCH, {batch={keys=0x2, count=4, map_fd=-1, elem_flags=BPF_F_LOCK, flags=0x2}}, 56)"#
    );
}

fn programs(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall() as u64;
    let name = c"GPL".as_ptr() as u64;
    let program = words::<72>(&[
        (1, 4),
        (2, 4),
        (1, 8),
        (name, 8),
        (0, 4),
        (0, 4),
        (wall, 8),
        (0x6_0300, 4),
        (3, 4),
        (0x676f_7270, 8),
        (0, 8),
        (5, 4),
        (5, 4),
    ]);
    let test = words::<72>(&[
        (u64::MAX, 4),
        (0, 4),
        (4, 4),
        (5, 4),
        (1, 8),
        (2, 8),
        (3, 4),
        (0, 4),
        (6, 4),
        (7, 4),
        (8, 8),
        (9, 8),
        (1, 4),
        (2, 4),
    ]);
    let tracepoint = words::<16>(&[(name, 8), (u64::MAX, 4)]);
    call!(
        l,
        SYS_bpf,
        [5, &program, 72],
        r#"bpf(BPF_PROG_LOAD, {prog_type=BPF_PROG_TYPE_SOCKET_FILTER, insn_cnt=2, insns=0x1, license="GPL", log_level=0, log_size=0, log_buf=%, kern_version=KERNEL_VERSION(6, 3, 0), prog_flags=BPF_F_STRICT_ALIGNMENT|BPF_F_ANY_ALIGNMENT, prog_name="prog", prog_ifindex=5, expected_attach_type=BPF_SK_SKB_STREAM_VERDICT}, 72)"#,
        Ptr(edge.wall())
    );
    call!(
        l,
        SYS_bpf,
        [10, &test, 72],
        r#"bpf(BPF_PROG_TEST_RUN, {test={prog_fd=-1, retval=0, data_size_in=4, data_size_out=5, data_in=0x1, data_out=0x2, repeat=3, duration=0, ctx_size_in=6, ctx_size_out=7, ctx_in=0x8, ctx_out=0x9, flags=BPF_F_TEST_RUN_ON_CPU, cpu=2}}, 72)"#
    );
    call!(
        l,
        SYS_bpf,
        [17, &tracepoint, 12],
        r#"bpf(BPF_RAW_TRACEPOINT_OPEN, {raw_tracepoint={name="GPL", prog_fd=-1}}, 12)"#
    );
}

fn objects(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let path = c"none/object".as_ptr() as u64;
    let object = words::<20>(&[(path, 8), (u64::MAX, 4), (0x4000, 4), (3, 4)]);
    let unread = words::<16>(&[(wall as u64, 8), (0, 4), (8, 4)]);
    let attach = words::<32>(&[
        (u64::MAX, 4),
        (0xffff_fffe, 4),
        (1, 4),
        (3, 4),
        (5, 4),
        (6, 4),
        (7, 8),
    ]);
    let id = words::<12>(&[(0x7fff_fffe, 4)]);
    let info = words::<16>(&[(u64::MAX, 4), (80, 4), (wall as u64, 8)]);
    let query = words::<28>(&[(u64::MAX, 4), (2, 4), (1, 4), (0, 4), (0, 8), (4, 4)]);
    let task = words::<48>(&[
        (0x7fff_ffff, 4),
        (3, 4),
        (0, 4),
        (64, 4),
        (wall as u64, 8),
        (0, 4),
        (2, 4),
        (1, 8),
        (2, 8),
    ]);
    call!(
        l,
        SYS_bpf,
        [6, &object, 20],
        r#"bpf(BPF_OBJ_PIN, {pathname="none/object", bpf_fd=-1, file_flags=BPF_F_PATH_FD, path_fd=3}, 20)"#
    );
    call!(
        l,
        SYS_bpf,
        [7, &unread, 16],
        r#"bpf(BPF_OBJ_GET, {pathname=%, bpf_fd=0, file_flags=BPF_F_RDONLY}, 16)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_bpf,
        [8, &attach, 32],
        r#"bpf(BPF_PROG_ATTACH, {target_fd=-1, attach_bpf_fd=-2, attach_type=BPF_CGROUP_INET_EGRESS, attach_flags=BPF_F_ALLOW_OVERRIDE|BPF_F_ALLOW_MULTI, replace_bpf_fd=5, relative_fd=6, expected_revision=7}, 32)"#
    );
    call!(
        l,
        SYS_bpf,
        [9, &attach, 16],
        r#"bpf(BPF_PROG_DETACH, {target_fd=-1, attach_bpf_fd=-2, attach_type=BPF_CGROUP_INET_EGRESS, attach_flags=BPF_F_ALLOW_OVERRIDE|BPF_F_ALLOW_MULTI}, 16)"#
    );
    call!(
        l,
        SYS_bpf,
        [11, &id, 8],
        r#"bpf(BPF_PROG_GET_NEXT_ID, {start_id=2147483646, next_id=0}, 8)"#
    );
    call!(
        l,
        SYS_bpf,
        [13, &id, 4],
        r#"bpf(BPF_PROG_GET_FD_BY_ID, {prog_id=2147483646}, 4)"#
    );
    call!(
        l,
        SYS_bpf,
        [14, &id, 4],
        r#"bpf(BPF_MAP_GET_FD_BY_ID, {map_id=2147483646}, 4)"#
    );
    call!(
        l,
        SYS_bpf,
        [19, &id, 4],
        r#"bpf(BPF_BTF_GET_FD_BY_ID, {btf_id=2147483646}, 4)"#
    );
    call!(
        l,
        SYS_bpf,
        [30, &id, 4],
        r#"bpf(BPF_LINK_GET_FD_BY_ID, {link_id=2147483646}, 4)"#
    );
    call!(
        l,
        SYS_bpf,
        [15, &info, 16],
        r#"bpf(BPF_OBJ_GET_INFO_BY_FD, {info={bpf_fd=-1, info_len=80, info=%}}, 16)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_bpf,
        [16, &query, 28],
        r#"bpf(BPF_PROG_QUERY, {query={target_fd=-1, attach_type=BPF_CGROUP_INET_SOCK_CREATE, query_flags=BPF_F_QUERY_EFFECTIVE, attach_flags=0, prog_ids=NULL, prog_cnt=4}}, 28)"#
    );
    call!(
        l,
        SYS_bpf,
        [20, &task, 48],
        r#"bpf(BPF_TASK_FD_QUERY, {task_fd_query={pid=2147483647, fd=3, flags=0, buf_len=64, buf=%, prog_id=0, fd_type=BPF_FD_TYPE_KPROBE, probe_offset=0x1, probe_addr=0x2}}, 48)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_bpf,
        [99, wall, 16],
        r#"bpf(0x63 /* BPF_??? */, %, 16)"#,
        Ptr(wall)
    );
}

fn links(l: &mut Lines) {
    let tracing = words::<32>(&[
        (u64::MAX, 4),
        (0xffff_fffe, 4),
        (24, 4),
        (0, 4),
        (5, 8),
        (6, 8),
    ]);
    let event = words::<24>(&[(u64::MAX, 4), (0xffff_fffe, 4), (41, 4), (0, 4), (7, 8)]);
    let other = words::<20>(&[(u64::MAX, 4), (0xffff_fffe, 4), (3, 4), (0, 4), (9, 4)]);
    let update = words::<16>(&[(u64::MAX, 4), (0xffff_fffe, 4), (4, 4), (0xffff_fffd, 4)]);
    call!(
        l,
        SYS_bpf,
        [28, &tracing, 16],
        r#"bpf(BPF_LINK_CREATE, {link_create={prog_fd=-1, target_fd=-2, attach_type=BPF_TRACE_FENTRY, flags=0}}, 16)"#
    );
    call!(
        l,
        SYS_bpf,
        [28, &tracing, 32],
        r#"bpf(BPF_LINK_CREATE, {link_create={prog_fd=-1, target_fd=-2, attach_type=BPF_TRACE_FENTRY, flags=0, tracing={target_btf_id=5, cookie=0x6}}}, 32)"#
    );
    call!(
        l,
        SYS_bpf,
        [28, &event, 24],
        r#"bpf(BPF_LINK_CREATE, {link_create={prog_fd=-1, target_fd=-2, attach_type=BPF_PERF_EVENT, flags=0, perf_event={bpf_cookie=0x7}}}, 24)"#
    );
    call!(
        l,
        SYS_bpf,
        [28, &other, 20],
        r#"bpf(BPF_LINK_CREATE, {link_create={prog_fd=-1, target_fd=-2, attach_type=BPF_CGROUP_SOCK_OPS, flags=0, target_btf_id=9}}, 20)"#
    );
    call!(
        l,
        SYS_bpf,
        [29, &update, 16],
        r#"bpf(BPF_LINK_UPDATE, {link_update={link_fd=-1, new_prog_fd=-2, flags=BPF_F_REPLACE, old_prog_fd=-3}}, 16)"#
    );
    call!(
        l,
        SYS_bpf,
        [34, &update, 4],
        r#"bpf(BPF_LINK_DETACH, {link_detach={link_fd=-1}}, 4)"#
    );
    call!(
        l,
        SYS_bpf,
        [33, &update, 8],
        r#"bpf(BPF_ITER_CREATE, {iter_create={link_fd=-1, flags=0xfffffffe}}, 8)"#
    );
    call!(
        l,
        SYS_bpf,
        [35, &update, 12],
        r#"bpf(BPF_PROG_BIND_MAP, {prog_bind_map={prog_fd=-1, map_fd=-2, flags=0x4}}, 12)"#
    );
}

fn events(l: &mut Lines, edge: &Edge) {
    let wall = edge.wall();
    let bits = 0x21 | 1 << 10 | 2 << 15;
    let software = words::<136>(&[
        (1, 4),
        (136, 4),
        (99, 8),
        (100, 8),
        (3, 8),
        (5, 8),
        (bits, 8),
    ]);
    let cache = words::<64>(&[(3, 4), (64, 4), (0x1_0203, 8)]);
    let raw = words::<64>(&[(4, 4), (0, 4), (5, 8)]);
    let short = words::<64>(&[(4, 4), (40, 4), (5, 8)]);
    call!(
        l,
        SYS_perf_event_open,
        [&software, -1i32, -1i32, -1i32, 0],
        r#"perf_event_open({type=PERF_TYPE_SOFTWARE, size=PERF_ATTR_SIZE_VER8, config=0x63 /* PERF_COUNT_SW_??? */, sample_freq=100, sample_type=PERF_SAMPLE_IP|PERF_SAMPLE_TID, read_format=PERF_FORMAT_TOTAL_TIME_ENABLED|PERF_FORMAT_ID, disabled=1, exclude_kernel=1, freq=1, precise_ip=2 /* requested to have 0 skid */, ...}, -1, -1, -1, 0)"#
    );
    call!(
        l,
        SYS_perf_event_open,
        [&cache, -1i32, -1i32, 7, 0x18],
        r#"perf_event_open({type=PERF_TYPE_HW_CACHE, size=PERF_ATTR_SIZE_VER0, config=PERF_COUNT_HW_CACHE_RESULT_MISS<<16|PERF_COUNT_HW_CACHE_OP_PREFETCH<<8|PERF_COUNT_HW_CACHE_DTLB, sample_period=0, sample_type=0, read_format=0, precise_ip=0 /* arbitrary skid */, ...}, -1, -1, 7, PERF_FLAG_FD_CLOEXEC|0x10)"#
    );
    call!(
        l,
        SYS_perf_event_open,
        [&raw, -1i32, -1i32, -1i32, 0],
        r#"perf_event_open({type=PERF_TYPE_RAW, size=0 /* PERF_ATTR_SIZE_??? */, config=0x5, sample_period=0, sample_type=0, read_format=0, precise_ip=0 /* arbitrary skid */, ...}, -1, -1, -1, 0)"#
    );
    call!(
        l,
        SYS_perf_event_open,
        [&short, -1i32, -1i32, -1i32, 0],
        r#"perf_event_open(%, -1, -1, -1, 0)"#,
        Ptr(&raw const short)
    );
    let cut = edge.cut(software, 48);
    call!(
        l,
        SYS_perf_event_open,
        [cut, -1i32, -1i32, -1i32, 0],
        r#"perf_event_open({type=PERF_TYPE_SOFTWARE, size=PERF_ATTR_SIZE_VER8, config=0x63 /* PERF_COUNT_SW_??? */, sample_freq=100, sample_type=PERF_SAMPLE_IP|PERF_SAMPLE_TID, read_format=PERF_FORMAT_TOTAL_TIME_ENABLED|PERF_FORMAT_ID, disabled=1, exclude_kernel=1, freq=1, precise_ip=2 /* requested to have 0 skid */, ...}, -1, -1, -1, 0)"#
    );
    let cut = edge.cut(software, 47);
    call!(
        l,
        SYS_perf_event_open,
        [cut, -1i32, -1i32, -1i32, 0],
        r#"perf_event_open(%, -1, -1, -1, 0)"#,
        Ptr(cut)
    );
    call!(
        l,
        SYS_perf_event_open,
        [wall, -1i32, -1i32, -1i32, 0],
        r#"perf_event_open(%, -1, -1, -1, 0)"#,
        Ptr(wall)
    );
    call!(
        l,
        SYS_perf_event_open,
        [NULL, -1i32, -1i32, -1i32, 0],
        r#"perf_event_open(NULL, -1, -1, -1, 0)"#
    );
}
