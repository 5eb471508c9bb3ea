import type { KeyObject, webcrypto } from 'node:crypto'

/** A certificate and its private key. */
export interface CertificatePair {
  /** The certificate, PEM. The certificates of its chain may follow it. */
  readonly certificate: string
  /**
   * The RSA key, of at least 2048 bits: PEM (PKCS #8 or PKCS #1, also encrypted), a `KeyObject`, or a `CryptoKey`, which need
   * not be extractable (`RSA-PSS` with SHA-256; with `legacy`, `RSASSA-PKCS1-v1_5`).
   */
  readonly privateKey: string | KeyObject | webcrypto.CryptoKey
  /** The passphrase of an encrypted PEM key. */
  readonly passphrase?: string | undefined
}

/** A certificate whose key is elsewhere: in a key vault, a key management service, a hardware module. */
export interface CertificateSigner {
  /** The certificate, PEM. The certificates of its chain may follow it. */
  readonly certificate: string
  /**
   * Signs `data` with the key of the certificate. `digest` is the SHA-256 digest of `data`, for services that sign digests.
   * The signature is checked with the certificate before it is sent. What the function throws means that the signer cannot be
   * reached: `client_credential_unavailable`, with the action `retry`.
   */
  readonly sign: (
    data: Uint8Array,
    details: {
      /** `PS256` (RSA-PSS), or `RS256` with `legacy`. */
      readonly algorithm: 'PS256' | 'RS256'
      /** SHA-256 of `data`. */
      readonly digest: Uint8Array
    },
  ) => Uint8Array | Promise<Uint8Array>
}

/** A PKCS #12 file (`.pfx`, `.p12`). The package `node-forge` must be installed. */
export interface CertificateFile {
  /** The bytes of the file. */
  readonly pfx: Uint8Array
  /** Its passphrase. Default: none. */
  readonly passphrase?: string | undefined
}

/** A certificate with what signs for it. */
export type CertificateSource = CertificatePair | CertificateSigner | CertificateFile

/** The options of `clientCertificate`. */
export interface ClientCertificateOptions {
  /**
   * Signs with RS256 and names the certificate by its SHA-1 thumbprint (`x5t`), for services that support nothing newer.
   * Default: false, which is PS256 and the SHA-256 thumbprint (`x5t#S256`).
   */
  readonly legacy?: boolean | undefined
  /**
   * Sends the certificate and its chain (`x5c`), for registrations that trust a subject name and issuer. Default: false.
   */
  readonly sendCertificateChain?: boolean | undefined
}
