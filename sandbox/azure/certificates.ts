// The sandbox's own certificate authority and the server certificate that it signs, made anew for every run.
import * as x509 from "@peculiar/x509";
import { webcrypto } from "node:crypto";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY = 24 * 3600 * 1000;

/** A server's TLS material, all PEM: the authority that clients must trust, the server's certificate and its private key. */
export interface Certificates {
    ca: string;
    cert: string;
    key: string;
}

/** Makes a certificate authority and a server certificate for `localhost` and the loopback addresses, good for thirty days. */
export async function createCertificates(): Promise<Certificates> {
    x509.cryptoProvider.set(webcrypto as Crypto);
    const caKeys = await newKeys();
    const valid = { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + 30 * DAY) };
    const ca = await x509.X509CertificateGenerator.createSelfSigned({
        name: "CN=kamino sandbox CA",
        keys: caKeys,
        signingAlgorithm: ALGORITHM,
        ...valid,
        extensions: [
            new x509.BasicConstraintsExtension(true, 0, true),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
            await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
        ],
    });
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.create({
        subject: "CN=localhost",
        issuer: ca.subject,
        publicKey: keys.publicKey,
        signingKey: caKeys.privateKey,
        signingAlgorithm: ALGORITHM,
        ...valid,
        extensions: [
            new x509.BasicConstraintsExtension(false, undefined, true),
            new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
            new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
            new x509.SubjectAlternativeNameExtension([
                { type: "dns", value: "localhost" },
                { type: "ip", value: "127.0.0.1" },
            ]),
            await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
            await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        ],
    });
    const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
    return {
        ca: ca.toString("pem"),
        cert: certificate.toString("pem"),
        key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY"),
    };
}

/** A key pair in the shape that the certificate library takes. */
async function newKeys(): Promise<CryptoKeyPair> {
    return await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}
