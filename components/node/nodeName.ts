// What a node may be called. Pure.

/** The name of a node: a DNS subdomain name (RFC 1123), as Kubernetes demands of object names. */
export const NODE_NAME_FORMAT = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
