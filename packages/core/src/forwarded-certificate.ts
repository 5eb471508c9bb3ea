import { checkNames, checkObject, readString, readStringList } from './options-reader.js'
import type { RequestView } from './request-view.js'
import { unproven } from './sender-proof.js'
import { platform } from '#platform'

/** Where a proxy forwards the client's certificate: made by `forwardedCertificate`. */
export interface ForwardedCertificate {
  /** Opaque: no application makes such a value by hand. */
  readonly '@countersign/core:forwarded-certificate': never
}

/** Options of `forwardedCertificate`. */
export interface ForwardedCertificateOptions {
  /**
   * The IP addresses of the proxies, as this server sees them on the connection: `['10.0.0.5', '::1']`. The header is believed
   * from these alone. Each of them must remove the header of the client's own request.
   */
  readonly trustedProxies: string | readonly string[]
  /** The name of the header. */
  readonly header: string
  /**
   * How the certificate is written. `'client-cert'`: DER as a byte sequence (RFC 9440, `Client-Cert`). `'xfcc'`: Envoy's
   * `X-Forwarded-Client-Cert` with one element, by its `Cert`, `Hash` or both. `'url-encoded-pem'`: PEM, percent-encoded
   * (nginx `$ssl_client_escaped_cert`).
   */
  readonly format: 'client-cert' | 'xfcc' | 'url-encoded-pem'
}

/** A forwarded certificate, read. */
interface ForwardedRules {
  /** The SHA-256 thumbprint of the client's certificate in base64url. Rejects a refusal where there is not exactly one. */
  readThumbprint(request: RequestView): Promise<string>
}

/** The same in all copies of this package. */
const forwardedKey = Symbol.for('@countersign/core:forwarded-certificate')

/**
 * The header in which a proxy that ends TLS forwards the client's certificate, for `mutualTls`. Only a connection from a listed
 * address may send it; a repeated header is refused. Throws a TypeError if an option is wrong, missing or unknown.
 *
 * It does not check that the proxy removes the client's own header of that name: a client could then forge a certificate.
 */
