import { createHash, generateKeyPair, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { cloudInstanceName, foreignTenantId, v2Issuer, v2IssuerTemplate } from './identities.js'

/** A key pair as an issuer holds it. */
export interface SigningKey {
  readonly kid: string
  /** The algorithm it signs with unless a token says otherwise. */
  readonly alg: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** What the key set lists for it; absent for a key that nobody publishes. */
  readonly jwk: Readonly<Record<string, unknown>>
}

type EntraKeyName =
  | 'entra'
  | 'entraNext'
  | 'foreignTenant'
  | 'governmentCloud'
  | 'otherCloudName'
  | 'withoutIssuer'
  | 'forEncryption'
  | 'forSigningOnly'
  | 'boundToRs512'
  | 'tooSmall'
  | 'weakExponent'
  | 'listedPrivately'

type GenericKeyName = 'generic' | 'p256' | 'p384' | 'p521' | 'secp256k1' | 'ed25519'

type UnlistedKeyName = 'attacker' | 'rotatedIn'

export type KeyName = EntraKeyName | GenericKeyName | UnlistedKeyName

interface KeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

interface KeyPlan {
  readonly alg: string
  pair(): KeyPair
  /** The same beside the event loop. */
  pairLater(): Promise<KeyPair>
  /** Members that differ from an ordinary listing; `undefined` removes one. */
  readonly listed?: Readonly<Record<string, unknown>>
  /** Adds the private members to the listing, as a careless issuer would. */
  readonly listedWhole?: true
}

const rsa = (modulusLength = 2048, publicExponent = 65537) => {
  const options = { modulusLength, publicExponent }
  return {
    alg: 'RS256',
    pair: () => generateKeyPairSync('rsa', options),
    pairLater: () => later((done) => generateKeyPair('rsa', options, done)),
  }
}
const ec = (alg: string, namedCurve: string) => ({
  alg,
  pair: () => generateKeyPairSync('ec', { namedCurve }),
  pairLater: () => later((done) => generateKeyPair('ec', { namedCurve }, done)),
})
const ed25519 = {
  alg: 'EdDSA',
  pair: () => generateKeyPairSync('ed25519'),
  pairLater: () => later((done) => generateKeyPair('ed25519', {}, done)),
}

function later(
  generate: (done: (error: Error | null, publicKey: KeyObject, privateKey: KeyObject) => void) => void,
): Promise<KeyPair> {
  return new Promise((resolve, reject) => {
    generate((error, publicKey, privateKey) =>
      error === null ? resolve({ publicKey, privateKey }) : reject(error),
    )
  })
}

const entraListing = { issuer: v2IssuerTemplate, cloud_instance_name: cloudInstanceName }

/** Keys of the Entra-shaped issuer. */
const entraPlans: Record<EntraKeyName, KeyPlan> = {
  /** Signs every valid Entra token. */
  entra: { ...rsa(), listed: entraListing },
  /** Listed beside it, as there is always more than one. */
  entraNext: { ...rsa(), listed: entraListing },
  /** Bound by its `issuer` to one foreign tenant. */
  foreignTenant: { ...rsa(), listed: { ...entraListing, issuer: v2Issuer(foreignTenantId) } },
  /** In the shared set although it belongs to another cloud. */
  governmentCloud: {
    ...rsa(),
    listed: {
      issuer: 'https://login.microsoftonline.us/{tenantid}/v2.0',
      cloud_instance_name: 'microsoftonline.us',
    },
  },
  /** Listed with the right issuer and another cloud's name. */
  otherCloudName: { ...rsa(), listed: { ...entraListing, cloud_instance_name: 'microsoftonline.us' } },
  /** Listed without saying whose it is. */
  withoutIssuer: { ...rsa(), listed: { cloud_instance_name: cloudInstanceName } },
  forEncryption: { ...rsa(), listed: { ...entraListing, use: 'enc' } },
  forSigningOnly: { ...rsa(), listed: { ...entraListing, key_ops: ['sign'] } },
  /** Bound to another algorithm by its `alg`. */
  boundToRs512: { ...rsa(), listed: { ...entraListing, alg: 'RS512' } },
  tooSmall: { ...rsa(1024), listed: entraListing },
  weakExponent: { ...rsa(2048, 3), listed: entraListing },
  listedPrivately: { ...rsa(), listed: entraListing, listedWhole: true },
}

/** Keys of the generic issuer. */
const genericPlans: Record<GenericKeyName, KeyPlan> = {
  generic: rsa(),
  p256: ec('ES256', 'P-256'),
  p384: ec('ES384', 'P-384'),
  p521: ec('ES512', 'P-521'),
  secp256k1: ec('ES256', 'secp256k1'),
  ed25519,
}

/** Keys that no issuer lists. */
const unlistedPlans: Record<UnlistedKeyName, KeyPlan> = {
  /** An attacker's. */
  attacker: rsa(),
  /** Unlisted until `rotateKeys` lists it. */
  rotatedIn: { ...rsa(), listed: entraListing },
}

const plans: Record<KeyName, KeyPlan> = { ...entraPlans, ...genericPlans, ...unlistedPlans }

export const entraKeyNames: readonly KeyName[] = Object.keys(entraPlans) as KeyName[]
export const genericKeyNames: readonly KeyName[] = Object.keys(genericPlans) as KeyName[]

const made = new Map<KeyName, SigningKey>()

/** A key pair, made when first asked for and the same for the rest of the process. */
export function signingKey(name: KeyName): SigningKey {
  let key = made.get(name)
  if (key === undefined) made.set(name, (key = createKey(name, plans[name].pair())))
  return key
}

/**
 * Makes all keys beside the event loop. Made one by one when they are first asked for, they would hold up everything else
 * in the process for seconds, the servers under test and their time-outs included.
 */
export async function prepareKeys(): Promise<void> {
  await Promise.all(
    (Object.keys(plans) as KeyName[])
      .filter((name) => !made.has(name))
      .map(async (name) => {
        const pair = await plans[name].pairLater()
        if (!made.has(name)) made.set(name, createKey(name, pair))
      }),
  )
}

function createKey(name: KeyName, { privateKey, publicKey }: KeyPair): SigningKey {
  const plan = plans[name]
  const material = (plan.listedWhole === true ? privateKey : publicKey).export({ format: 'jwk' })
  // Entra's kid is the SHA-1 of a certificate in base64url; this has the same look.
  const kid = createHash('sha1')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64url')
  const jwk: Record<string, unknown> = { ...material, use: 'sig', kid, x5t: kid, ...plan.listed }
  if (name in genericPlans) delete jwk.x5t
  return Object.freeze({ kid, alg: plan.alg, privateKey, publicKey, jwk: Object.freeze(jwk) })
}
