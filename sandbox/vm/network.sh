#!/bin/sh
# network.sh COMMAND…: runs a command in a network, process and mount namespace apart, where a bridge plays the virtual network of
# a scale set's VMs: 10.240.0.1 is this machine, tap4 to tap9 are for VMs, and Azure's two well-known addresses are answered here.
# Nothing of it is left when the command ends. Needs root.
set -eu

if [ "${KAMINO_VM_NETWORK:-}" != inside ]; then
    KAMINO_VM_NETWORK=inside exec unshare --net --mount --pid --fork --kill-child --mount-proc sh "$0" "$@"
fi

ip link set lo up
ip link add vnet type bridge
ip address add 10.240.0.1/24 dev vnet
# https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
ip address add 168.63.129.16/32 dev vnet
# https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service
ip address add 169.254.169.254/32 dev vnet
ip link set vnet up
for host in 4 5 6 7 8 9; do
    ip tuntap add "tap$host" mode tap
    ip link set "tap$host" master vnet up
done
exec "$@"
