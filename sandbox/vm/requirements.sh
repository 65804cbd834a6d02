# What `make test-vm` needs beyond the rest of the project: says in one line what this machine lacks, and is silent when all is there.

lacks() {
    echo "make test-vm is left out: $*"
    exit 1
}

[ "$(uname -s) $(uname -m)" = "Linux x86_64" ] || lacks "it needs Linux on x86-64"
[ "$(id -u)" = 0 ] || lacks "it needs root, to build a root file system and a separate network"

packages=
while read -r program package; do
    command -v "$program" >/dev/null || packages="$packages $package"
done <<'X'
qemu-system-x86_64 qemu-system-x86
mmdebstrap mmdebstrap
sfdisk fdisk
mke2fs e2fsprogs
xorriso xorriso
dnsmasq dnsmasq-base
ip iproute2
ssh openssh-client
X
[ -z "$packages" ] || lacks "apt-get install --no-install-recommends$packages"

unshare --net --mount --pid --fork sh -c 'ip link add vnet type bridge && ip tuntap add tap4 mode tap' 2>/dev/null ||
    lacks "it needs to make network namespaces, bridges and tap devices (a container needs --privileged)"
[ -e /dev/loop-control ] || lacks "it needs loop devices, to mount a disk's copy"
[ "$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')" -ge 8 ] || lacks "it needs 8 GiB of free disk space"
[ "$(awk '$1 == "MemAvailable:" { print int($2 / 1048576) }' /proc/meminfo)" -ge 4 ] || lacks "it needs 4 GiB of free memory"
