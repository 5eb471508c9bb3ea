import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from 'node:crypto'
import { isIP } from 'node:net'
import { createCertificate, isPairOf } from './certificates.js'
import { der } from './der.js'

/*
 * The certificates of the https server. Without a state file: one self-signed leaf per run, that can sign no other. With
 * one: a certificate authority that is kept with the state, so that a machine trusts it once. Its key could sign for
 * others, so its certificate permits the emulator's own names alone (RFC 5280 §4.2.1.10).
 */

/** What the https server shows, and what a client must trust; all PEM. */
export interface TlsCertificate {
  /** The server's certificate, followed by others of its chain. */
  readonly certificate: string
  readonly privateKey: string
  /** What a client must trust. */
  readonly trusted: string
}

/** A certificate authority as a state file keeps it. It CONTAINS A PRIVATE KEY. */
export interface StoredAuthority {
  /** PEM. */
  readonly certificate: string
  /** PKCS #8 as PEM. */
  readonly privateKey: string
  /** The names and addresses it may sign for. */
  readonly names: readonly string[]
}

const daySeconds = 86_400
const authorityDays = 3650
const leafDays = 90
/** TLS clients compare with the machine's clock, not with the emulator's. */
const machineTime = (): number => Date.now() / 1000

/** Names by which every emulator can be called. */
const loopback = ['localhost', '127.0.0.1', '::1'] as const

/** A self-signed leaf, made per run, that can sign no other certificate. */
export function createTlsCertificate(hostNames: readonly string[]): TlsCertificate {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = pem(
    createCertificate({
      ...keys,
      commonName: 'localhost',
      ...leafPeriod(),
      extensions: leafExtensions(hostNames),
    }),
  )
  return { certificate, privateKey: pkcs8(keys.privateKey), trusted: certificate }
}

/** The authority that was kept, if it can sign for these names for as long as a leaf lives; else a new one. */
export function authorityFor(
  hostNames: readonly string[],
  stored: StoredAuthority | undefined,
): { readonly authority: StoredAuthority; readonly isNew: boolean } {
  const names = [...new Set([...loopback, ...hostNames])]
  if (stored !== undefined && isUsable(stored, names)) return { authority: stored, isNew: false }
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const now = machineTime()
  const certificate = createCertificate({
    ...keys,
    commonName: 'Countersign emulator, for development on this machine',
    from: now - daySeconds,
    until: now + authorityDays * daySeconds,
    extensions: [
      // basicConstraints: a certificate authority that signs leaves alone (pathLenConstraint 0).
      extension('551d13', der.sequence(der.true, der.integer(Buffer.from([0]))), true),
      // keyUsage: keyCertSign.
      extension('551d0f', Buffer.from([0x03, 0x02, 0x02, 0x04]), true),
      extension('551d0e', der.octets(keyIdOf(keys.publicKey))),
      nameConstraints(names),
    ],
  })
  return {
    authority: { certificate: pem(certificate), privateKey: pkcs8(keys.privateKey), names },
    isNew: true,
  }
}

/** A leaf for these names that the authority signed. */
export function certificateBy(authority: StoredAuthority, hostNames: readonly string[]): TlsCertificate {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = new X509Certificate(authority.certificate)
  const leaf = createCertificate({
    ...keys,
    commonName: 'localhost',
    ...leafPeriod(),
    issuer: {
      commonName: 'Countersign emulator, for development on this machine',
      privateKey: createPrivateKey(authority.privateKey),
    },
    extensions: [
      ...leafExtensions(hostNames),
      // authorityKeyIdentifier.
      extension('551d23', der.sequence(der.context(0, keyIdOf(issuer.publicKey), true))),
    ],
  })
  return {
    certificate: `${pem(leaf)}${authority.certificate}`,
    privateKey: pkcs8(keys.privateKey),
    trusted: authority.certificate,
  }
}

/**
 * A certificate of the user's own, with its key. Throws a TypeError for text that is no certificate, and for a key of
 * another one. Does not check its names and times.
 */
export function ownCertificate({
  certificate,
  privateKey,
}: {
  readonly certificate: string
  readonly privateKey: string
}): TlsCertificate {
  if (!isPairOf(certificate, privateKey)) {
    throw new TypeError('startEmulator: "https" must be a certificate and its private key, both as PEM')
  }
  return { certificate, privateKey, trusted: certificate }
}

function isUsable({ certificate, names }: StoredAuthority, wanted: readonly string[]): boolean {
  const until = Date.parse(new X509Certificate(certificate).validTo) / 1000
  return until > machineTime() + leafDays * daySeconds && wanted.every((name) => names.includes(name))
}

function leafPeriod(): { from: number; until: number } {
  const now = machineTime()
  return { from: now - daySeconds, until: now + leafDays * daySeconds }
}

function leafExtensions(hostNames: readonly string[]): Buffer[] {
  const names = [...new Set([...loopback, ...hostNames])].map((name) =>
    isIP(name) === 0 ? der.context(2, Buffer.from(name), true) : der.context(7, addressBytes(name), true),
  )
  return [
    // basicConstraints: an empty value is "not a CA".
    extension('551d13', der.sequence(), true),
    // keyUsage: digitalSignature.
    extension('551d0f', Buffer.from([0x03, 0x02, 0x07, 0x80]), true),
    // extendedKeyUsage: serverAuth.
    extension('551d25', der.sequence(der.oid('2b06010505070301'))),
    // subjectAltName.
    extension('551d11', der.sequence(...names)),
  ]
}

/** permittedSubtrees: these names and their subdomains, and these addresses. */
function nameConstraints(names: readonly string[]): Buffer {
  const subtrees = names.map((name) => {
    if (isIP(name) === 0) return der.sequence(der.context(2, Buffer.from(name), true))
    const address = addressBytes(name)
    return der.sequence(der.context(7, Buffer.concat([address, Buffer.alloc(address.length, 0xff)]), true))
  })
  return extension('551d1e', der.sequence(der.context(0, Buffer.concat(subtrees))), true)
}

function extension(oid: string, value: Buffer, isCritical = false): Buffer {
  return der.sequence(der.oid(oid), ...(isCritical ? [der.true] : []), der.octets(value))
}

/** An IP address as its bytes. */
function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail] = address.split('::')
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => parseInt(group, 16))
  const [before, after] = [groups(head), groups(tail ?? '')]
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

function keyIdOf(publicKey: KeyObject): Buffer {
  return createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
}

function pem(certificate: Buffer): string {
  return new X509Certificate(certificate).toString()
}

function pkcs8(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}
