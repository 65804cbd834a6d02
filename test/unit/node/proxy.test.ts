// Proxies as kubectl uses them.
import { expect, test } from "vitest";
import { proxyFor } from "../../../components/node/proxy";

const SERVER = "https://kube.example.com:6443";
const proxy = "http://proxy:3128";

test.each<[string, string, Record<string, string>, string | undefined]>([
    ["nothing is set", SERVER, {}, undefined],
    ["HTTPS_PROXY", SERVER, { HTTPS_PROXY: proxy }, proxy],
    ["https_proxy in lower case", SERVER, { https_proxy: proxy }, proxy],
    ["a proxy without a scheme", SERVER, { HTTPS_PROXY: "proxy:3128" }, proxy],
    ["HTTP_PROXY, which is not for https", SERVER, { HTTP_PROXY: proxy }, undefined],
    ["HTTP_PROXY for http", "http://kube.example.com", { http_proxy: proxy }, proxy],
    ["the host in NO_PROXY", SERVER, { HTTPS_PROXY: proxy, NO_PROXY: "kube.example.com" }, undefined],
    ["its domain in no_proxy", SERVER, { HTTPS_PROXY: proxy, no_proxy: "a, example.com" }, undefined],
    ["its domain with a dot", SERVER, { HTTPS_PROXY: proxy, NO_PROXY: ".example.com" }, undefined],
    ["its domain with an asterisk", SERVER, { HTTPS_PROXY: proxy, NO_PROXY: "*.example.com" }, undefined],
    ["subdomains only", SERVER, { HTTPS_PROXY: proxy, NO_PROXY: ".kube.example.com" }, proxy],
    ["another host that ends alike", SERVER, { HTTPS_PROXY: proxy, NO_PROXY: "e.example.com,ample.com" }, proxy],
    ["everything in NO_PROXY", SERVER, { HTTPS_PROXY: proxy, NO_PROXY: "*" }, undefined],
    ["the port in NO_PROXY", SERVER, { HTTPS_PROXY: proxy, NO_PROXY: "kube.example.com:6443" }, undefined],
    ["another port in NO_PROXY", SERVER, { HTTPS_PROXY: proxy, NO_PROXY: "kube.example.com:443" }, proxy],
    ["a network in NO_PROXY", "https://10.1.2.3", { HTTPS_PROXY: proxy, NO_PROXY: "10.0.0.0/8" }, undefined],
    ["another network", "https://11.1.2.3", { HTTPS_PROXY: proxy, NO_PROXY: "10.0.0.0/8" }, proxy],
    ["an address of IPv6", "https://[fd00::1]:6443", { HTTPS_PROXY: proxy, NO_PROXY: "fd00::/8" }, undefined],
    ["a network that is none", "https://10.1.2.3", { HTTPS_PROXY: proxy, NO_PROXY: "10.0.0.0/99" }, proxy],
    ["localhost", "https://localhost:6443", { HTTPS_PROXY: proxy }, undefined],
    ["a loopback address", "https://127.0.0.1:6443", { HTTPS_PROXY: proxy }, undefined],
])("%s", (_what, url, env, expected) => expect(proxyFor(url, env)).toBe(expected));
