// A certificate authority for one run of the sandbox: the cluster has one, as kubeadm would keep it under
// /etc/kubernetes/pki, and the local Azure has one.
import { generateKeyPairSync, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 24 * 3600 * 1000;
const { digitalSignature, keyCertSign, cRLSign } = x509.KeyUsageFlags;

/** A certificate and its private key, both PEM. */
export interface KeyPair {
    certificate: string;
    key: string;
}

/** Signs certificates. */
export interface Authority {
    /** The authority's certificate, PEM. */
    readonly certificate: string;
    /** Its private key, PEM: with it the controller manager signs the certificates that kubelets ask for. */
    readonly key: string;
    /** A client's certificate: the name is the Kubernetes user, the groups are the certificate's organizations. */
    client(name: string, groups?: string[]): Promise<KeyPair>;
    /** A certificate for a server on the loopback address; also good as a client's, as etcd wants it for its peers. */
    server(names: string[], addresses: string[]): Promise<KeyPair>;
}

/** Makes a certificate authority of this name whose certificates are good for thirty days. */
export async function createAuthority(name: string): Promise<Authority> {
    x509.cryptoProvider.set(webcrypto as Crypto);
    const keys = await newKeys();
    const root = await x509.X509CertificateGenerator.createSelfSigned({
        name: `CN=${name}`,
        keys,
        signingAlgorithm: ALGORITHM,
        ...validity(),
        extensions: [
            new x509.BasicConstraintsExtension(true, 0, true),
            new x509.KeyUsagesExtension(digitalSignature | keyCertSign | cRLSign, true),
            await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        ],
    });
    const issue = async (subject: x509.JsonName, extensions: x509.Extension[]): Promise<KeyPair> => {
        const own = await newKeys();
        const certificate = await x509.X509CertificateGenerator.create({
            subject,
            issuer: root.subject,
            publicKey: own.publicKey,
            signingKey: keys.privateKey,
            signingAlgorithm: ALGORITHM,
            ...validity(),
            extensions: [
                new x509.KeyUsagesExtension(digitalSignature, true),
                await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
                ...extensions,
            ],
        });
        return { certificate: certificate.toString("pem"), key: await privateKeyPem(own) };
    };
    const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;
    return {
        certificate: root.toString("pem"),
        key: await privateKeyPem(keys),
        client: (name, groups = []) =>
            issue(
                [{ CN: [name] }, ...groups.map((group) => ({ O: [group] }))],
                [new x509.ExtendedKeyUsageExtension([clientAuth])],
            ),
        server: (names, addresses) =>
            issue(
                [{ CN: [names[0]] }],
                [
                    new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
                    new x509.SubjectAlternativeNameExtension([
                        ...names.map((value) => ({ type: "dns" as const, value })),
                        ...addresses.map((value) => ({ type: "ip" as const, value })),
                    ]),
                ],
            ),
    };
}

/** A request to sign a client's certificate, and the key to it, both PEM. */
export async function certificateRequest(user: string, group: string): Promise<{ request: string; key: string }> {
    x509.cryptoProvider.set(webcrypto as Crypto);
    const keys = await newKeys();
    const name: x509.JsonName = [{ O: [group] }, { CN: [user] }];
    const request = await x509.Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: ALGORITHM });
    return { request: request.toString("pem"), key: await privateKeyPem(keys) };
}

/**
 * The private key, PEM, that signs the service accounts' tokens; in the SEC 1 form, of which Kubernetes also reads the
 * public half.
 */
export function createSigningKey(): string {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    return privateKey.export({ type: "sec1", format: "pem" }) as string;
}

async function privateKeyPem(keys: CryptoKeyPair): Promise<string> {
    return x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
}

async function newKeys(): Promise<CryptoKeyPair> {
    return await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function validity(): { notBefore: Date; notAfter: Date } {
    return { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 30 * DAY_MS) };
}
