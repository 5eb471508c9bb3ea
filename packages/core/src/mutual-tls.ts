import type { ForwardedCertificate } from './forwarded-certificate.js'
import { forwardedRulesOf } from './forwarded-certificate.js'
import { checkNames, checkObject } from './options-reader.js'
import { createSenderProof, unproven, type SenderProof } from './sender-proof.js'
import { platform } from '#platform'

/** Options of `mutualTls`. */
export interface MutualTlsOptions {
  /** Refuse tokens that are not bound to a certificate. Default: false, so that plain bearer tokens are accepted too. */
  readonly required?: boolean | undefined
  /** Where a proxy ends TLS: the header in which it forwards the certificate. Default: the TLS connection of this server. */
  readonly certificateFrom?: ForwardedCertificate | undefined
}

/**
 * Proof of possession by mutual TLS (RFC 8705 section 3): a token that is bound to a certificate (`cnf["x5t#S256"]`) is accepted
 * only over a connection for which the client used that certificate. Such tokens come by `Bearer`. Throws a TypeError if an
 * option is wrong or unknown.
 *
 * The server must ask for client certificates (`requestCert: true` in Node; `rejectUnauthorized: false` where they are
 * self-signed). It does not check who issued the certificate or whether it has expired: that is the TLS layer's task. Hosts
 * that show no certificate refuse every such token.
 *
 * @example
 * ```ts
 * import { createTokenValidator, mutualTls } from '@countersign/core'
 *
 * const validator = createTokenValidator({
 *   issuer: 'https://id.example',
 *   audience: 'https://api.example',
 *   senderProofs: mutualTls(),
 * })
 * ```
 */
export function mutualTls(options: MutualTlsOptions = {}): SenderProof {
  const what = 'mutualTls'
  checkObject(what, options)
  checkNames(what, options, ['required', 'certificateFrom'])
  const { required = false, certificateFrom } = options
  if (typeof required !== 'boolean') throw new TypeError(`${what}: "required" must be true or false`)
  const forwarded = certificateFrom === undefined ? undefined : forwardedRulesOf(what, certificateFrom)
  return createSenderProof({
    binding: 'x5t#S256',
    required,
    async prove(thumbprint, { request }) {
      // Where a proxy ends TLS, the certificate of the connection is the proxy's own.
      const presented =
        forwarded === undefined
          ? await thumbprintOf(request.peerCertificate())
          : await forwarded.readThumbprint(request)
      if (presented !== thumbprint) throw unproven('certificate')
    },
  })
}

async function thumbprintOf(certificate: Uint8Array | undefined): Promise<string> {
  if (certificate === undefined) throw unproven('certificate_missing')
  return platform.sha256(certificate)
}