export function forwardedCertificate(options: ForwardedCertificateOptions): ForwardedCertificate {
  const what = 'forwardedCertificate'
  checkObject(what, options)
  checkNames(what, options, ['trustedProxies', 'header', 'format'])
  const header = readString(what, 'header', options.header).toLowerCase()
  if (!/^[!#$%&'*+.^_`|~\da-z-]+$/.test(header)) {
    throw new TypeError(`${what}: "header" must be the name of a header`)
  }
  const read = Object.hasOwn(readers, String(options.format))
    ? readers[options.format as keyof typeof readers]
    : undefined
  if (read === undefined) {
    throw new TypeError(`${what}: "format" must be 'client-cert', 'xfcc' or 'url-encoded-pem'`)
  }
  const proxies = readStringList(what, 'trustedProxies', options.trustedProxies).map((text) => {
    const address = canonicalAddress(text)
    if (address !== undefined) return address
    throw new TypeError(`${what}: "trustedProxies" must hold IP addresses`)
  })
  const rules: ForwardedRules = {
    async readThumbprint(request) {
      const { remoteAddress } = request
      const from = remoteAddress === undefined ? undefined : canonicalAddress(remoteAddress)
      if (from === undefined || !proxies.includes(from)) throw unproven('proxy')
      const values = request.header(header)
      if (values === undefined || values.length === 0) throw unproven('header_missing')
      if (values.length > 1) throw unproven('header_repeated')
      const value = values[0] as string
      // A proxy sends an empty header for a client without a certificate.
      if (value === '') throw unproven('header_missing')
      const thumbprint = value.length > maxHeaderLength ? undefined : await read(value)
      if (thumbprint === undefined) throw unproven('header_malformed')
      return thumbprint
    },
  }
  return Object.freeze({ [forwardedKey]: Object.freeze(rules) }) as unknown as ForwardedCertificate
}

/** Throws a TypeError where the value was not made by `forwardedCertificate`. */
export function forwardedRulesOf(what: string, value: unknown): ForwardedRules {
  const rules =
    typeof value === 'object' && value !== null
      ? (value as { [forwardedKey]?: ForwardedRules })[forwardedKey]
      : undefined
  if (rules !== undefined) return rules
  throw new TypeError(`${what}: "certificateFrom" must be made by forwardedCertificate`)
}

const maxHeaderLength = 32 * 1024

type Thumbprint = string | undefined | Promise<string | undefined>

const readers: Readonly<Record<ForwardedCertificateOptions['format'], (value: string) => Thumbprint>> = {
  'client-cert': (value) => thumbprintOf(/^:([A-Za-z\d+/]+={0,2}):$/.exec(value)?.[1]),
  xfcc: readXfcc,
  'url-encoded-pem': readEncodedPem,
}

function readEncodedPem(value: string): Thumbprint {
  let pem
  try {
    pem = decodeURIComponent(value)
  } catch {
    return undefined
  }
  // One certificate alone: the client's own, not a chain.
  const [before, rest] = halves(pem.trim(), '-----BEGIN CERTIFICATE-----')
  const [body, after] = halves(rest ?? '', '-----END CERTIFICATE-----')
  if (before !== '' || after !== '') return undefined
  const base64 = body.replaceAll(/\s/g, '')
  return thumbprintOf(/^[A-Za-z\d+/]+={0,2}$/.test(base64) ? base64 : undefined)
}

/** A text before and after a mark. */
function halves(text: string, mark: string): readonly [string, string | undefined] {
  const start = text.indexOf(mark)
  return start === -1 ? [text, undefined] : [text.slice(0, start), text.slice(start + mark.length)]
}

/** One element of `X-Forwarded-Client-Cert`: pairs with semicolons between them, values plain or quoted. */
async function readXfcc(value: string): Promise<string | undefined> {
  const pair = /([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;\\]*))(;|$)/y
  const found = new Map<string, string>()
  while (pair.lastIndex < value.length) {
    const match = pair.exec(value)
    if (match === null) return undefined
    const name = (match[1] as string).toLowerCase()
    if (name === 'cert' || name === 'hash') {
      if (found.has(name)) return undefined
      found.set(name, match[2] ?? match[3] ?? '')
    }
  }
  const [hash, certificate] = [found.get('hash'), found.get('cert')]
  const byHash = hash === undefined ? undefined : thumbprintOfHex(hash)
  const byCertificate = certificate === undefined ? undefined : await readEncodedPem(certificate)
  if (hash === undefined) return byCertificate
  if (certificate === undefined) return byHash
  return byHash === byCertificate ? byHash : undefined
}

function thumbprintOfHex(hex: string): string | undefined {
  if (!/^[\da-f]{64}$/i.test(hex)) return undefined
  const bytes = (hex.match(/../g) ?? []).map((digits) => String.fromCharCode(Number.parseInt(digits, 16)))
  return btoa(bytes.join('')).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** The thumbprint of DER in base64. */
function thumbprintOf(base64: string | undefined): Thumbprint {
  if (base64 === undefined) return undefined
  const text = base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
  const der = platform.decodeBase64Url(text)
  return der === undefined ? undefined : platform.sha256(der)
}

/** An IP address in one spelling: IPv4 inside IPv6 as IPv4, IPv6 as short as it can be written. */
function canonicalAddress(text: string): string | undefined {
  const plain = /^::ffff:\d+(\.\d+){3}$/i.test(text) ? text.slice(7) : text
  const isV4 = /^\d{1,3}(\.\d{1,3}){3}$/.test(plain)
  if (!isV4 && !/^[\da-f:.]*:[\da-f:.]*$/i.test(plain)) return undefined
  const url = isV4 ? `http://${plain}` : `http://[${plain}]`
  if (!URL.canParse(url)) return undefined
  const { hostname } = new URL(url)
  // URL parsers read 010.0.0.1 as octal digits.
  return isV4 && hostname !== plain ? undefined : hostname
}
