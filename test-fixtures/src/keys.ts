import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { cloudInstanceName, foreignTenantId, v2Issuer, v2IssuerTemplate } from './identities.js'

/** A key pair as an issuer holds it. */
export interface SigningKey {
  readonly kid: string
  /** The algorithm it signs with unless a token says otherwise. */
  readonly alg: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** What the key set lists for it; absent for a key that is not published. */
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
  generate(): Promise<KeyPair>
  /** Members that differ from an ordinary listing; `undefined` removes one. */
  readonly listed?: Readonly<Record<string, unknown>>
  /** Adds the private members to the listing, as a careless issuer would. */
  readonly listedWhole?: true
}

// Never the synchronous form: on Node 20 it can stop the process during garbage collection, and it blocks the servers
// under test and their time-outs.
const rsa = (modulusLength = 2048, publicExponent = 65537) => ({
  alg: 'RS256',
  generate: () => generated((done) => generateKeyPair('rsa', { modulusLength, publicExponent }, done)),
})
const ec = (alg: string, namedCurve: string) => ({
  alg,
  generate: () => generated((done) => generateKeyPair('ec', { namedCurve }, done)),
})
const ed25519 = {
  alg: 'EdDSA',
  generate: () => generated((done) => generateKeyPair('ed25519', {}, done)),
}

function generated(
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
  /** Listed without an `issuer`. */
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

/** A file with the private keys of a whole test run: making them anew for each test file would take most of its time. */
const keyFile = 'COUNTERSIGN_TEST_KEYS'

/** Writes the keys of this process to a file, and names it in the environment of the processes that follow. */
export async function shareKeys(path: string): Promise<void> {
  const pems = [...keys].map(([name, { privateKey }]) => [
    name,
    privateKey.export({ format: 'pem', type: 'pkcs8' }),
  ])
  await writeFile(path, JSON.stringify(Object.fromEntries(pems)), { mode: 0o600 })
  process.env[keyFile] = path
}

async function readKeys(): Promise<ReadonlyMap<KeyName, SigningKey>> {
  const path = process.env[keyFile]
  const pems = path === undefined ? {} : (JSON.parse(await readFile(path, 'utf8')) as Record<string, string>)
  const keys = (Object.keys(plans) as KeyName[]).map(async (name) => {
    const pem = pems[name]
    if (pem === undefined) return createKey(name, await plans[name].generate())
    const privateKey = createPrivateKey(pem)
    return createKey(name, { privateKey, publicKey: createPublicKey(privateKey) })
  })
  return new Map((await Promise.all(keys)).map((key, index) => [Object.keys(plans)[index] as KeyName, key]))
}

const keys = await readKeys()

/** A key pair, the same for the rest of the process. */
export function signingKey(name: KeyName): SigningKey {
  return keys.get(name) as SigningKey
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
