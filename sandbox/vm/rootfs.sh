#!/bin/sh
# rootfs.sh FOLDER: the root file system of a node, from Debian's own packages: kernel, systemd, cloud-init, containerd, and an
# initial RAM disk that only loads the disk's driver (an emulated processor takes seconds for Debian's full one). Needs root.
set -eu

folder=$1
suite=trixie
packages=systemd,systemd-sysv,systemd-resolved,udev,dbus,libpam-systemd,linux-image-cloud-amd64,initramfs-tools,busybox-static,zstd,cloud-init
packages=$packages,netplan.io,isc-dhcp-client,openssh-server,sudo,rsyslog,containerd,runc,containernetworking-plugins,iproute2,iptables
packages=$packages,ethtool,socat,conntrack,kmod,ca-certificates,mount,util-linux,procps,e2fsprogs

# The archive that this machine's own apt asks.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Created-By: Packages' 2>/dev/null | grep -v security | head -n 1)

rm -rf --one-file-system "$folder"
mkdir -p "$(dirname "$folder")"
# In a mount namespace: what it mounts below the folder is gone with it, however it ends.
unshare --mount mmdebstrap --quiet --variant=minbase --architectures=amd64 \
    --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt=force-unsafe-io --include="$packages" "$suite" "$folder" "${mirror:-http://deb.debian.org/debian}"

# The initial RAM disk: busybox, one driver, and a script that hands over to systemd.
ram=$folder/ram
mkdir -p "$ram/bin" "$ram/dev" "$ram/proc" "$ram/root"
cp "$folder/bin/busybox" "$ram/bin/"
for driver in virtio_blk; do
    module=$(find "$folder/usr/lib/modules" -name "$driver.ko*" | head -n 1)
    case $module in
    *.xz) xz -dc "$module" >"$ram/$driver.ko" ;;
    *) cp "$module" "$ram/$driver.ko" ;;
    esac
done
cat >"$ram/init" <<'X'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox insmod /virtio_blk.ko
while [ ! -b /dev/vda1 ]; do /bin/busybox sleep 0.05; done
/bin/busybox mount -t ext4 /dev/vda1 /root
/bin/busybox umount /proc
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
X
chmod 755 "$ram/init"
chroot "$folder" sh -c 'cd /ram && find . | cpio --quiet -o -H newc' >"$folder.initrd"
rm -rf "$ram"
cp "$folder"/boot/vmlinuz-* "$folder.kernel"

# What the packages made for the machine that they were installed on, and what one boot after the other need not do.
rm -f "$folder"/etc/ssh/ssh_host_* "$folder/etc/hostname" "$folder"/boot/initrd* "$folder"/var/cache/apt/*.bin
rm -rf "$folder"/var/lib/apt/lists/*
: >"$folder/etc/machine-id"
ln -sf ../run/systemd/resolve/stub-resolv.conf "$folder/etc/resolv.conf"
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer; do
    ln -sf /dev/null "$folder/etc/systemd/system/$unit"
done
