import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { AcquiredToken } from '../base/acquired-token.js'
import type { Authority, Parameters } from '../authorities/authority.js'
import { cacheKey, ownerKey, sha256, userKey } from '../cache/cache-key.js'
import { TokenClientError } from '../base/errors.js'
import { type Announcer, wishOf } from '../observers/observers.js'
import { sessionGroup, sessionGroups, type SessionRecord, type SessionStore } from './session-store.js'
import { type AcquireOptions, checkTarget, plainTarget, type Target } from '../base/target.js'
import type { TokenAnswer } from '../token-endpoint/token-answer.js'
import type { TokenKeeper, Wanted } from '../cache/token-source.js'
import type { TokenService } from '../token-endpoint/token-endpoint.js'
import {
  readOwner,
  type SessionOwner,
  type UserToken,
  type ValidatedUserToken,
} from '../user-tokens/user-token.js'

/** Work for a user that outlives the user's token. */
export interface TokenSession {
  /**
   * 256 random bits with which `resumeSession` finds it again. Keep it as you keep a session cookie. Not
   * enumerable.
   */
  readonly key: string
  /**
   * A token for the target the session was started with, or for another one the user consented to. Throws
   * `TokenClientError`: with code `session_needs_user` when only a fresh token of the user helps (see `renew`), with
   * `session_unknown` when it has ended.
   */
  readonly acquire: (options?: AcquireOptions) => Promise<AcquiredToken>
  /** Goes on with a fresh token of the same user from the same client. Throws `session_unknown` for anyone else's. */
  readonly renew: (userToken: string | ValidatedUserToken) => Promise<void>
  /** Forgets the refresh token and everything acquired with it; a renewal that is under way does not bring it back. */
  readonly end: () => Promise<void>
}

export interface Sessions {
  start(userToken: string | ValidatedUserToken, options: AcquireOptions): Promise<TokenSession>
  resume(key: string, owner: SessionOwner | ValidatedUserToken): Promise<TokenSession>
  forgetUser(user: string): Promise<void>
}

// The key stands in a private field: neither JSON nor util.inspect, showHidden included, can print it.
class Session implements TokenSession {
  readonly #key: string
  readonly acquire: TokenSession['acquire']
  readonly renew: TokenSession['renew']
  readonly end: TokenSession['end']

  constructor(key: string, methods: Omit<TokenSession, 'key'>) {
    this.#key = key
    this.acquire = methods.acquire
    this.renew = methods.renew
    this.end = methods.end
    Object.freeze(this)
  }

  get key(): string {
    return this.#key
  }
}

