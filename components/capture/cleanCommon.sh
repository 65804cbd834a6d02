# What clean.sh and cleanCopy.sh share: how a disk is changed without leaving it, and what on it belongs to one machine.
#
# POSIX sh, for busybox; put before either script. The disk's root is $HOST_ROOT, and nothing outside of it is touched. $KAMINO_NODE
# and $KAMINO_VERSION say what the image is made of. $KAMINO_CLEAN_PATHS are further paths to remove, one per line, from the root.
set -eu
umask 022
export LC_ALL=C

: "${HOST_ROOT:?}" "${KAMINO_NODE:?}" "${KAMINO_VERSION:?}"
KAMINO_CLEAN_PATHS=${KAMINO_CLEAN_PATHS:-}

# From here on a failure may have changed the disk. The message says so, since a person has to know.
changed=
removed=0
what=

fail() {
    echo "clean: $*; the disk is ${changed:-not changed}" >&2
    exit 1
}

# For what was caught in the middle: it may be over in some minutes (EX_TEMPFAIL of sysexits.h).
fail_for_now() {
    echo "clean: $*; the disk is ${changed:-not changed}" >&2
    exit 75
}

# A link on the way would lead out of the disk: inside of this container it points at the container's own files.
real_path_to() {
    rest=$1
    path=$HOST_ROOT
    while [ "$rest" != "${rest#*/}" ]; do
        path=$path/${rest%%/*}
        rest=${rest#*/}
        [ ! -L "$path" ] || fail "$path is a symbolic link"
    done
}

# Whether the way to a path leads through no link; what lies behind one is not of this path.
is_real() (
    rest=$1
    path=$HOST_ROOT
    while [ "$rest" != "${rest#*/}" ]; do
        path=$path/${rest%%/*}
        rest=${rest#*/}
        [ ! -L "$path" ] || exit 1
    done
)

begin() {
    changed="partly cleaned"
}

# Counts what was there, and keeps its place for the result.
note() {
    [ "$2" -gt 0 ] || return 0
    removed=$((removed + $2))
    what="$what${what:+,}\"$(printf %s "$1" | tr -d '\\"[:cntrl:]')\""
}

# Emptied and not removed, which keeps its owner and mode. In place of a link, which may lead anywhere, comes a file.
empty_file() {
    is_real "$1" || return 0
    if [ -L "$HOST_ROOT/$1" ]; then
        rm -f "$HOST_ROOT/$1"
    fi
    if [ -d "$HOST_ROOT/${1%/*}" ]; then
        : >"$HOST_ROOT/$1"
        note "$1" 1
    fi
}

# The folder itself stays, with its owner and mode. find and rm follow no links below it.
empty_folder() {
    is_real "$1" || return 0
    if [ -L "$HOST_ROOT/$1" ]; then
        rm -f "$HOST_ROOT/$1"
    elif [ -d "$HOST_ROOT/$1" ]; then
        note "$1" "$(find "$HOST_ROOT/$1" -mindepth 1 -maxdepth 1 | wc -l)"
        find "$HOST_ROOT/$1" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
    fi
}

# A file, folder or link. Where a link leads is not looked at: what was read stays in memory, and may be written again.
remove() {
    is_real "$1" || return 0
    if [ -L "$HOST_ROOT/$1" ] || [ -e "$HOST_ROOT/$1" ]; then
        rm -rf "$HOST_ROOT/$1"
        note "$1" 1
    fi
}

# Entries of a folder by a pattern that find knows.
remove_named() {
    is_real "$1/x" || return 0
    if [ -d "$HOST_ROOT/$1" ]; then
        note "$1/$2" "$(find "$HOST_ROOT/$1" -mindepth 1 -maxdepth 1 -name "$2" | wc -l)"
        find "$HOST_ROOT/$1" -mindepth 1 -maxdepth 1 -name "$2" -exec rm -rf {} +
    fi
}

# Whether there is a file and not a link, which may lead out of the disk.
is_file() {
    is_real "$1" && [ -f "$HOST_ROOT/$1" ] && [ ! -L "$HOST_ROOT/$1" ]
}

# A file's text, or nothing.
text_of() {
    if is_file "$1"; then
        cat "$HOST_ROOT/$1"
    fi
}

is_empty_folder() {
    ! is_real "$1/x" || [ ! -d "$HOST_ROOT/$1" ] || [ -z "$(find "$HOST_ROOT/$1" -mindepth 1 -maxdepth 1 | head -n 1)" ]
}

