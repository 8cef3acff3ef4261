#!/bin/sh
# Installs the programs of an unpacked bundle (zkprov bundle) on this host:
#
#   sh install.sh [DIR]          DIR: /usr/local/lib/zkprov where none is given
#
# Nothing is installed unless every checksum fits. A second run changes nothing, and one that was cut off is
# repeated: each program appears under its name only when it is whole and on the disk.
set -eu
umask 022
to=${1:-/usr/local/lib/zkprov}
cd "$(dirname "$0")"

fail() {
    echo "install.sh: $1; nothing was installed" >&2
    exit 1
}

[ -f SHA256SUMS ] || fail "SHA256SUMS is missing: unpack the whole bundle"
for program in zkprov-agent zkserver; do
    grep -q "^[0-9a-f]\{64\}  $program\$" SHA256SUMS || fail "SHA256SUMS does not name $program"
done
sha256sum -c SHA256SUMS >/dev/null 2>&1 || fail "a file is not the one that SHA256SUMS names"

mkdir -p "$to"
for program in zkprov-agent zkserver; do
    if cmp -s "$program" "$to/$program" && [ -x "$to/$program" ]; then continue; fi
    cp "$program" "$to/.$program.new"
    chmod 0755 "$to/.$program.new"
    sync "$to/.$program.new" 2>/dev/null || sync
    mv -f "$to/.$program.new" "$to/$program"
done
sync "$to" 2>/dev/null || sync
