// A client certificate with its key, as PEM whatever the file holds: PEM, or PFX (PKCS #12), which azure-native takes
// as well.
import { readFileSync } from "node:fs";
import forge from "node-forge";
import { UserError } from "../core/errors";

/**
 * Certificate and key in a file as PEM.
 *
 * @param password of a PFX file; that of an encrypted PEM key is the login library's to use
 * @throws UserError in one line when the file cannot be read, or is not a certificate with its key
 */
export function readCertificate(path: string, password: string | undefined): { pem: string; decrypted: boolean } {
    let content: Buffer;
    try {
        content = readFileSync(path);
    } catch (error) {
        throw new UserError(`ARM_CLIENT_CERTIFICATE_PATH "${path}" cannot be read: ${(error as Error).message}`);
    }
    if (content.includes("-----BEGIN ")) {
        return { pem: content.toString("utf8"), decrypted: false };
    }
    try {
        return { pem: pemOf(content, password ?? ""), decrypted: true };
    } catch (error) {
        const reason = (error as Error).message;
        throw new UserError(
            `ARM_CLIENT_CERTIFICATE_PATH "${path}" is neither PEM nor a PFX file that ARM_CLIENT_CERTIFICATE_PASSWORD opens: ${reason}`,
        );
    }
}

function pemOf(content: Buffer, password: string): string {
    const der = forge.util.createBuffer(content.toString("binary"));
    const pfx = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(der), false, password);
    const bags = (type: string) => pfx.getBags({ bagType: type })[type] ?? [];
    const { keyBag, pkcs8ShroudedKeyBag, certBag } = forge.pki.oids;
    const key = [...bags(pkcs8ShroudedKeyBag), ...bags(keyBag)].find((bag) => bag.key)?.key;
    const certificates = bags(certBag).flatMap(({ cert }) => (cert ? [cert] : []));
    if (!key || certificates.length === 0) {
        throw new Error("it holds no certificate with its RSA key");
    }
    // The library takes the first certificate for the client's own.
    const isOwn = (cert: forge.pki.Certificate) => (cert.publicKey as forge.pki.rsa.PublicKey).n.equals(key.n);
    const ordered = [...certificates.filter(isOwn), ...certificates.filter((cert) => !isOwn(cert))];
    return [forge.pki.privateKeyToPem(key), ...ordered.map((cert) => forge.pki.certificateToPem(cert))].join("");
}
