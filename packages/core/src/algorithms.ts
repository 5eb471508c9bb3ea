/** JWS algorithms that can be accepted: asymmetric ones only (RFC 7518 section 3.1, RFC 8037, RFC 9864). */
export type SigningAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'
  | 'Ed25519'

/** What an algorithm requires of its key and signature. */
export interface AlgorithmRule {
  readonly keyType: 'RSA' | 'EC' | 'OKP'
  readonly curve?: 'P-256' | 'P-384' | 'P-521' | 'Ed25519'
  readonly hash?: 'sha256' | 'sha384' | 'sha512'
  readonly pss?: true
  /** Exact length of the signature in bytes, where the algorithm fixes it (RFC 7518 section 3.4, RFC 8032). */
  readonly signatureBytes?: number
}

export const algorithmRules: { readonly [A in SigningAlgorithm]: AlgorithmRule } = {
  RS256: { keyType: 'RSA', hash: 'sha256' },
  RS384: { keyType: 'RSA', hash: 'sha384' },
  RS512: { keyType: 'RSA', hash: 'sha512' },
  PS256: { keyType: 'RSA', hash: 'sha256', pss: true },
  PS384: { keyType: 'RSA', hash: 'sha384', pss: true },
  PS512: { keyType: 'RSA', hash: 'sha512', pss: true },
  ES256: { keyType: 'EC', curve: 'P-256', hash: 'sha256', signatureBytes: 64 },
  ES384: { keyType: 'EC', curve: 'P-384', hash: 'sha384', signatureBytes: 96 },
  ES512: { keyType: 'EC', curve: 'P-521', hash: 'sha512', signatureBytes: 132 },
  EdDSA: { keyType: 'OKP', curve: 'Ed25519', signatureBytes: 64 },
  Ed25519: { keyType: 'OKP', curve: 'Ed25519', signatureBytes: 64 },
}

export const signingAlgorithms: readonly SigningAlgorithm[] = Object.keys(
  algorithmRules,
) as SigningAlgorithm[]

export function isSigningAlgorithm(name: unknown): name is SigningAlgorithm {
  return typeof name === 'string' && Object.hasOwn(algorithmRules, name)
}
