// Which proxy a request to an API server goes through, as kubectl decides it. Pure.
import { BlockList, isIP } from "node:net";

/** Environment variables. */
type Environment = Record<string, string | undefined>;

/**
 * The proxy for a URL by HTTPS_PROXY, HTTP_PROXY and NO_PROXY, each also in lower case; undefined where none is to be
 * used. Names in NO_PROXY stand for their subdomains as well; addresses, networks (10.0.0.0/8) and ports count;
 * localhost is never proxied.
 * Source: Go's net/http and https://pkg.go.dev/golang.org/x/net/http/httpproxy, which kubectl uses.
 */
export function proxyFor(url: string, env: Environment): string | undefined {
    const { protocol, hostname, port } = new URL(url);
    const names = protocol === "https:" ? ["HTTPS_PROXY", "https_proxy"] : ["HTTP_PROXY", "http_proxy"];
    const proxy = firstOf(env, names);
    // An IPv6 address is in brackets in a URL.
    const host = hostname.replace(/^\[|\]$/g, "");
    if (!proxy || isLocal(host)) {
        return undefined;
    }
    const defaultPort = protocol === "https:" ? "443" : "80";
    const exceptions = (firstOf(env, ["NO_PROXY", "no_proxy"]) ?? "").split(",").map((entry) => entry.trim());
    const excepted = exceptions.some(
        (entry) => entry !== "" && matches(entry.toLowerCase(), host, port || defaultPort),
    );
    return excepted ? undefined : /^\w+:\/\//.test(proxy) ? proxy : `http://${proxy}`;
}

function firstOf(env: Environment, names: string[]): string | undefined {
    return names.map((name) => env[name]).find(Boolean);
}

function isLocal(host: string): boolean {
    return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function matches(entry: string, host: string, port: string): boolean {
    if (entry === "*") {
        return true;
    }
    if (entry.includes("/")) {
        return isInNetwork(entry, host);
    }
    // An address of IPv6 has colons itself.
    const [, name = "", ownPort] = isIP(entry) ? [entry, entry] : (/^\[?(.*?)\]?(?::(\d+))?$/.exec(entry) ?? []);
    if (ownPort !== undefined && ownPort !== port) {
        return false;
    }
    const domain = name.replace(/^\*(?=\.)/, "");
    return domain.startsWith(".") ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

function isInNetwork(entry: string, host: string): boolean {
    const [network, length] = entry.split("/");
    const families = { 4: "ipv4", 6: "ipv6" } as const;
    const family = families[isIP(network) as 4 | 6];
    if (
        !family ||
        isIP(host) !== isIP(network) ||
        !/^\d{1,3}$/.test(length) ||
        Number(length) > (family === "ipv4" ? 32 : 128)
    ) {
        return false;
    }
    const list = new BlockList();
    list.addSubnet(network, Number(length), family);
    return list.check(host, family);
}
