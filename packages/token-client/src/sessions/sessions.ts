import { randomBytes } from 'node:crypto'
import type { AcquiredToken } from '../base/acquired-token.js'
import { TokenClientError } from '../base/errors.js'
import { sha256 } from '../base/identifiers.js'
import { type AcquireOptions, checkTarget, type Target, withoutChallenge } from '../base/target.js'
import { DpopKey } from '../bound-tokens/dpop-key.js'
import type { TokenSource } from '../cache/token-source.js'
import { createSessionFetch } from '../fetch/create-fetch.js'
import { answerCaller, nameRequest } from '../grants/caller-answer.js'
import { readUserToken } from '../grants/client-context.js'
import { onBehalfOfRequest } from '../grants/on-behalf-of.js'
import type { TokenAnswer } from '../token-answers/token-answer.js'
import type { Need } from '../store/store-access.js'
import { isSameOwner, readOwner, userRevocationName } from '../user-tokens/owner.js'
import {
  type SessionOwner,
  type UserToken,
  userTokenText,
  type ValidatedUserToken,
} from '../user-tokens/user-token.js'
import { RefreshTokenGrant } from './refresh-token-grant.js'
import type { SessionContext } from './session-context.js'
import { isStoreFault, readRecord, type SessionRecord, sessionRevocationName } from './session-store.js'
import { createTokenSession, type TokenSession } from './token-session.js'

interface Start {
  readonly user: string
  isForgotten: boolean
}

/** Starts, resumes, renews and ends the sessions of a client, and acquires their tokens. */
export class Sessions {
  readonly #context: SessionContext
  readonly #source: TokenSource
  readonly #starting = new Set<Start>()

  constructor(context: SessionContext, source: TokenSource) {
    this.#context = context
    this.#source = source
  }

  async start(userToken: string | ValidatedUserToken, options: AcquireOptions): Promise<TokenSession> {
    try {
      checkTarget(options)
      return await this.#context.work.track(this.#start(this.#readUserToken(userToken), options))
    } catch (error) {
      const { client } = this.#context
      throw answerCaller(nameRequest(error, client, 'obo', options), userToken, client.authority)
    }
  }

  async resume(key: string, owner: SessionOwner | ValidatedUserToken): Promise<TokenSession> {
    const expected = readOwner(owner)
    const record = typeof key === 'string' ? await this.#context.store.read(sha256(key)) : undefined
    // The same error for a wrong key and for a wrong owner: it does not help to guess either.
    if (record === undefined || !isSameOwner(record.owner, expected)) {
      throw new TokenClientError('session_unknown')
    }
    return this.#open(key, record)
  }

  /** Ends the sessions of a user, those that are being started included. Their tokens are revoked by the caller. */
  async forgetUser(user: string): Promise<void> {
    for (const start of this.#starting) if (start.user === user) start.isForgotten = true
    await this.#context.store.removeUser(user)
  }

  async #start(token: OwnedUserToken, options: AcquireOptions): Promise<TokenSession> {
    const start: Start = { user: userRevocationName(token.owner), isForgotten: false }
    this.#starting.add(start)
    try {
      options.signal?.throwIfAborted()
      const key = randomBytes(32).toString('base64url')
      const id = sha256(key)
      const record = await this.#create(id, token, options, start.user)
      if (start.isForgotten) {
        await this.#end(id)
        throw new TokenClientError('session_unknown')
      }
      return this.#open(key, record)
    } finally {
      this.#starting.delete(start)
    }
  }

