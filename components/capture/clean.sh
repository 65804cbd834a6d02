# Takes from a node's disk what is this machine's own, so that a machine started from a copy of it is one of its own; then power off.
#
# POSIX sh, for busybox. The disk's root is $HOST_ROOT, and nothing outside of it is touched. $KAMINO_NODE and $KAMINO_VERSION
# say what the copy is of. What is removed comes back when this machine starts again: cloud-init gives it its host name, systemd a
# machine id, the VM agent and the journal start anew.
set -eu
umask 022

: "${HOST_ROOT:?}" "${KAMINO_NODE:?}" "${KAMINO_VERSION:?}"

fail() {
    echo "clean: $*" >&2
    exit 1
}

# A link on the way would lead out of the disk: inside of this container it points at the container's own files.
real_path_to() {
    rest=$1
    path=$HOST_ROOT
    while [ "$rest" != "${rest#*/}" ]; do
        path=$path/${rest%%/*}
        rest=${rest#*/}
        [ ! -L "$path" ] || fail "$path is a symbolic link; the disk is not changed"
    done
}

# Emptied and not removed, which keeps its owner and mode. In place of a link, which may lead anywhere, comes a file.
empty_file() {
    if [ -L "$HOST_ROOT/$1" ]; then
        rm -f "$HOST_ROOT/$1"
    fi
    if [ -d "$HOST_ROOT/${1%/*}" ]; then
        : >"$HOST_ROOT/$1"
    fi
}

# The folder itself stays, with its owner and mode. find and rm follow no links below it.
empty_folder() {
    if [ -L "$HOST_ROOT/$1" ]; then
        rm -f "$HOST_ROOT/$1"
    elif [ -d "$HOST_ROOT/$1" ]; then
        find "$HOST_ROOT/$1" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
    fi
}

[ -d "$HOST_ROOT" ] || fail "$HOST_ROOT is no folder"

# Everything that may fail comes before the first change.
for path in etc/hostname var/lib/cloud/data var/lib/waagent/history var/log/journal var/lib/dbus/machine-id proc/sysrq-trigger; do
    real_path_to "$path"
done
[ -w "$HOST_ROOT/proc/sysrq-trigger" ] || fail "$HOST_ROOT/proc/sysrq-trigger cannot be written"
ancestry=$HOST_ROOT/var/log/kamino-ancestry.log
[ ! -L "$ancestry" ] || fail "$ancestry is a symbolic link; the disk is not changed"

# Lets every node that descends from this disk tell where it comes from.
printf '%s version %s from node %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$KAMINO_VERSION" "$KAMINO_NODE" >>"$ancestry"

empty_folder var/lib/waagent/history
empty_folder var/lib/waagent/events
empty_folder var/lib/cloud/data
empty_folder var/lib/cloud/instances
rm -rf "$HOST_ROOT/var/lib/cloud/instance"
empty_folder var/log/journal
empty_file etc/hostname
empty_file etc/machine-id
# Where D-Bus keeps a copy of the machine id instead of a link to it.
if [ -f "$HOST_ROOT/var/lib/dbus/machine-id" ] && [ ! -L "$HOST_ROOT/var/lib/dbus/machine-id" ]; then
    rm -f "$HOST_ROOT/var/lib/dbus/machine-id"
fi

# At once, as if the plug were pulled: an orderly shutdown would write journal and agent state to the disk again.
sync
printf o >"$HOST_ROOT/proc/sysrq-trigger"
