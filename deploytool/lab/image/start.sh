#!/bin/sh
# When a host is switched on: sshd, then the Docker engine. Either may die without taking the host along.
set -eu

key=/etc/ssh/ssh_host_ed25519_key
[ -s $key.pub ] || { rm -f $key; ssh-keygen -q -t ed25519 -N '' -C "$(hostname)" -f $key; }
mkdir -p /run/sshd
/usr/sbin/sshd

# Kernels without the old tables have the new ones.
if iptables-legacy -nL >/dev/null 2>&1; then
    update-alternatives --set iptables /usr/sbin/iptables-legacy >/dev/null
    update-alternatives --set ip6tables /usr/sbin/ip6tables-legacy >/dev/null
fi

# cgroup v2: a group that hands out controllers may hold no process itself.
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p /sys/fs/cgroup/init
    while read -r pid; do
        echo "$pid" >/sys/fs/cgroup/init/cgroup.procs || true
    done </sys/fs/cgroup/cgroup.procs
    sed 's/[^ ]*/+&/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
fi

lab-engine
touch /run/lab-started
exec sleep infinity
