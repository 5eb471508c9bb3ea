import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { createSigningCertificate, isCertificateOf, thumbprintOf } from './certificates.js'
import { signJws } from '../base/jws.js'
import { generateRsaKeys, type RsaKeys } from './rsa-key.js'

/** A public key as the v2.0 key set lists it; the v1.0 set lists the same without `issuer` and `cloud_instance_name`. */
export interface PublishedKey {
  readonly kty: string
  readonly use: 'sig'
  readonly kid: string
  readonly x5t: string
  readonly n: string
  readonly e: string
  readonly x5c: readonly string[]
  readonly cloud_instance_name: string
  readonly issuer: string
}

/**
 * Whom a key signs for: this service's tenants, personal Microsoft accounts, the US Government cloud, or the tokens of
 * one API that has keys of its own.
 */
export type KeyOwner = 'tenants' | 'microsoftAccounts' | 'usGovernment' | `application ${string}`

export const keyOwnerPattern = '^(tenants|microsoftAccounts|usGovernment|application [0-9a-f-]{36})$'

/** `next` is listed and has not signed yet, `retiring` is listed and has, `withdrawn` is no longer listed. */
export type KeyState = 'next' | 'signing' | 'retiring' | 'withdrawn'

export interface KeyDescription {
  readonly kid: string
  readonly owner: KeyOwner
  readonly state: KeyState
  /** Listed in so many answers, then absent from so many, over and over. */
  readonly flapping?: Flapping
}

export interface Flapping {
  readonly listed: number
  readonly absent: number
}

export interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

interface KeyRecord extends SigningKey {
  readonly owner: KeyOwner
  readonly certificate: string
  readonly jwk: { readonly kty: string; readonly n: string; readonly e: string }
  /** In the count of changes: a front end that is behind still answers as of an earlier one. */
  readonly listedAt: number
  withdrawnAt: number
  hasSigned: boolean
  flapping: (Flapping & { answers: number }) | undefined
}

/** A signing key as a state file keeps it. */
export interface StoredKey {
  readonly owner: KeyOwner
  readonly state: KeyState
  readonly privateKey: string
  readonly certificate: string
}

/** Which set is asked for: whose it is decides whether personal accounts' keys are in it. */
export interface KeySetQuestion {
  readonly withMicrosoftAccounts: boolean
  /** An API with keys of its own (`?appid=`). */
  readonly appId?: string | undefined
  /** A stale answer: as of that change. */
  readonly asOf?: number | undefined
}

export interface SigningKeys {
  list(): Promise<readonly KeyDescription[]>
  /** One answer of the key set, oldest key first. Asking counts: a flapping key is in some answers only. */
  published(question: KeySetQuestion): Promise<readonly PublishedKey[]>
  /** How many changes there were: what a stale answer is stale to. */
  changes(): number
  /** The public key of this service's own that is listed under that id. */
  find(kid: string): Promise<KeyObject | undefined>
  /** Signs a JWT as the tenants' tokens are, or with the keys of one API. A v1.0 token carries `x5t`, a v2.0 token does not. */
  sign(payload: object, version: '1.0' | '2.0', appId?: string): Promise<string>
  hasOwnKey(appId: string): boolean
  /** The key that signs for an owner; made if there is none yet. */
  signingKey(owner: KeyOwner): Promise<SigningKey>
  publish(owner?: KeyOwner): Promise<string>
  use(kid: string): Promise<void>
  withdraw(kid: string): Promise<void>
  flap(kid: string, flapping: Flapping): Promise<void>
  steady(kid: string): Promise<void>
  replaceAll(): Promise<string>
  store(): Promise<readonly StoredKey[]>
  /** Goes on with stored keys instead of its own. Throws a TypeError naming the place and changes nothing if it cannot. */
  replaceBy(stored: readonly StoredKey[]): void
}

const commonNames: Readonly<Record<string, string>> = {
  tenants: 'Countersign emulator',
  microsoftAccounts: 'Countersign emulator, personal accounts',
  usGovernment: 'Countersign emulator, US Government',
}

