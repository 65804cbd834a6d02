#!/bin/sh
# disk.sh ROOTFS KUBELET KUBEADM DISK: the OS disk that a scale set's VMs begin with, as a raw file: the root file system, the node's
# configuration (guest/), kubelet and kubeadm, and a container image, since the guests have no registry. Needs root; mounts nothing.
set -eu

rootfs=$1 kubelet=$2 kubeadm=$3 disk=$4
here=$(dirname "$0")
size=$((6 * 1024 * 1024 * 1024))
start=$((1024 * 1024))

work=$(mktemp -d "$(dirname "$disk")/disk.XXXXXX")
trap 'rm -rf "$work"' EXIT
# Hard links: nothing is copied, and what is replaced below is replaced by name.
cp -al "$rootfs" "$work/root"
(cd "$here/guest" && find . -type f) | while read -r file; do
    install -D -m 644 "$here/guest/$file" "$work/root/$file"
done
install -m 755 "$kubelet" "$work/root/usr/bin/kubelet"
install -m 755 "$kubeadm" "$work/root/usr/bin/kubeadm"

# A container image in Docker's archive format: busybox, also as the pods' pause container.
# https://github.com/moby/docker-image-spec
mkdir -p "$work/layer/bin" "$work/layer/tmp" "$work/image" "$work/root/opt/images"
cp "$rootfs/bin/busybox" "$work/layer/bin/busybox"
for applet in $("$rootfs/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$work/layer/bin/$applet"
done
tar -C "$work/layer" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf "$work/image/layer.tar" .
digest=$(sha256sum "$work/image/layer.tar" | cut -d ' ' -f 1)
printf '{"architecture":"amd64","os":"linux","config":{"Entrypoint":["/bin/sleep","1000000"],"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$digest" >"$work/image/config.json"
printf '[{"Config":"config.json","RepoTags":["sandbox.kamino/busybox:1","sandbox.kamino/pause:1"],"Layers":["layer.tar"]}]' \
    >"$work/image/manifest.json"
tar -C "$work/image" -cf "$work/root/opt/images/busybox.tar" manifest.json config.json layer.tar

for unit in kubelet container-images; do
    ln -sf "/etc/systemd/system/$unit.service" "$work/root/etc/systemd/system/multi-user.target.wants/$unit.service"
done

rm -f "$work/raw"
truncate -s "$size" "$work/raw"
printf 'label: gpt\nstart=%s,type=0FC63DAF-8483-4772-8E79-3D69D8477DE4,name=root\n' $((start / 512)) | sfdisk -q "$work/raw"
mke2fs -q -t ext4 -L root -d "$work/root" -E "offset=$start,lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0" \
    "$work/raw" $(((size - 2 * start) / 4096))
mv "$work/raw" "$disk"
