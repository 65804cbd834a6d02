# Takes from the copy of a node's disk all that is the node's own or that ran on it. The node itself goes on and keeps everything.
#
# Runs after cleanCommon.sh, on a file system that nothing else uses. $KAMINO_KERNEL is the kernel that the node runs. $KAMINO_CUSTOM_DATA
# is "kept" where new machines get custom data that makes them join. What it did goes to $KAMINO_RESULT as one line of JSON.

: "${KAMINO_KERNEL:?}" "${KAMINO_RESULT:?}"
KAMINO_CUSTOM_DATA=${KAMINO_CUSTOM_DATA:-dropped}

# Every kernel that is installed, by its name.
kernels() {
    find "$HOST_ROOT/boot" -mindepth 1 -maxdepth 1 -name 'vmlinuz-*' 2>/dev/null | sed 's|.*/vmlinuz-||'
    for folder in lib/modules usr/lib/modules; do
        if is_real "$folder/x"; then
            find "$HOST_ROOT/$folder" -mindepth 2 -maxdepth 2 -name modules.dep 2>/dev/null | sed 's|/modules.dep$||; s|.*/||'
        fi
    done
}

# The newest kernel that is installed, of the running one's flavour: what the node would boot next. The flavour is what follows version
# and release, with Debian's +deb13 and the like between them: azure, cloud-amd64, +rt, or nothing with Azure Linux and RHEL
# (6.6.57.1-7.azl3, 5.14.0-427.13.1.el9_4.x86_64). Rescue kernels (0-rescue-ID) have one that no node runs. Oracle has its own kernel by the
# release alone. What is compared first is version and release up to their first letter, so that 553.el8 comes before 553.5.1.el8_10.
newest_kernel() {
    kernels | awk -v running="$KAMINO_KERNEL" '
        function flavour(name) {
            if (name ~ /uek/) return "uek"
            if (name ~ /[.]rt[0-9]/) return "rt"
            sub(/^[0-9][0-9.]*([+][^-]*)?(-[0-9][^-+]*)?/, "", name)
            return name
        }
        /^[0-9]/ && flavour($0) == flavour(running) {
            number = $0
            sub(/[^0-9]?[A-Za-z].*/, "", number)
            print number, $0
        }' | sort -V | tail -n 1 | cut -d ' ' -f 2
}

refuse_unbooted_kernel() {
    newest=$(newest_kernel)
    [ -z "$newest" ] || [ "$newest" = "$KAMINO_KERNEL" ] ||
        fail "the node runs kernel $KAMINO_KERNEL and has $newest installed, which it has not booted yet"
}

# By mode and label of files that every system has. kubelet changes group and mode of all files of a volume where the pod has an fsGroup, and
# a container runtime gives all its own label of SELinux where its containers have one: what comes of it boots, and is open to whoever is on it.
# https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
refuse_changed_by_mount() {
    for path in etc/passwd usr/bin; do
        [ -e "$HOST_ROOT/$path" ] && [ ! -L "$HOST_ROOT/$path" ] || continue
        case $(stat -c %a "$HOST_ROOT/$path") in
        *[2367]?) fail "/$path can be written by its group, as after a mount with an fsGroup; who changes pods in this namespace (a webhook, OpenShift's SCC) must not add an fsGroup to them (kamino:captureNamespace)" ;;
        esac
    done
    text_of etc/selinux/config | grep -Eq '^SELINUX=(enforcing|permissive)' || return 0
    case $(cat /proc/self/attr/current 2>/dev/null || true) in
    *:container*_t:*) fail "the node that cleans the copy gives volumes the SELinux label of their container, so the labels of this system are lost; set kamino:capture to in-place" ;;
    esac
}

refuse() {
    # An empty partition is formatted by who mounts it.
    [ -e "$HOST_ROOT/etc/os-release" ] || [ -L "$HOST_ROOT/etc/os-release" ] ||
        fail "this is not a root file system: there is no /etc/os-release on it (kamino:rootPartition)"
    refuse_links
    refuse_interrupted_packages
    refuse_changed_by_mount
    refuse_without_cloud_init
    refuse_network_of_the_machine
    refuse_unbooted_kernel
    command -v fallocate >/dev/null || fail "the cleaner's image has no fallocate, without which what was deleted stays readable (kamino:cleanerImage)"
    find_kind
    case $kind in
    kubeadm)
        [ "$KAMINO_CUSTOM_DATA" = kept ] ||
            fail "this is a kubeadm node, and new nodes get no custom data by which they could join (kamino:bootstrap)"
        ;;
    own)
        [ "$KAMINO_CUSTOM_DATA" = kept ] ||
            fail "kubelet signs in by its own certificate (/$kubeconfig) and has no bootstrap kubeconfig to get another, so a new node would not join (kamino:bootstrap)"
        ;;
    esac
}