/** The signing keys of one instance. The first is given as a promise: start-up does not wait for it, the first use does. */
export function createSigningKeys(settings: {
  first: Promise<RsaKeys> | readonly StoredKey[]
  /** The issuer a key is listed with: of a tenant by template, or concrete. */
  issuer: (tenantId: string) => string
  cloudInstanceName: string
  microsoftAccountsTenantId: string
  now: () => number
}): SigningKeys {
  let changes = 0
  const records: KeyRecord[] = []
  const signing = new Map<KeyOwner, KeyRecord>()
  /** First keys on their way. */
  const making = new Map<KeyOwner, Promise<KeyRecord>>()

  function add(keys: RsaKeys, owner: KeyOwner, certificate?: Buffer): KeyRecord {
    const commonName = commonNames[owner] ?? 'Countersign emulator, one application'
    const raw = certificate ?? createSigningCertificate(keys, commonName, settings.now())
    const { kty = '', n = '', e = '' } = keys.publicKey.export({ format: 'jwk' })
    changes += 1
    const record: KeyRecord = {
      ...keys,
      owner,
      kid: thumbprintOf(raw),
      certificate: raw.toString('base64'),
      jwk: { kty, n, e },
      listedAt: changes,
      withdrawnAt: Infinity,
      hasSigned: false,
      flapping: undefined,
    }
    records.push(record)
    return record
  }

  function use(record: KeyRecord): void {
    record.hasSigned = true
    signing.set(record.owner, record)
  }

  let ready: Promise<void>

  function replaceBy(stored: readonly StoredKey[]): void {
    const opened = openStoredKeys(stored)
    records.length = 0
    signing.clear()
    changes = 0
    ready = Promise.resolve()
    for (const { owner, state, certificate, ...keys } of opened) {
      const record = add(keys, owner, certificate)
      record.hasSigned = state === 'retiring'
      if (state === 'signing') use(record)
      if (state === 'withdrawn') record.withdrawnAt = changes
    }
  }

  const { first } = settings
  // By its shape: under Jest the promises of Node's own modules are of another realm.
  if ('then' in first) {
    const begun = first.then((keys) => {
      // Unless others took its place before it was made.
      if (ready === begun) use(add(keys, 'tenants'))
    })
    ready = begun
    // Whoever asks for the keys sees the failure; nobody asking must not end the process.
    ready.catch(() => {})
  } else replaceBy(first)

  async function known(kid: string): Promise<KeyRecord> {
    await ready
    const record = records.find((candidate) => candidate.kid === kid)
    if (record === undefined) throw new TypeError('kid: expected the kid of a key of this emulator')
    return record
  }

  async function create(owner: KeyOwner): Promise<KeyRecord> {
    await ready
    return add(await generateRsaKeys(), owner)
  }

  async function signingRecord(owner: KeyOwner): Promise<KeyRecord> {
    await ready
    const current = signing.get(owner)
    if (current !== undefined) return current
    // Whoever comes while it is made waits for the same one.
    const begun = making.get(owner) ?? create(owner)
    making.set(owner, begun)
    const record = await begun.finally(() => making.delete(owner))
    if (!signing.has(owner)) use(record)
    return record
  }

  function isListed(record: KeyRecord, asOf: number): boolean {
    return record.listedAt <= asOf && asOf < record.withdrawnAt
  }

  function isInThisAnswer({ flapping }: KeyRecord): boolean {
    if (flapping === undefined) return true
    const turn = flapping.answers % (flapping.listed + flapping.absent)
    flapping.answers += 1
    return turn < flapping.listed
  }

  function stateOf(record: KeyRecord): KeyState {
    if (record.withdrawnAt !== Infinity) return 'withdrawn'
    if (signing.get(record.owner) === record) return 'signing'
    return record.hasSigned ? 'retiring' : 'next'
  }

  return {
    async list() {
      await ready
      return records.map((record) => {
        const { kid, owner, flapping } = record
        const state = stateOf(record)
        if (flapping === undefined) return { kid, owner, state }
        return { kid, owner, state, flapping: { listed: flapping.listed, absent: flapping.absent } }
      })
    },
    async published({ withMicrosoftAccounts, appId, asOf = changes }) {
      await ready
      const own: KeyOwner = `application ${appId ?? ''}`
      const owners: ReadonlySet<KeyOwner> = new Set(
        signing.has(own)
          ? [own]
          : ['tenants', 'usGovernment', ...(withMicrosoftAccounts ? (['microsoftAccounts'] as const) : [])],
      )
      return records
        .filter((record) => owners.has(record.owner) && isListed(record, Math.max(asOf, 1)))
        .filter(isInThisAnswer)
        .map(({ kid, owner, certificate, jwk }) => ({
          kty: jwk.kty,
          use: 'sig',
          kid,
          x5t: kid,
          n: jwk.n,
          e: jwk.e,
          x5c: [certificate],
          cloud_instance_name: owner === 'usGovernment' ? 'microsoftonline.us' : settings.cloudInstanceName,
          issuer: settings.issuer(
            owner === 'microsoftAccounts' ? settings.microsoftAccountsTenantId : '{tenantid}',
          ),
        }))
    },
    changes: () => changes,
    async find(kid) {
      await ready
      return records.find(
        (record) => record.kid === kid && record.owner === 'tenants' && isListed(record, changes),
      )?.publicKey
    },
    async sign(payload, version, appId) {
      const own: KeyOwner = `application ${appId ?? ''}`
      const { kid, privateKey } = await signingRecord(signing.has(own) ? own : 'tenants')
      const header = { typ: 'JWT', alg: 'RS256', ...(version === '1.0' ? { x5t: kid } : {}), kid }
      return signJws(header, payload, privateKey)
    },
    hasOwnKey: (appId) => signing.has(`application ${appId}`),
    signingKey: signingRecord,
    async publish(owner = 'tenants') {
      // An owner's first key signs at once: there is none that could.
      return (signing.has(owner) || owner === 'tenants' ? await create(owner) : await signingRecord(owner))
        .kid
    },
    async use(kid) {
      const record = await known(kid)
      if (record.withdrawnAt !== Infinity) throw new TypeError('kid: that key was withdrawn')
      use(record)
    },
    async withdraw(kid) {
      const record = await known(kid)
      if (signing.get(record.owner) === record) {
        throw new TypeError('kid: that key signs; let another sign first, or replace all in an emergency')
      }
      changes += 1
      record.withdrawnAt = Math.min(record.withdrawnAt, changes)
    },
    async flap(kid, { listed, absent }) {
      for (const [name, value] of Object.entries({ listed, absent })) {
        if (!Number.isInteger(value) || value < 1 || value > 1000) {
          throw new TypeError(`${name}: expected a whole number of answers from 1 to 1000`)
        }
      }
      ;(await known(kid)).flapping = { listed, absent, answers: 0 }
    },
    async steady(kid) {
      ;(await known(kid)).flapping = undefined
    },
    async replaceAll() {
      const record = await create('tenants')
      for (const other of records) {
        if (other !== record && other.owner === 'tenants') {
          other.withdrawnAt = Math.min(other.withdrawnAt, changes)
        }
      }
      use(record)
      return record.kid
    },
    async store() {
      await ready
      return records.map((record) => ({
        owner: record.owner,
        state: stateOf(record),
        privateKey: record.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        certificate: record.certificate,
      }))
    },
    replaceBy,
  }
}

