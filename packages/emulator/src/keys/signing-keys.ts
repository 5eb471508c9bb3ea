import type { KeyObject } from 'node:crypto'
import { signJws } from '../base/jws.js'
import { checkWholeNumber } from '../base/options.js'
import {
  createKeyRecord,
  isInNextAnswer,
  isListed,
  isWithdrawn,
  type KeyLabels,
  type KeyRecord,
  ownerOf,
  labelled,
} from './key-record.js'
import type { ListedOnly } from './listed-only.js'
import { generateRsaKeys, type RsaKeys } from './rsa-key.js'
import { openStoredKeys } from './stored-keys.js'
import type {
  KeyDescription,
  KeyFlapping,
  KeyOwner,
  KeySetQuestion,
  KeyState,
  PublishedKey,
  SigningKey,
  StoredKey,
} from './types.js'

/** The signing keys of one instance: which are listed, which sign, and what happened to each. */
export class SigningKeys {
  readonly #labels: KeyLabels
  readonly #now: () => number
  readonly #records: KeyRecord[] = []
  /** The key that signs for each owner. */
  readonly #signing = new Map<KeyOwner, KeyRecord>()
  #listedOnly: Promise<ListedOnly> | undefined
  /** First keys that are being made. */
  readonly #pending = new Map<KeyOwner, Promise<KeyRecord>>()
  #changes = 0
  /** Start-up does not wait for the first key, the first use does. */
  #ready: Promise<void> = Promise.resolve()

  /** Takes stored keys, or a promise of the first key. Throws a TypeError for stored keys that cannot be used. */
  constructor(
    first: Promise<RsaKeys> | readonly StoredKey[],
    { now, ...labels }: KeyLabels & { readonly now: () => number },
  ) {
    this.#labels = labels
    this.#now = now
    // By its shape: under Jest the promises of Node's own modules are of another realm.
    if ('then' in first) this.#await(first)
    else this.replaceBy(first)
  }

  #await(first: Promise<RsaKeys>): void {
    const begun = first.then((keys) => {
      // Unless other keys were imported before it was made.
      if (this.#ready === begun) this.#use(this.#add(keys, 'tenants'))
    })
    this.#ready = begun
    // Each use of the keys sees the failure; without any use it must not end the process.
    begun.catch(() => {})
  }

