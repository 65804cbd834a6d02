# Takes from the copy of a node's disk all that is the node's own or that ran on it. The node itself goes on and keeps everything.
#
# Runs after cleanCommon.sh, on a file system that nothing else uses. $KAMINO_KERNEL is the kernel that the node runs. $KAMINO_CUSTOM_DATA
# is "kept" where new machines get custom data that makes them join. What it did goes to $KAMINO_RESULT as one line of JSON.

: "${KAMINO_KERNEL:?}" "${KAMINO_RESULT:?}"
KAMINO_CUSTOM_DATA=${KAMINO_CUSTOM_DATA:-dropped}

# The newest kernel that is installed, of the running one's flavour: what the node would boot next.
newest_kernel() {
    flavour=$(printf %s "$KAMINO_KERNEL" | sed -n 's/.*-\([a-z][a-z0-9-]*\)$/\1/p')
    {
        find "$HOST_ROOT/boot" -mindepth 1 -maxdepth 1 -name 'vmlinuz-*' 2>/dev/null | sed 's|.*/vmlinuz-||'
        for folder in lib/modules usr/lib/modules; do
            if is_real "$folder/x"; then
                find "$HOST_ROOT/$folder" -mindepth 2 -maxdepth 2 -name modules.dep 2>/dev/null | sed 's|/modules.dep$||; s|.*/||'
            fi
        done
    } | { grep -e "-$flavour\$" || true; } | sort -V | tail -n 1
}

refuse_unbooted_kernel() {
    newest=$(newest_kernel)
    [ -z "$newest" ] || [ "$newest" = "$KAMINO_KERNEL" ] ||
        fail "the node runs kernel $KAMINO_KERNEL and has $newest installed, which it has not booted yet"
}

refuse() {
    # An empty partition is formatted by who mounts it.
    [ -e "$HOST_ROOT/etc/os-release" ] || [ -L "$HOST_ROOT/etc/os-release" ] ||
        fail "this is not a root file system: there is no /etc/os-release on it (kamino:rootPartition)"
    refuse_links
    refuse_interrupted_packages
    refuse_without_cloud_init
    refuse_unbooted_kernel
    find_kind
    case $kind in
    kubeadm)
        [ "$KAMINO_CUSTOM_DATA" = kept ] ||
            fail "this is a kubeadm node, and new nodes get no custom data by which they could join"
        ;;
    own)
        [ "$KAMINO_CUSTOM_DATA" = kept ] ||
            fail "kubelet signs in by its own certificate (/$kubeconfig) and has no bootstrap kubeconfig to get another, so a new node would not join"
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
    for folder in var/log/journal var/log/azure var/log/installer var/log/unattended-upgrades var/log/apt var/log/audit; do
        if is_real "$folder/x" && [ -d "$HOST_ROOT/$folder" ]; then
            note "$folder" "$(find "$HOST_ROOT/$folder" -type f | wc -l)"
            find "$HOST_ROOT/$folder" -type f -exec rm -f {} +
        fi
    done
    if is_real var/log/x; then
        find "$HOST_ROOT/var/log" -type f ! -name kamino-ancestry.log ! -name wtmp ! -name btmp ! -name lastlog -exec rm -f {} +
        for file in wtmp btmp lastlog; do
            [ ! -f "$HOST_ROOT/var/log/$file" ] || empty_file "var/log/$file"
        done
        note var/log 1
    fi
    for home in "$HOST_ROOT"/root "$HOST_ROOT"/home/*; do
        remove "${home#"$HOST_ROOT/"}/.bash_history"
    done
}

# Numbers of the last runs: a machine that finds its extension's first run done would not run it.
remove_agent_of_the_machine() {
    remove_agent_state
    remove var/lib/waagent/ovf-env.xml
    remove var/lib/waagent/provisioned
    remove_named var/lib/waagent '*.xml'
    remove_named var/lib/waagent '*.prv'
    remove_named var/lib/waagent '*.pem'
    remove_named var/lib/waagent '*.crt'
    if is_real var/lib/waagent/x && [ -d "$HOST_ROOT/var/lib/waagent" ]; then
        find "$HOST_ROOT/var/lib/waagent" -name mrseq -type f -exec rm -f {} +
    fi
}

clean() {
    begin
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

# Name and version of each package that is installed. rpm's are in a database that only rpm can read.
packages() {
    text_of var/lib/dpkg/status |
        awk '/^Package: / { name = $2 } /^Status: / { ok = $4 } /^Version: / { if (ok == "installed") print name, $2 }' | sort
}

result() {
    count=$(packages | wc -l)
    digest=$(packages | sha256sum | cut -d ' ' -f 1)
    for database in var/lib/rpm/rpmdb.sqlite usr/lib/sysimage/rpm/rpmdb.sqlite; do
        if [ "$count" -eq 0 ] && [ -f "$HOST_ROOT/$database" ]; then
            digest=$(sha256sum <"$HOST_ROOT/$database" | cut -d ' ' -f 1)
        fi
    done
    release=etc/os-release
    [ ! -L "$HOST_ROOT/$release" ] || release=usr/lib/os-release
    os=$(text_of "$release" | sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' | tr -d '\\[:cntrl:]' | cut -c 1-100)
    printf '{"cleaned":"%s","kind":"%s","os":"%s","kernel":"%s","packages":%d,"digest":"sha256:%s","removed":%d,"paths":[%s]}' \
        "$KAMINO_VERSION" "$kind" "$os" "$KAMINO_KERNEL" "$count" "$digest" "$removed" "$what" >"$KAMINO_RESULT"
}

refuse
clean
result