interface OpenedKey extends RsaKeys {
  readonly owner: KeyOwner
  readonly state: KeyState
  readonly certificate: Buffer
}

/** Opens stored keys, or throws a TypeError naming the place: a set that could not sign or contradicts itself is none. */
function openStoredKeys(stored: readonly StoredKey[]): readonly OpenedKey[] {
  const opened = stored.map((key, index) => openStoredKey(key, `state: keys[${index}]`))
  const kids = new Set<string>()
  const signing = new Set<KeyOwner>()
  for (const [index, { owner, state, certificate }] of opened.entries()) {
    const kid = thumbprintOf(certificate)
    if (kids.has(kid)) throw new TypeError(`state: keys[${index}].certificate: is there twice`)
    kids.add(kid)
    if (state !== 'signing') continue
    if (signing.has(owner)) throw new TypeError(`state: keys[${index}].state: another key signs already`)
    signing.add(owner)
  }
  if (!signing.has('tenants')) throw new TypeError('state: keys: expected one of tenants that signs')
  return opened
}

function openStoredKey({ owner, state, ...stored }: StoredKey, place: string): OpenedKey {
  let privateKey: KeyObject | undefined
  try {
    privateKey = createPrivateKey(stored.privateKey)
  } catch {
    // Told below: the library's message may quote what it was given.
  }
  const bits = privateKey?.asymmetricKeyDetails?.modulusLength ?? 0
  if (privateKey?.asymmetricKeyType !== 'rsa' || bits < 2048 || bits > 4096) {
    throw new TypeError(`${place}.privateKey: expected a private RSA key of 2048 to 4096 bits, as PEM`)
  }
  const certificate = Buffer.from(stored.certificate, 'base64')
  if (!isCertificateOf(certificate, privateKey)) {
    throw new TypeError(`${place}.certificate: expected the certificate of that key, DER as base64`)
  }
  return { owner, state, privateKey, publicKey: createPublicKey(privateKey), certificate }
}
