#!/bin/sh
# The first process of a guest: makes what programs expect, runs /vm/run, says how it ended, turns the machine off.
# Kernel messages go to the first serial line, everything else to the second. tracefs is not mounted, on purpose.
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root TERM=dumb LANG=C.UTF-8

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t securityfs security /sys/kernel/security 2>/dev/null
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs -o mode=1777,size=75% tmp /tmp
mount -t tmpfs run /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -sf /proc/self/fd /dev/fd
ln -sf /proc/self/fd/0 /dev/stdin
ln -sf /proc/self/fd/1 /dev/stdout
ln -sf /proc/self/fd/2 /dev/stderr
hostname guest
ip link set lo up 2>/dev/null

stty -F /dev/ttyS1 raw -echo
if [ -e /vm/shell ]; then
    stty -F /dev/ttyS1 sane
    setsid -c bash /vm/run </dev/ttyS1 >/dev/ttyS1 2>&1
else
    echo "@vm ready $(cut -d' ' -f1 /proc/uptime)" >/dev/ttyS1
    setsid -w bash /vm/run </dev/null >/dev/ttyS1 2>&1
fi
echo "@vm exit $?" >/dev/ttyS1
echo o >/proc/sysrq-trigger
sleep 60
