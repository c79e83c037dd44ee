#!/bin/sh
# installed.sh DIR ROOT USERS COMMAND...: runs COMMAND where the packages unpacked in ROOT look installed: what they hold lies over
# the machine's own folders, and what is written there is kept in memory. USERS are made first, as the packages would have.
set -eu
dir=$1 root=$2 users=$3
shift 3

# layer PLACE [ALIAS]: packages from before the merge of /usr have their files in both.
layer() {
  place=$1 lower=/$1
  for unpacked; do
    [ ! -d "$root/$unpacked" ] || lower=$root/$unpacked:$lower
  done
  mkdir -p "$dir/$place/upper" "$dir/$place/work"
  mount -t overlay overlay -o "lowerdir=$lower,upperdir=$dir/$place/upper,workdir=$dir/$place/work" "/$place"
}

mount -t tmpfs tmpfs "$dir"
layer etc
layer var
layer usr/share
layer usr/bin bin
layer usr/sbin sbin
layer usr/lib lib
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock

id=600
for user in $users; do
  echo "$user:x:$id:$id::/nonexistent:/bin/false" >>/etc/passwd
  echo "$user:x:$id:" >>/etc/group
  id=$((id + 1))
done

# The first process of a process namespace cannot be ended by SIGTERM unless it asks for it; with it ends all that is in there.
trap 'exit 0' TERM
"$@" &
wait $!