# --- refusals: everything that may fail comes before the first change -----------------------------------------------------------

refuse_links() {
    for path in etc/hostname var/lib/cloud/data var/lib/waagent/history var/log/journal var/lib/dbus/machine-id; do
        real_path_to "$path"
    done
    [ ! -L "$HOST_ROOT/var/log/kamino-ancestry.log" ] || fail "var/log/kamino-ancestry.log is a symbolic link"
    old=$IFS
    IFS='
'
    set -f
    for path in $KAMINO_CLEAN_PATHS; do
        case /${path#/}/ in
        */../* | */./* | *//*) fail "cleanPaths: $path is not a plain path from the disk's root" ;;
        esac
    done
    set +f
    IFS=$old
}

# Whether cloud-init is installed: its program, or a unit that starts it from wherever it is. A package that was removed leaves cloud.cfg
# behind, so that counts only where programs are on another file system.
has_cloud_init() {
    for path in usr/bin/cloud-init usr/local/bin/cloud-init usr/lib/cloud-init usr/libexec/cloud-init etc/init.d/cloud-init \
        usr/lib/systemd/system/cloud-init.service lib/systemd/system/cloud-init.service etc/systemd/system/cloud-init.service; do
        [ ! -e "$HOST_ROOT/$path" ] && [ ! -L "$HOST_ROOT/$path" ] || return 0
    done
    [ -z "$(find "$HOST_ROOT/opt" -maxdepth 4 -path '*/bin/cloud-init' 2>/dev/null | head -n 1)" ] || return 0
    is_empty_folder usr/bin && is_file etc/cloud/cloud.cfg
}

# The files that configure cloud-init, in the order in which it reads them: the last word holds.
configuration_of_cloud_init() {
    { echo "$HOST_ROOT/etc/cloud/cloud.cfg"; find "$HOST_ROOT/etc/cloud/cloud.cfg.d" -name '*.cfg' 2>/dev/null | sort; } |
        while IFS= read -r file; do
            if [ -f "$file" ] && [ ! -L "$file" ]; then echo "$file"; fi
        done
}

# A machine from the image, and this one when it starts again, gets its host name from cloud-init and from nothing else.
refuse_without_cloud_init() {
    has_cloud_init || fail "cloud-init is not installed, and nothing else gives a new machine its host name, machine id and host keys"
    [ ! -e "$HOST_ROOT/etc/cloud/cloud-init.disabled" ] ||
        fail "cloud-init is disabled (/etc/cloud/cloud-init.disabled), so nothing would give a new machine its host name"
    # https://cloudinit.readthedocs.io/en/latest/explanation/boot.html: ds-identify decides whether cloud-init runs at all.
    if text_of etc/cloud/ds-identify.cfg | grep -Eq "^[[:space:]]*policy:[[:space:]]*[\"']?disabled"; then
        fail "cloud-init is disabled (policy in /etc/cloud/ds-identify.cfg), so nothing would give a new machine its host name"
    fi
    for unit in cloud-init.service cloud-init-main.service cloud-init.target; do
        if [ -L "$HOST_ROOT/etc/systemd/system/$unit" ] &&
            [ "$(readlink "$HOST_ROOT/etc/systemd/system/$unit")" = /dev/null ]; then
            fail "cloud-init is disabled ($unit is masked), so nothing would give a new machine its host name"
        fi
    done
    keeps=$(
        configuration_of_cloud_init | while IFS= read -r file; do
            sed -n 's/^preserve_hostname:[[:space:]]*\([A-Za-z0-9]*\).*/\1/p' "$file"
        done | tail -n 1
    )
    case $keeps in
    true | True | TRUE | yes | Yes | on | 1) fail "cloud-init has preserve_hostname, so nothing would give a new machine its host name" ;;
    esac
}