# Containers' own layers lie between those of images, and only the runtime itself could tell them apart. So all of it goes: a new node
# pulls what it needs.
remove_workloads() {
    for folder in var/lib/containerd var/lib/docker var/lib/containers/storage var/lib/crio var/lib/cri-dockerd var/lib/dockershim \
        var/lib/nerdctl var/lib/buildkit var/log/pods var/log/containers var/lib/cni var/lib/longhorn; do
        empty_folder "$folder"
    done
    for folder in pods plugins plugins_registry device-plugins pod-resources checkpoints; do
        empty_folder "var/lib/kubelet/$folder"
    done
    remove_named var/lib/kubelet '*_state'
    for folder in var/lib/systemd/coredump var/crash var/lib/apport/coredump var/core tmp var/tmp; do
        empty_folder "$folder"
    done
}

# All that a join makes: kubeadm refuses to join a machine that has it, and kubelet would be the node that was copied.
remove_join() {
    for path in kubelet.conf bootstrap-kubelet.conf kubeconfig azure.json; do
        remove "etc/kubernetes/$path"
    done
    empty_folder etc/kubernetes/pki
    empty_folder etc/kubernetes/manifests
    empty_folder var/lib/kubelet
    empty_folder etc/cni/net.d
}

# Folders keep their place and owner: a daemon may not be able to make them anew.
empty_logs() {
    # Its folders have the name of the machine id.
    empty_folder var/log/journal
    for folder in var/log/azure var/log/installer var/log/unattended-upgrades var/log/apt var/log/audit; do
        if is_real "$folder/x" && [ -d "$HOST_ROOT/$folder" ]; then
            note "$folder" "$(find "$HOST_ROOT/$folder" -type f | wc -l)"
            find "$HOST_ROOT/$folder" -type f -exec rm -f {} +
        fi
    done
    if is_real var/log/x; then
        find "$HOST_ROOT/var/log" -type f ! -name 'kamino-*.log' ! -name wtmp ! -name btmp ! -name lastlog -exec rm -f {} +
        for file in wtmp btmp lastlog; do
            [ ! -f "$HOST_ROOT/var/log/$file" ] || empty_file "var/log/$file"
        done
        note var/log 1
    fi
    for home in "$HOST_ROOT"/root "$HOST_ROOT"/home/*; do
        remove "${home#"$HOST_ROOT/"}/.bash_history"
    done
}

# Of extensions what the agent itself removes for an image, see del_ext_handler_files in
# https://github.com/Azure/WALinuxAgent/blob/master/azurelinuxagent/pa/deprovision/default.py. A machine that finds its extension's first run done
# (mrseq) would not run it.
remove_agent_of_the_machine() {
    remove_agent_state
    remove var/lib/waagent/ovf-env.xml
    remove var/lib/waagent/provisioned
    remove_named var/lib/waagent '*.xml'
    remove_named var/lib/waagent '*.prv'
    remove_named var/lib/waagent '*.pem'
    remove_named var/lib/waagent '*.crt'
    remove_named var/lib/waagent '*.p7m'
    if is_real var/lib/waagent/x && [ -d "$HOST_ROOT/var/lib/waagent" ]; then
        find "$HOST_ROOT/var/lib/waagent" -type f \( -name mrseq -o -path '*/config/*.settings' -o -path '*/status/*.status' \) -exec rm -f {} +
    fi
}

clean() {
    begin
    prepare_to_forget
    remove_workloads
    remove_network_identity
    case $kind in
    kubeadm | own) remove_join ;;
    # A kubeconfig in an unusual place. What kubelet has been given for itself is this node's all the same.
    none) empty_folder var/lib/kubelet/pki ;;
    *) remove_kubelet_certificates ;;
    esac
    remove_storage_identity
    remove_agent_of_the_machine
    remove_cloud_init_instance
    empty_folder var/lib/cloud/sem
    empty_folder var/lib/dhcp
    empty_folder var/lib/dhclient
    empty_logs
    remove_secrets_of_the_machine
    remove_clean_paths
    write_ancestry
    remove_names
    sync
}

# Makes the folder for it, before anything is deleted: a block that was freed must not become this folder's.
prepare_to_forget() {
    scratch=
    # Never the disk that a folder merely lies on.
    mount=$(awk -v root="$HOST_ROOT" '$2 == root { print $3 "," $4 "," }' /proc/mounts | tail -n 1)
    case $mount in
    *,discard,*)
        scratch=$HOST_ROOT/.kamino-scratch
        rm -rf "$scratch"
        mkdir -p "$scratch/links"
        ;;
    esac
}

# That are made at a time; each takes a block of the file system and, as any change of it, one of its journal.
DIRECTORIES=4096

# Makes what was deleted unreadable, by the node earlier or here. A file in all free space, deleted, has the file system give those blocks
# back to the disk, where they read as zeros; that writes nothing and takes no right that trimming would (CAP_SYS_ADMIN). ext4 keeps
# names of deleted files in its journal as well: directories write over it, a block each, in the little space that the file leaves.
forget_deleted() {
    [ -n "$scratch" ] || return 0
    blocks=$(stat -f -c %b "$HOST_ROOT")
    for name in spare exchange-1 exchange-2 exchange-3; do
        reserve $((DIRECTORIES * 2 * 4096)) "$name"
    done
    # It ends when the file system is full, which is the aim.
    reserve $((blocks * $(stat -f -c %S "$HOST_ROOT"))) all
    reserve_rest
    take_last_blocks
    rm -f "$scratch/spare"
    sync
    case $mount in
    ext4,*) overwrite_journal "$blocks" ;;
    esac
    rm -rf "$scratch"
    sync
    wait_for_discards
}

# $1: bytes, $2: name of the file for them
reserve() {
    fallocate -l "$1" "$scratch/$2" 2>/dev/null || true
}

# XFS takes up to 8 GiB at a time (2^21 blocks) and stops where less is free, so that the last part is left; ext4 leaves nothing here.
# See xfs_alloc_file_space in https://github.com/torvalds/linux/blob/master/fs/xfs/xfs_bmap_util.c
reserve_rest() {
    size=8589934592
    number=0
    while [ "$size" -ge 1048576 ]; do
        while [ "$number" -lt 4096 ] && fallocate -l "$size" "$scratch/rest-$number" 2>/dev/null; do
            number=$((number + 1))
        done
        size=$((size / 2))
    done
}

# ext4 never gives away its last blocks (2 %, at most 4,096), and those are the smallest gaps, just where files were deleted. It counts
# blocks as free at once when a file is deleted, and gives them to others only after its next commit, up to five seconds later. So a file
# made in between gets the last ones. Three times, in case that somebody else's sync comes in between. See ext4_calculate_resv_clusters
# and ext4_free_blocks in https://github.com/torvalds/linux/tree/master/fs/ext4
take_last_blocks() {
    for number in 1 2 3; do
        sync
        rm -f "$scratch/exchange-$number"
        reserve $((DIRECTORIES * 2 * 4096)) "last-$number"
    done
}

# Linux gives blocks back in the background, and those that are still to be given back when the file system is unmounted never are. So
# this waits until none was given back for ten seconds and the disk is not at work.
wait_for_discards() {
    device=$(awk -v root="$HOST_ROOT" '$2 == root { sub(".*/", "", $1); print $1 }' /proc/mounts | tail -n 1)
    quiet=0
    seconds=0
    before=
    while [ "$quiet" -lt 10 ] && [ "$seconds" -lt 600 ]; do
        sleep 1
        # Discards completed, sectors discarded, requests in flight: https://docs.kernel.org/admin-guide/iostats.html
        now=$(awk -v device="$device" '$3 == device { print $15, $17, $12 }' /proc/diskstats)
        quiet=$((quiet + 1))
        [ "$now" = "$before" ] || quiet=0
        case ${now##* } in
        0 | "") ;;
        *) quiet=0 ;;
        esac
        before=$now
        seconds=$((seconds + 1))
    done
}