  async list(): Promise<readonly KeyDescription[]> {
    await this.#ready
    return this.#records.map((record) => {
      const { kid, owner, flapping } = record
      const state = this.#stateOf(record)
      if (flapping === undefined) return { kid, owner, state }
      return { kid, owner, state, flapping: { listed: flapping.listed, absent: flapping.absent } }
    })
  }

  /**
   * One answer of the key set: keys that are only listed, then the instance's own with the oldest first, then listed ones
   * again. Asking counts: a flapping key is in some answers only.
   */
  async published({ withMicrosoftAccounts, appId, asOf }: KeySetQuestion): Promise<readonly PublishedKey[]> {
    await this.#ready
    const own = ownerOf(appId)
    const moment = Math.max(asOf ?? this.#changes, 1)
    if (this.#signing.has(own)) return this.#listed([own], moment)
    const others = withMicrosoftAccounts
      ? (['usGovernment', 'microsoftAccounts'] as const)
      : (['usGovernment'] as const)
    // Before the answer is counted.
    const filling = await this.#filling()
    return [
      ...filling.tenants,
      ...this.#listed(['tenants', ...others], moment),
      ...others.flatMap((owner) => filling[owner]),
    ]
  }

  /** How many changes there were: a stale answer is the set as of an earlier change. */
  changes(): number {
    return this.#changes
  }

  /** The public key of this service's own that is listed under that id. */
  async find(kid: string): Promise<KeyObject | undefined> {
    await this.#ready
    return this.#records.find(
      (record) => record.kid === kid && record.owner === 'tenants' && isListed(record, this.#changes),
    )?.publicKey
  }

  /**
   * Signs a JWT as the tenants' tokens are, or with the keys of one API. A v1.0 token carries `x5t`, a v2.0 token does
   * not.
   */
  async sign(payload: object, version: '1.0' | '2.0', appId?: string): Promise<string> {
    const own = ownerOf(appId)
    const { kid, privateKey } = await this.signingKey(this.#signing.has(own) ? own : 'tenants')
    const header = { typ: 'JWT', alg: 'RS256', ...(version === '1.0' ? { x5t: kid } : {}), kid }
    return signJws(header, payload, privateKey)
  }

  hasOwnKey(appId: string): boolean {
    return this.#signing.has(ownerOf(appId))
  }

  /** The key that signs for an owner; made if there is none yet. */
  async signingKey(owner: KeyOwner): Promise<SigningKey> {
    await this.#ready
    const current = this.#signing.get(owner)
    if (current !== undefined) return current
    // Callers that come while it is made wait for the same one.
    const begun = this.#pending.get(owner) ?? this.#create(owner)
    this.#pending.set(owner, begun)
    const record = await begun.finally(() => this.#pending.delete(owner))
    if (!this.#signing.has(owner)) this.#use(record)
    return record
  }

  /** Lists a new key; answers its `kid`. */
  async publish(owner: KeyOwner = 'tenants'): Promise<string> {
    // An owner's first key signs at once: no other could.
    const isFirst = owner !== 'tenants' && !this.#signing.has(owner)
    const { kid } = isFirst ? await this.signingKey(owner) : await this.#create(owner)
    return kid
  }

  async use(kid: string): Promise<void> {
    const record = await this.#known(kid, 'keys.use')
    if (isWithdrawn(record)) {
      throw new TypeError('keys.use: "kid" must be the kid of a listed key; that key was withdrawn')
    }
    this.#use(record)
  }

  async withdraw(kid: string): Promise<void> {
    const record = await this.#known(kid, 'keys.withdraw')
    if (this.#signing.get(record.owner) === record) {
      throw new TypeError(
        'keys.withdraw: "kid" must be the kid of a key that does not sign; use another key first, or call replaceAll',
      )
    }
    this.#changes += 1
    this.#withdraw(record)
  }

  async flap(kid: string, { listed, absent }: KeyFlapping): Promise<void> {
    checkWholeNumber('keys.flap', 'listed', listed, 1, 1000)
    checkWholeNumber('keys.flap', 'absent', absent, 1, 1000)
    const record = await this.#known(kid, 'keys.flap')
    record.flapping = { listed, absent, answers: 0 }
  }

  async steady(kid: string): Promise<void> {
    const record = await this.#known(kid, 'keys.steady')
    record.flapping = undefined
  }

  /** A new key signs for the tenants, and all their others are withdrawn. */
  async replaceAll(): Promise<string> {
    const record = await this.#create('tenants')
    for (const other of this.#records) {
      if (other !== record && other.owner === 'tenants') this.#withdraw(other)
    }
    this.#use(record)
    return record.kid
  }

  async store(): Promise<readonly StoredKey[]> {
    await this.#ready
    return this.#records.map((record) => ({
      owner: record.owner,
      state: this.#stateOf(record),
      privateKey: record.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      certificate: record.certificate,
    }))
  }

  /**
   * Continues with stored keys instead of its own. Throws a TypeError naming the place and changes nothing if it
   * cannot.
   */
  replaceBy(stored: readonly StoredKey[]): void {
    const opened = openStoredKeys(stored)
    this.#records.length = 0
    this.#signing.clear()
    this.#changes = 0
    this.#ready = Promise.resolve()
    for (const { owner, state, certificate, ...keys } of opened) {
      const record = this.#add(keys, owner, certificate)
      record.hasSigned = state === 'retiring'
      if (state === 'signing') this.#use(record)
      if (state === 'withdrawn') this.#withdraw(record)
    }
  }

  /** Those of the instance's own keys that the next answer has. */
  #listed(owners: readonly KeyOwner[], moment: number): PublishedKey[] {
    return this.#records
      .filter((record) => owners.includes(record.owner) && isListed(record, moment))
      .filter(isInNextAnswer)
      .map((record) => labelled(record, this.#labels))
  }

  /** The keys that are only listed. Loaded for the first answer: the start does not need them. */
  #filling(): Promise<ListedOnly> {
    this.#listedOnly ??= import('./listed-only.js').then(({ listedOnly }) => listedOnly(this.#labels))
    return this.#listedOnly
  }

  async #create(owner: KeyOwner): Promise<KeyRecord> {
    await this.#ready
    return this.#add(await generateRsaKeys(), owner)
  }

  #add(keys: RsaKeys, owner: KeyOwner, certificate?: Buffer): KeyRecord {
    this.#changes += 1
    const record = createKeyRecord(keys, { owner, certificate, listedAt: this.#changes, now: this.#now() })
    this.#records.push(record)
    return record
  }

  #use(record: KeyRecord): void {
    record.hasSigned = true
    this.#signing.set(record.owner, record)
  }

  /** As of the last change; a key that is withdrawn already stays so. */
  #withdraw(record: KeyRecord): void {
    record.withdrawnAt = Math.min(record.withdrawnAt, this.#changes)
  }

  #stateOf(record: KeyRecord): KeyState {
    if (isWithdrawn(record)) return 'withdrawn'
    if (this.#signing.get(record.owner) === record) return 'signing'
    return record.hasSigned ? 'retiring' : 'next'
  }

  async #known(kid: string, what: string): Promise<KeyRecord> {
    await this.#ready
    const record = this.#records.find((candidate) => candidate.kid === kid)
    if (record === undefined) throw new TypeError(`${what}: "kid" must be the kid of a key of this emulator`)
    return record
  }
}
