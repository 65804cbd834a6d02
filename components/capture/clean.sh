# Takes from a running node's disk what is this machine's own, so that a machine started from a copy of it becomes another machine.
#
# Runs after cleanCommon.sh. What is removed comes back when this machine starts again: cloud-init gives it its host name and host keys,
# systemd a machine id, the VM agent and the journal start anew. What the machine goes on to need is left: see cleanCopy.sh for the rest.

: "${KAMINO_STEP:?}"

# Of the host alone: /proc shows the processes of containers as well, and what those install is not on the host.
is_of_host() {
    ours=$(readlink "$HOST_ROOT/proc/1/ns/mnt" 2>/dev/null || true)
    [ "$(readlink "$HOST_ROOT/proc/$1/ns/mnt" 2>/dev/null || true)" = "$ours" ]
}

refuse_packages_at_work() {
    for file in "$HOST_ROOT"/proc/[0-9]*/comm; do
        name=$(cat "$file" 2>/dev/null || true)
        # As the kernel cuts them, to 15 characters.
        case $name in
        apt | apt-get | aptitude | dpkg | dpkg-deb | unattended-upgr | rpm | dnf | dnf5 | yum | tdnf | zypper | update-initramf | mkinitramfs | dracut) ;;
        *) continue ;;
        esac
        process=${file%/comm}
        # This one does nothing but wait for the machine's shutdown.
        if { tr '\000' ' ' <"$process/cmdline"; } 2>/dev/null | grep -q 'unattended-upgrade-shutdown'; then
            continue
        fi
        if is_of_host "${process##*/}"; then
            fail_for_now "$name is at work on this node; take the image when it is through"
        fi
    done
}

# kubelet's own word on a flag, from the command line that it runs with.
flag_of_kubelet() {
    for file in "$HOST_ROOT"/proc/[0-9]*/comm; do
        if [ "$(cat "$file" 2>/dev/null || true)" = kubelet ]; then
            { tr '\000' '\n' <"${file%/comm}/cmdline"; } 2>/dev/null | sed -n "s|^--$1=/\(.*\)|\1|p"
            return 0
        fi
    done
}

refuse() {
    refuse_links
    real_path_to proc/sysrq-trigger
    [ -w "$HOST_ROOT/proc/sysrq-trigger" ] || fail "$HOST_ROOT/proc/sysrq-trigger cannot be written"
    # Not var/run: that is a link.
    [ ! -e "$HOST_ROOT/run/reboot-required" ] || fail "the node waits for a reboot (/run/reboot-required), so its newest patches have not proved themselves"
    refuse_packages_at_work
    refuse_interrupted_packages
    refuse_without_cloud_init
    refuse_network_of_the_machine
    case " $(cat "$HOST_ROOT/proc/cmdline" 2>/dev/null || true) " in
    *" cloud-init=disabled "*) fail "cloud-init is disabled on the kernel's command line, so nothing would give a new machine its host name" ;;
    esac
    find_kind "$(flag_of_kubelet kubeconfig)" "$(flag_of_kubelet bootstrap-kubeconfig)"
    case $kind in
    own | kubeadm)
        fail "kubelet signs in by its own certificate (/$kubeconfig) and has no bootstrap kubeconfig to get another, so neither this node nor a new one would join; use kamino:capture copy"
        ;;
    esac
    is_empty_folder var/lib/longhorn/replicas ||
        fail "/var/lib/longhorn/replicas holds data of volumes; move the replicas off this node, or use kamino:capture copy"
}

# Without custom data cloud-init has nothing to run again on this machine, whose instance it takes for new; and no copy can run it.
empty_custom_data() {
    file=var/lib/waagent/ovf-env.xml
    if is_file "$file"; then
        # Beside it first: a file that is cut off half-way would leave this machine without its users. cp keeps owner and mode.
        cp -p "$HOST_ROOT/$file" "$HOST_ROOT/$file.kamino"
        tr '\n' ' ' <"$HOST_ROOT/$file" | sed 's#<\([A-Za-z0-9]*:\)\{0,1\}CustomData>[^<]*</\([A-Za-z0-9]*:\)\{0,1\}CustomData>##g' >"$HOST_ROOT/$file.kamino"
        mv -f "$HOST_ROOT/$file.kamino" "$HOST_ROOT/$file"
    fi
}

clean() {
    begin
    write_ancestry
    empty_custom_data
    remove_agent_state
    remove_cloud_init_instance
    empty_folder var/log/journal
    empty_folder var/log/pods
    empty_folder var/log/containers
    remove_network_identity
    remove_storage_identity
    remove_kubelet_certificates
    remove_secrets_of_the_machine
    remove_clean_paths
    remove_names
    sync
}

# The keys by which the VM agent opens its extensions' protected settings, and what it was sent with them. At each start it forgets its
# protocol (daemon/main.py), and as it finds it anew makes a new pair for its transport and fetches the rest (common/protocol/wire.py,
# goal_state.py): https://github.com/Azure/WALinuxAgent/tree/master/azurelinuxagent. Protected settings stay closed without the keys; the files
# of settings stay, since some extensions read theirs before the agent is there.
remove_agent_keys() {
    for name in '*.prv' '*.pem' 'Certificates.*' 'ExtensionsConfig.*.xml'; do
        remove_named var/lib/waagent "$name"
    done
}

# Its own step, since whoever waits must see that the disk was cleaned before the power goes. What the machine has written since goes, too.
power_off() {
    begin
    find_kind "$(flag_of_kubelet kubeconfig)" "$(flag_of_kubelet bootstrap-kubeconfig)"
    remove_agent_state
    remove_agent_keys
    remove_cloud_init_instance
    empty_folder var/log/journal
    remove_kubelet_certificates
    remove_names
    # At once, as if the plug were pulled: an orderly shutdown would write journal and agent state to the disk again.
    sync
    printf o >"$HOST_ROOT/proc/sysrq-trigger"
}

case $KAMINO_STEP in
clean)
    refuse
    clean
    printf '{"cleaned":"%s","kind":"%s","removed":%s,"paths":[%s]}' "$KAMINO_VERSION" "$kind" "$removed" "$what" >"$KAMINO_RESULT"
    ;;
power-off)
    sleep "${KAMINO_WAIT:-0}"
    power_off
    ;;
*) fail "there is no step $KAMINO_STEP" ;;
esac