  /** Requests the first token together with a refresh token, and records the session. */
  async #create(
    id: string,
    token: OwnedUserToken,
    options: AcquireOptions,
    user: string,
  ): Promise<SessionRecord> {
    const { store, client } = this.#context
    const target = withoutChallenge(options)
    const stamps = await store.stamps(id, user)
    const askedAt = client.clock()
    const key = this.#newKey()
    const answer = await this.#redeemUserToken(token, options, key)
    options.signal?.throwIfAborted()
    const { owner, tenantId } = token
    const proofKey = client.dpop?.isPerSession ? key?.export() : undefined
    const record = { owner, tenantId, target, proofKey, refreshToken: answer.refreshToken }
    await store.create(id, record, stamps)
    this.#addToken(id, record, key, answer, askedAt, stamps)
    return record
  }

  #open(key: string, record: SessionRecord): TokenSession {
    const id = sha256(key)
    const { target } = record
    const known = { ...record, refreshToken: undefined }
    const proofKey = this.#keyOf(record)
    const acquire = async (options?: AcquireOptions) => {
      try {
        return await this.#acquire(id, known, proofKey, options)
      } catch (error) {
        throw nameRequest(error, this.#context.client, 'session', options ?? target)
      }
    }
    return createTokenSession(key, {
      acquire,
      createFetch: (options) => createSessionFetch(options, acquire, this.#context.client),
      renew: (userToken) => this.#renew(id, userToken),
      end: () => this.#context.work.track(this.#end(id)),
    })
  }

  async #acquire(
    id: string,
    known: SessionRecord,
    key: DpopKey | undefined,
    options: AcquireOptions | undefined,
  ): Promise<AcquiredToken> {
    this.#context.work.checkOpen()
    const namesTarget = options?.resource !== undefined || options?.scopes !== undefined
    const target = namesTarget ? options : { ...options, ...known.target }
    checkTarget(target)
    const grant = new RefreshTokenGrant(this.#context, id, known, key, target)
    const needsNew = target.claims !== undefined || target.refresh === true
    // A token in memory does not wait for a store that is down.
    const need = !needsNew && this.#source.holds(grant) ? 'helpful' : 'needed'
    const record = await this.#readOrFault(id, need)
    if (record === undefined) {
      this.#revokeInMemory(id)
      throw new TokenClientError('session_unknown')
    }
    if (target.claims !== undefined) this.#source.discard(grant)
    const cached = needsNew ? undefined : this.#source.cached(grant)
    if (cached !== undefined) return cached
    // While the store is down, a session lives on the tokens that this process already holds.
    if (isStoreFault(record)) throw record
    if (record.refreshToken === undefined) throw new TokenClientError('session_needs_user')
    return this.#source.request(grant, grant.prepare(), options?.signal)
  }

  async #renew(id: string, userToken: string | ValidatedUserToken): Promise<void> {
    const { client, turns, work } = this.#context
    work.checkOpen()
    try {
      const token = this.#readUserToken(userToken)
      await work.track(turns.run(id, () => this.#renewInTurn(id, token)))
    } catch (error) {
      throw answerCaller(error, userToken, client.authority)
    }
  }

  async #renewInTurn(id: string, token: OwnedUserToken): Promise<void> {
    const { client, store } = this.#context
    const record = await readRecord(store, id)
    if (!isSameOwner(record.owner, token.owner)) throw new TokenClientError('session_unknown')
    const stamps = await store.stamps(id, userRevocationName(record.owner))
    const askedAt = client.clock()
    const key = this.#keyOf(record)
    const answer = await this.#redeemUserToken(token, record.target, key)
    this.#addToken(id, record, key, answer, askedAt, stamps)
    if (await store.replace(id, { ...record, refreshToken: answer.refreshToken })) return
    this.#revokeInMemory(id)
    throw new TokenClientError('session_unknown')
  }

  async #end(id: string): Promise<void> {
    // In memory first: if the store is down, this throws, and at least this process has forgotten the tokens.
    this.#revokeInMemory(id)
    await this.#context.store.remove(id)
    this.#revokeInMemory(id)
  }

  /** The key for a new session: the client's, or one of its own. */
  #newKey(): DpopKey | undefined {
    const { clock, dpop } = this.#context.client
    return dpop?.isPerSession ? DpopKey.generate(clock) : dpop?.key
  }

  #keyOf({ proofKey }: SessionRecord): DpopKey | undefined {
    const { clock, dpop } = this.#context.client
    return proofKey === undefined ? dpop?.key : DpopKey.import(proofKey, clock)
  }

  async #redeemUserToken(token: UserToken, target: Target, key: DpopKey | undefined): Promise<TokenAnswer> {
    const { client } = this.#context
    const answer = await client.endpoint.request(onBehalfOfRequest(client, token, target, key, 'offline'))
    if (answer.refreshToken === undefined) throw new TokenClientError('session_not_renewable')
    return answer
  }

  #addToken(
    id: string,
    record: SessionRecord,
    key: DpopKey | undefined,
    answer: TokenAnswer,
    askedAt: number,
    stamps: string | undefined,
  ): void {
    const grant = new RefreshTokenGrant(this.#context, id, record, key, record.target)
    this.#source.add(grant, grant.prepare(), answer, askedAt, stamps)
  }

  #revokeInMemory(id: string): void {
    this.#context.memory.revoke(sessionRevocationName(id))
  }

  /** The record of a session, or the fault of the store. */
  async #readOrFault(id: string, need: Need): Promise<SessionRecord | TokenClientError | undefined> {
    try {
      return await this.#context.store.read(id, need)
    } catch (error) {
      if (isStoreFault(error)) return error
      throw error
    }
  }

  #readUserToken(userToken: string | ValidatedUserToken): OwnedUserToken {
    const token = readUserToken(this.#context.client, userTokenText(userToken))
    const { owner } = token
    // A session without an owner would belong to anyone who has the key.
    if (owner === undefined) throw new TokenClientError('user_token_malformed', { reason: 'owner' })
    return { ...token, owner }
  }
}

type OwnedUserToken = UserToken & { readonly owner: SessionOwner }
