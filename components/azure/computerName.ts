// The computer names of a scale set's VMs. Pure.

/**
 * Whether Azure gives this name to the computer of a VM that it makes for a scale set: the prefix and six more
 * characters, in either orchestration mode; cloud-provider-azure goes by it, too. Nodes have it in lower case.
 * Source: https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-instance-ids
 *
 * @param prefix the model's `computerNamePrefix`
 */
export function isComputerName(name: string, prefix: string): boolean {
    const [computer, start] = [name.toLowerCase(), prefix.toLowerCase()];
    return start !== "" && computer.startsWith(start) && /^[0-9a-z]{6}$/.test(computer.slice(start.length));
}
