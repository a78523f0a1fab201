#!/bin/sh
# Makes the root file system of a lab host without a registry, as a tar file.
# usage: debootstrap.sh SUITE COMPONENTS PACKAGES MIRROR SCRIPT TAR
#
# Runs under `unshare --mount`: what debootstrap mounts goes away with its process, however it ends.
set -eu
suite=$1 components=$2 packages=$3 mirror=$4 script=$5 tar=$6

root=$(mktemp -d "$(dirname "$tar")/rootfs.XXXXXX")
# mktemp makes it 0700, and as / of a host that would lock out everybody but root.
chmod 755 "$root"
debootstrap --variant=minbase --components="$components" --include="$packages" \
    "$suite" "$root" "$mirror" "/usr/share/debootstrap/scripts/$script"
tar -C "$root" --one-file-system -cf "$tar" \
    --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' \
    --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' .