# ext4 takes a block into use with what it knows of it from before, such as where a deleted link led. Links that are as long as a block
# leave nothing of that.
overwrite_memory() {
    awk -v count=$((DIRECTORIES * 2)) 'BEGIN {
        path = sprintf("%4087s", "/"); gsub(" ", "x", path)
        for (i = 1; i <= count; i++) printf "%s%08d\n", path, i
    }' | (cd "$scratch/links" && xargs -s 100000 sh -c 'ln -s "$@" .' links) 2>/dev/null || true
    sync
    rm -rf "$scratch/links"
    sync
}

# As many blocks as mke2fs gives the journal of a file system of this many: https://github.com/tytso/e2fsprogs/blob/master/lib/ext2fs/mkjournal.c
overwrite_journal() {
    overwrite_memory
    left=262144
    while [ "$left" -gt 16384 ] && [ "$1" -lt $((left * 128)) ]; do
        left=$((left / 2))
    done
    while [ "$left" -gt 0 ]; do
        mkdir "$scratch/journal"
        (cd "$scratch/journal" && seq "$DIRECTORIES" | xargs mkdir) 2>/dev/null || true
        sync
        rm -rf "$scratch/journal"
        sync
        left=$((left - DIRECTORIES))
    done
}

# Name, architecture and version of each package that is installed. rpm's are in a database that only rpm can read.
installed() {
    text_of var/lib/dpkg/status | awk '
        function flush() {
            if (status == "installed" && version != "") print name, (architecture == "" ? "-" : architecture), version
            name = status = architecture = version = ""
        }
        /^$/ { flush() }
        /^Package: / { name = $2 }
        /^Status: / { status = $4 }
        /^Architecture: / { architecture = $2 }
        /^Version: / { version = $2 }
        END { flush() }'
}

