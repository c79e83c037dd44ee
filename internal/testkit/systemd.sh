#!/bin/sh
# systemd.sh DIR ROOT NAME: becomes a systemd user manager that sees a control group of its own as the only one there is.
# It runs in a mount namespace of its own; processes keep the ids that everybody sees.
set -eu
dir=$1 root=$2 name=$3
group=$dir/cgroup

mkdir -p "$group"
mount -t cgroup2 cgroup2 "$group"
mkdir "$group/$name"
echo $$ >"$group/$name/cgroup.procs"
umount "$group"

# systemd looks for a booted machine in /run before it starts.
exec unshare --cgroup /bin/sh -euc '
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
exec "$1/lib/systemd/systemd" --user' sh "$root"
