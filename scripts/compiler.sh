#!/usr/bin/env bash
# compiler.sh: prints the path of a C compiler out of the cache, for machines that have none; the race detector needs one.
set -euo pipefail
. "$(dirname "$0")/env.sh"

root=$(scripts/debian-root.sh compiler)
compiler=$root/cc
if [ ! -x "$compiler" ]; then
  libs=$(echo "$root"/usr/lib/*-linux-gnu)
  # A linker script names files by their place on a machine where the package is installed; the shared C library is there.
  sed -i "s#/usr/lib/[^ ]*/libc_nonshared.a#$libs/libc_nonshared.a#" "$libs/libc.so"
  cat >"$compiler.$$" <<SH
#!/bin/sh
LD_LIBRARY_PATH='$(cat "$root/.libs")' PATH='$root/usr/bin':"\$PATH" exec '$root/usr/bin/gcc' \\
  -isystem '$root/usr/include/$(basename "$libs")' -isystem '$root/usr/include' -B'$libs' "\$@"
SH
  chmod +x "$compiler.$$"
  mv "$compiler.$$" "$compiler"
fi
printf '%s\n' "$compiler"