# Name and version of each, in an order that is always the same: what images are compared by.
packages() {
    installed | awk '{ print $1, $3 }' | sort
}

# Where the list of an image's packages is: nodes from the image carry it to the next one. In a folder that is there: a new one would take a
# block of what was deleted (see overwrite_memory).
LIST=var/log/kamino-packages.log

# What came, went and changed since the image that this disk descends from, as JSON; nothing where it descends from none. As many names as
# kubelet keeps beside the rest of the result.
changed_packages() {
    if is_file "$LIST"; then
        # Of one name each word says how it changed. Neither a name nor a version of dpkg has a blank, a quote or a backslash in it.
        { sed 's/^/1 /' "$HOST_ROOT/$LIST"; packages | sed 's/^/2 /'; } | awk '
            { gsub(/[\\"]/, "") }
            $1 == 1 { old[$2] = $3 }
            $1 == 2 { new[$2] = $3 }
            END {
                for (name in old) if (!(name in new)) { gone++; print name, "-" name, old[name] }
                for (name in new) {
                    if (!(name in old)) { added++; print name, "+" name, new[name] }
                    else if (old[name] != new[name]) { changed++; print name, "=" name, old[name], new[name] }
                }
                printf "~counts %d %d %d\n", added, gone, changed
            }' | sort | awk '
            $1 == "~counts" { counts = sprintf("\"added\":%d,\"gone\":%d,\"changed\":%d", $2, $3, $4); next }
            {
                sub(/^[^ ]* /, "")
                if (length(names) + length($0) < 1200) names = names (names == "" ? "" : ",") "\"" $0 "\""
            }
            END { printf ",\"changes\":{%s,\"names\":[%s]}", counts, names }'
    fi
}

# After it was compared: the next image's packages are compared with these.
keep_packages() {
    if is_real "$LIST" && [ -d "$HOST_ROOT/${LIST%/*}" ] && [ ! -L "$HOST_ROOT/$LIST" ]; then
        packages >"$HOST_ROOT/$LIST"
    fi
}

# $1: a name in os-release, whose value is in quotes or not
of_system() {
    release=etc/os-release
    [ ! -L "$HOST_ROOT/$release" ] || release=usr/lib/os-release
    text_of "$release" | sed -n "s/^$1=[\"']\{0,1\}\([^\"]*[^\"']\)[\"']\{0,1\}\$/\1/p" | tr -d '\\[:cntrl:]' | cut -c 1-100
}

result() {
    count=$(packages | wc -l)
    digest=$(packages | sha256sum | cut -d ' ' -f 1)
    for database in var/lib/rpm/rpmdb.sqlite usr/lib/sysimage/rpm/rpmdb.sqlite; do
        if [ "$count" -eq 0 ] && [ -f "$HOST_ROOT/$database" ]; then
            digest=$(sha256sum <"$HOST_ROOT/$database" | cut -d ' ' -f 1)
        fi
    done
    os=$(of_system PRETTY_NAME)
    printf '{"cleaned":"%s","kind":"%s","os":"%s","kernel":"%s","packages":%d,"digest":"sha256:%s","removed":%d,"paths":[%s]%s}' \
        "$KAMINO_VERSION" "$kind" "$os" "$KAMINO_KERNEL" "$count" "$digest" "$removed" "$what" "$changes" >"$KAMINO_RESULT"
}

# All packages go to the log: the result has no room for them. Last, since a log that cannot be written spoils nothing then; whoever reads it
# knows by the result's digest whether it is whole.
say_packages() {
    printf 'kamino-system %s %s\n' "$(of_system ID | tr ' ' '-')" "$(of_system VERSION_ID | tr ' ' '-')"
    installed | sed 's/^/kamino-package /'
}

refuse
changes=$(changed_packages)
clean
keep_packages
forget_deleted
result
say_packages || true