# The first file that turns off cloud-init's part in the network, in either form of YAML:
# https://cloudinit.readthedocs.io/en/latest/reference/network-config.html#disabling-network-configuration
turns_network_off() {
    configuration_of_cloud_init | while IFS= read -r file; do
        awk '
            /^[^[:space:]#]/ { inside = 0 }
            /^network:[[:space:]]*(#.*)?$/ { inside = 1 }
            /^network:[[:space:]]*[{].*config["\047]?:[[:space:]]*["\047]?disabled/ { found = 1 }
            inside && /^[[:space:]]+config:[[:space:]]*["\047]?disabled/ { found = 1 }
            END { exit !found }' "$file" && echo "$file"
    done | head -n 1
}

# The first file by which a network device is known by its address. A .netdev makes a device, with an address that may be any.
names_address() {
    for folder in etc/netplan etc/systemd/network etc/sysconfig/network-scripts etc/NetworkManager/system-connections; do
        [ ! -d "$HOST_ROOT/$folder" ] || find "$HOST_ROOT/$folder" -type f ! -name '*.netdev'
    done | while IFS= read -r file; do
        if grep -Eiq "^[^#;]*(macaddress:|macaddress=|hwaddr=|mac-address=)[[:space:]\"']*[0-9a-f]{2}[:-]" "$file"; then
            echo "$file"
        fi
    done | head -n 1
}

# A new machine has another address, and where cloud-init does not write its configuration anew it would have no network:
# https://github.com/Azure/WALinuxAgent/issues/1065
refuse_network_of_the_machine() {
    off=$(turns_network_off)
    [ -n "$off" ] || return 0
    file=$(names_address)
    [ -z "$file" ] || fail "${file#"$HOST_ROOT"} has the address (MAC) of this machine's network device and ${off#"$HOST_ROOT"} keeps cloud-init from writing it anew, so a new machine would have no network; take either out"
}

# dpkg writes a file to updates/ for each change that its status file does not have yet; yum and dnf keep what they have not finished.
refuse_interrupted_packages() {
    is_empty_folder var/lib/dpkg/updates || fail_for_now "dpkg was interrupted (dpkg --configure -a), or is at work"
    if text_of var/lib/dpkg/status | grep -Eq '^Status: .* (half-installed|half-configured|unpacked)$'; then
        fail_for_now "dpkg has packages that are not wholly installed (dpkg --configure -a)"
    fi
    for folder in var/lib/yum var/lib/dnf; do
        if [ -n "$(find "$HOST_ROOT/$folder" -maxdepth 1 -name 'transaction-all*' 2>/dev/null)" ]; then
            fail_for_now "a transaction of yum or dnf was interrupted (/$folder)"
        fi
    done
    for folder in var/lib/rpm usr/lib/sysimage/rpm; do
        [ ! -s "$HOST_ROOT/$folder/rpmdb.sqlite-journal" ] || fail_for_now "rpm was interrupted, or is at work (/$folder)"
    done
}

# --- kubelet's credentials ------------------------------------------------------------------------------------------------------

# Where a kubeconfig of a kubelet is as a rule, kubeadm's first, then AKS Engine's.
KUBECONFIGS="etc/kubernetes/kubelet.conf var/lib/kubelet/kubeconfig etc/kubernetes/kubeconfig"
BOOTSTRAP_KUBECONFIGS="etc/kubernetes/bootstrap-kubelet.conf var/lib/kubelet/bootstrap-kubeconfig"

# A value in a kubeconfig, without quotes.
value_in() {
    text_of "$1" | sed -n "s/^[[:space:]-]*$2:[[:space:]]*[\"']\{0,1\}\([^\"']*\)[\"']\{0,1\}[[:space:]]*\$/\1/p" | head -n 1
}

# Whether standard input, a certificate in PEM, is one of a single node: then its name, as Kubernetes demands it, is system:node:NAME.
is_certificate_of_node() {
    sed -n '/-----BEGIN CERTIFICATE-----/,/-----END CERTIFICATE-----/p' | grep -v -e '-----' | base64 -d 2>/dev/null |
        grep -q 'system:node:'
}

# Whether kubelet signs in as this one node (and not as all nodes of the pool do): by a certificate that it was given for itself.
has_own_certificate() {
    certificate=$(value_in "$1" client-certificate)
    case $certificate in
    /var/lib/kubelet/pki/*) return 0 ;;
    /*) text_of "${certificate#/}" | is_certificate_of_node ;;
    *) value_in "$1" client-certificate-data | base64 -d 2>/dev/null | is_certificate_of_node ;;
    esac
}

# A kubeconfig that can still sign in: with a token or a certificate in it. kubeadm deletes its own after a node has joined.
is_bootstrap_usable() {
    [ -n "$(value_in "$1" token)$(value_in "$1" client-certificate-data)$(value_in "$1" client-certificate)" ]
}

# Says in $kind how kubelet signs in. shared: as all nodes do. bootstrap: by its own certificate, and can ask for another.
# kubeadm: by its own, which a join has to bring. own: by its own, and nothing would bring another. none: not set up.
find_kind() {
    kind=none
    kubeconfig=${1:-}
    if [ -z "$kubeconfig" ]; then
        for kubeconfig in $KUBECONFIGS; do
            [ -z "$(text_of "$kubeconfig")" ] || break
        done
    fi
    [ -n "$(text_of "$kubeconfig")" ] || return 0
    kind=shared
    if has_own_certificate "$kubeconfig"; then
        kind=own
        for bootstrap in ${2:-} $BOOTSTRAP_KUBECONFIGS; do
            if is_bootstrap_usable "$bootstrap"; then
                kind=bootstrap
                return 0
            fi
        done
        if [ "$kubeconfig" = etc/kubernetes/kubelet.conf ]; then
            kind=kubeadm
        fi
    fi
}

# kubelet's own certificates, which it asks for again by the shared certificate or the bootstrap kubeconfig. Of a node that has neither
# nothing is taken here.
remove_kubelet_certificates() {
    case $kind in
    shared) empty_folder var/lib/kubelet/pki ;;
    bootstrap)
        empty_folder var/lib/kubelet/pki
        remove "$kubeconfig"
        ;;
    esac
}

# --- what belongs to one machine ------------------------------------------------------------------------------------------------

# Lets every node that descends from this disk tell where it comes from.
write_ancestry() {
    mkdir -p "$HOST_ROOT/var/log"
    printf '%s version %s from node %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$KAMINO_VERSION" "$KAMINO_NODE" \
        >>"$HOST_ROOT/var/log/kamino-ancestry.log"
}

# What a network plugin's DaemonSet writes to each node anew. Until then the node is not Ready, as a fresh one. Other configuration,
# such as Azure CNI's, comes with the bootstrap and stays.
remove_network_identity() {
    remove var/lib/calico/nodename
    for name in '*kubeconfig' '*-calico.conflist' '*-canal.conflist' '*-cilium.conf' '*-cilium.conflist' '*-flannel.conflist' \
        '*-weave.conflist' '*-antrea.conflist' '*-kuberouter.conf*' '*-multus.conf*' whereabouts.d multus.d; do
        remove_named etc/cni/net.d "$name"
    done
}

# Initiators of the same name corrupt each other's volumes. Debian's open-iscsi makes a name only where the file asks for one.
remove_storage_identity() {
    if is_real etc/iscsi/initiatorname.iscsi && [ -e "$HOST_ROOT/etc/iscsi/initiatorname.iscsi" ]; then
        remove etc/iscsi/initiatorname.iscsi
        if [ -e "$HOST_ROOT/etc/debian_version" ]; then
            (umask 077 && echo 'GenerateName=yes' >"$HOST_ROOT/etc/iscsi/initiatorname.iscsi")
        fi
    fi
    remove etc/nvme/hostnqn
    remove etc/nvme/hostid
}

# cloud-init makes host keys where there are none. systemd makes a new seed at the next boot.
remove_secrets_of_the_machine() {
    remove_named etc/ssh 'ssh_host_*_key'
    remove_named etc/ssh 'ssh_host_*_key.pub'
    remove var/lib/systemd/random-seed
    remove var/lib/urandom/random-seed
}

remove_cloud_init_instance() {
    empty_folder var/lib/cloud/data
    empty_folder var/lib/cloud/instances
    remove var/lib/cloud/instance
}

remove_agent_state() {
    empty_folder var/lib/waagent/history
    empty_folder var/lib/waagent/events
}

remove_clean_paths() {
    old=$IFS
    IFS='
'
    set -f
    for path in $KAMINO_CLEAN_PATHS; do
        remove "${path#/}"
    done
    set +f
    IFS=$old
}

# Last of all: until here a failure leaves a machine that still knows its name.
remove_names() {
    empty_file etc/hostname
    # Where D-Bus keeps a copy of the machine id instead of a link to it.
    if is_real var/lib/dbus/machine-id && [ ! -L "$HOST_ROOT/var/lib/dbus/machine-id" ]; then
        remove var/lib/dbus/machine-id
    fi
    empty_file etc/machine-id
}

[ -d "$HOST_ROOT" ] || fail "$HOST_ROOT is not a folder"