export function createSessions({
  authority,
  client,
  clock,
  keeper,
  service,
  store,
  announcer,
  parametersOf,
  readUserToken,
  toCaller,
}: {
  authority: Authority
  client: string
  clock: () => number
  keeper: TokenKeeper
  service: TokenService
  store: SessionStore
  announcer: Announcer
  parametersOf: (target: Target, offline: 'offline') => Parameters
  readUserToken: (userToken: string | ValidatedUserToken) => UserToken
  toCaller: <A extends [string | ValidatedUserToken, ...unknown[]], T>(
    work: (...args: A) => Promise<T>,
  ) => (...args: A) => Promise<T>
}): Sessions {
  const starting = new Set<{ readonly user: string; forgotten: boolean }>()
  const turns = new Map<string, Promise<unknown>>()

  return {
    async start(userToken, options) {
      checkTarget(options)
      const target = plainTarget(options)
      const token = readUserToken(userToken)
      const owner = ownerOf(token)
      const start = { user: userKey(owner), forgotten: false }
      starting.add(start)
      try {
        options.signal?.throwIfAborted()
        const key = randomBytes(32).toString('base64url')
        const id = sha256(key)
        const marks = await store.marks(id, start.user)
        const askedAt = clock()
        const answer = await redeemUserToken(token, options)
        options.signal?.throwIfAborted()
        const record = { owner, tenantId: token.tenantId, target, refreshToken: answer.refreshToken }
        await store.create(id, record, marks)
        keeper.keep(wantedOf(id, record, target), answer, askedAt, marks)
        if (start.forgotten) {
          await end(id)
          throw new TokenClientError('session_unknown')
        }
        return open(key, record)
      } finally {
        starting.delete(start)
      }
    },

    async resume(key, owner) {
      const wanted = readOwner(owner)
      const record = typeof key === 'string' ? await store.read(sha256(key)) : undefined
      // The same answer for a wrong key and for a wrong owner: neither can be guessed from the other.
      if (record === undefined || !isSameOwner(record.owner, wanted))
        throw new TokenClientError('session_unknown')
      return open(key, record)
    },

    async forgetUser(user) {
      for (const start of starting) if (start.user === user) start.forgotten = true
      // Their tokens are of the user's group, which the caller has dropped.
      await store.removeUser(user)
    },
  }

  function open(key: string, { owner, tenantId, target }: SessionRecord): TokenSession {
    const id = sha256(key)
    const known = { owner, tenantId, target, refreshToken: undefined }
    return new Session(key, {
      acquire: (options) => acquire(id, known, options),
      renew: toCaller((userToken) => renew(id, userToken)),
      end: () => end(id),
    })
  }

  async function end(id: string): Promise<void> {
    // Here first: if the store is down, this throws, and at least this process is done with it.
    dropTokens(id)
    await store.remove(id)
    dropTokens(id)
  }

  async function acquire(
    id: string,
    known: SessionRecord,
    options: AcquireOptions | undefined,
  ): Promise<AcquiredToken> {
    const record = await store.read(id).catch((error: unknown) => {
      if (!isStoreFault(error)) throw error
      return error
    })
    if (record === undefined) {
      dropTokens(id)
      throw new TokenClientError('session_unknown')
    }
    const isBlind = record instanceof TokenClientError
    const { owner, tenantId, target: first, refreshToken } = isBlind ? known : record
    const target =
      options?.resource === undefined && options?.scopes === undefined ? { ...options, ...first } : options
    checkTarget(target)
    const wanted = wantedOf(id, { owner, tenantId }, target)
    if (target.claims === undefined) {
      const kept = keeper.kept(wanted.cacheKey, () => wanted)
      if (kept !== undefined) {
        announcer.hit('session', target, 'memory')
        return kept
      }
    } else {
      keeper.drop(wanted.cacheKey)
    }
    // While the store is down, a session lives on what this process already holds.
    if (isBlind) throw record
    if (refreshToken === undefined) throw new TokenClientError('session_needs_user')
    return keeper.acquire(wanted, options?.signal)
  }

  function wantedOf(
    id: string,
    { owner, tenantId }: Pick<SessionRecord, 'owner' | 'tenantId'>,
    target: Target,
  ): Wanted {
    const parts = { client, grant: 'session', tenantId, subject: id } as const
    return {
      key: cacheKey({ ...parts, target }),
      cacheKey: cacheKey({ ...parts, target: plainTarget(target) }),
      groups: sessionGroups(id, userKey(owner)),
      notAfter: Infinity,
      wish: wishOf('session', target),
      request: () => inTurn(id, () => redeemRefreshToken(id, target)),
    }
  }

  async function redeemRefreshToken(id: string, target: Target): Promise<TokenAnswer> {
    const record = await read(id)
    if (record.refreshToken === undefined) throw new TokenClientError('session_needs_user')
    const parameters = {
      refresh_token: record.refreshToken,
      ...parametersOf(target, 'offline'),
    }
    const result = await service({
      tenantId: record.tenantId,
      grantType: 'refresh_token',
      parameters,
      invalidGrant: 'refresh_token_expired',
      repeatable: authority.refreshTokensAreReusable,
    }).catch((error: unknown) => {
      if (!isDeadRefreshToken(error)) throw error
      return error
    })
    const isDead = result instanceof TokenClientError
    const refreshToken = isDead ? undefined : (result.refreshToken ?? record.refreshToken)
    // It may have ended in the meantime: then nothing is written back, and nothing handed out.
    if (!(await write(id, { ...record, refreshToken }))) throw new TokenClientError('session_unknown')
    if (!isDead) return result
    dropTokens(id)
    throw result.code === 'user_disabled' ? result : new TokenClientError('session_needs_user', result)
  }

  async function renew(id: string, userToken: string | ValidatedUserToken): Promise<void> {
    const token = readUserToken(userToken)
    const owner = ownerOf(token)
    await inTurn(id, async () => {
      const record = await read(id)
      if (!isSameOwner(record.owner, owner)) throw new TokenClientError('session_unknown')
      const marks = await store.marks(id, userKey(record.owner))
      const askedAt = clock()
      const answer = await redeemUserToken(token, record.target)
      keeper.keep(wantedOf(id, record, record.target), answer, askedAt, marks)
      if (await store.replace(id, { ...record, refreshToken: answer.refreshToken })) return
      dropTokens(id)
      throw new TokenClientError('session_unknown')
    })
  }

  async function redeemUserToken(token: UserToken, target: Target): Promise<TokenAnswer> {
    const { grantType, parameters } = authority.onBehalfOf(token.token)
    const answer = await service({
      tenantId: token.tenantId,
      grantType,
      parameters: { ...parameters, ...parametersOf(target, 'offline') },
      invalidGrant: 'interaction_required',
      repeatable: true,
    })
    if (answer.refreshToken === undefined) throw new TokenClientError('session_not_renewable')
    return answer
  }

  /** What the service granted is handed out even if the store fails now, twice: the token in it is good. */
  async function write(id: string, record: SessionRecord): Promise<boolean> {
    const onStoreFault = (next: () => Promise<boolean>) => (error: unknown) => {
      if (!isStoreFault(error)) throw error
      return next()
    }
    return store
      .replace(id, record)
      .catch(onStoreFault(() => store.replace(id, record)))
      .catch(onStoreFault(async () => true))
  }

  function dropTokens(id: string): void {
    keeper.dropGroup(sessionGroup(id))
  }

  async function read(id: string): Promise<SessionRecord> {
    const record = await store.read(id)
    if (record === undefined) throw new TokenClientError('session_unknown')
    return record
  }

  /** One at a time for each session: of two renewals with one refresh token, a strict issuer would end both. */
  async function inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = turns.get(id)
    const alone = () => store.exclusively(id, work)
    const turn = before === undefined ? alone() : before.then(alone, alone)
    turns.set(id, turn)
    try {
      return await turn
    } finally {
      if (turns.get(id) === turn) turns.delete(id)
    }
  }
}

function isStoreFault(error: unknown): error is TokenClientError {
  return error instanceof TokenClientError && error.code === 'store_unavailable'
}

function ownerOf(token: UserToken): SessionOwner {
  // A session without an owner would be anybody's who has the key.
  if (token.owner === undefined) throw new TokenClientError('user_token_malformed', { reason: 'owner' })
  return token.owner
}

function isSameOwner(a: SessionOwner, b: SessionOwner): boolean {
  return timingSafeEqual(Buffer.from(sha256(ownerKey(a))), Buffer.from(sha256(ownerKey(b))))
}

/** The token itself is dead, not just what was asked with it: a missing consent for one target ends no session. */
function isDeadRefreshToken(error: unknown): error is TokenClientError {
  return (
    error instanceof TokenClientError &&
    (error.code === 'refresh_token_expired' || error.code === 'user_disabled')
  )
}
