import { createPrivateKey, X509Certificate } from 'node:crypto'
import { TokenClientError } from '../base/errors.js'
import type { CertificateFile } from './certificate-source.js'

/** Reads a PKCS #12 file: Node cannot. Throws `client_credential_unusable`. */
export async function readPfx({
  pfx,
  passphrase = '',
}: CertificateFile): Promise<{ certificate: string; privateKey: string }> {
  const forge = await loadForge()
  let pair: { certificate: string; privateKey: string } | undefined
  try {
    const { asn1, pkcs12, pki } = forge
    const file = pkcs12.pkcs12FromAsn1(asn1.fromDer(Buffer.from(pfx).toString('latin1')), passphrase)
    const bags = file.safeContents.flatMap(({ safeBags }) => safeBags)
    const key = bags.find(({ key }) => key != null)?.key
    const certificates = bags.flatMap(({ cert }) => (cert == null ? [] : [pki.certificateToPem(cert)]))
    if (key != null) pair = pairOf(pki.privateKeyToPem(key), certificates)
  } catch {
    // Its messages may quote the file.
  }
  if (pair !== undefined) return pair
  throw unusable(
    '"pfx" must be a PKCS #12 file with a certificate and its RSA key, and "passphrase" its passphrase',
  )
}

/** The key's own certificate comes first, then the others. */
function pairOf(privateKey: string, certificates: readonly string[]) {
  const key = createPrivateKey(privateKey)
  const own = certificates.find((pem) => new X509Certificate(pem).checkPrivateKey(key))
  if (own === undefined) return undefined
  return { certificate: [own, ...certificates.filter((pem) => pem !== own)].join('\n'), privateKey }
}

async function loadForge(): Promise<typeof import('node-forge')> {
  try {
    const { default: forge } = await import('node-forge')
    return forge
  } catch {
    throw unusable('"pfx" needs the package node-forge: npm install node-forge')
  }
}

function unusable(reason: string): TokenClientError {
  return new TokenClientError('client_credential_unusable', { reason })
}
