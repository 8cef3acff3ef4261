#!/usr/bin/env bash
# The client with the commands of Apache ZooKeeper's script of this name (docs/ZKCLI.md). Written by zkprov apply. The client
# is a part of the server's program, which is one where it is called zkcli.
set -u
prefix=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd -P) || exit 1
for program in "$prefix/current/bin/zkserver" "$prefix/bin/zkserver"; do
    if [ -x "$program" ]; then exec -a zkcli "$program" "$@"; fi
done
echo "There is no zkserver in $prefix/current/bin or $prefix/bin." >&2
exit 1
