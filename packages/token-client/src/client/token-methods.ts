import type { AcquiredToken } from '../base/acquired-token.js'
import type { Parameters } from '../authorities/authority.js'
import { answerCaller } from '../grants/caller-answer.js'
import { withCapabilities } from '../grants/client-capabilities.js'
import { cacheKey, type CacheKeyParts, sha256, userKey } from '../cache/cache-key.js'
import { TokenClientError } from '../base/errors.js'
import type { Settings } from './options.js'
import { createAnnouncer, wishOf } from '../observers/observers.js'
import { createMemorySessionStore, createSharedSessionStore } from '../sessions/session-store.js'
import { createSessions } from '../sessions/sessions.js'
import { SharedStore } from '../store/encrypted-store.js'
import { type AcquireOptions, checkTarget, plainTarget, type Target } from '../base/target.js'
import { TokenCache } from '../cache/memory-cache.js'
import { type SharedTier, TokenKeeper, type Wanted } from '../cache/token-source.js'
import { createTokenService } from '../token-endpoint/token-endpoint.js'
import type { TokenClient } from './token-client.js'
import {
  checkAudience,
  type UserToken,
  userTokenText,
  type ValidatedUserToken,
} from '../user-tokens/user-token.js'

/** What a client does once it is first used. */
export type Engine = Omit<TokenClient, 'createFetch'>

/** Puts the parts of a client together. Contacts nobody. */
export function createEngine(settings: Settings): Engine {
  const { authority, audiences, capabilities, clientId, clock, maximumTokenLifeSeconds } = settings
  const client = JSON.stringify([...authority.identity, clientId, ...capabilities])
  const announcer = createAnnouncer(settings.observers)
  const service = createTokenService({ ...settings, announcer })
  const shared = settings.store && {
    store: new SharedStore(settings.store, clock, announcer),
    recheckSeconds: settings.store.recheckSeconds,
  }
  const cache = new TokenCache(settings.cacheLimits)
  const createKeeper = (tier: SharedTier | undefined) =>
    new TokenKeeper(cache, tier, clock, maximumTokenLifeSeconds, announcer)
  const keeper = createKeeper(shared)
  const sharedSessions = settings.sharesSessions ? shared?.store : undefined
  // The tokens of a session that lives here alone would be of no use to others.
  const sessionKeeper = sharedSessions === undefined ? createKeeper(undefined) : keeper
  const store =
    sharedSessions === undefined
      ? createMemorySessionStore(settings.sessionLimits, clock)
      : createSharedSessionStore(sharedSessions, settings.store?.lock, settings.sessionLimits, client, clock)
  const sessions = createSessions({
    authority,
    client,
    clock,
    keeper: sessionKeeper,
    service,
    store,
    announcer,
    parametersOf,
    readUserToken,
    toCaller,
  })

  const acquireOnBehalfOf = toCaller(
    async (userToken: string | ValidatedUserToken, target: AcquireOptions) => {
      const text = userTokenText(userToken)
      const parts = { client, grant: 'obo', tenantId: undefined, subject: sha256(text) } as const
      return acquire(parts, target, () => {
        const { tenantId, expiresAt, owner } = readUserToken(text)
        const { grantType, parameters } = authority.onBehalfOf(text)
        const all = { ...parameters, ...parametersOf(target) }
        return {
          groups: owner === undefined ? [] : [userKey(owner)],
          notAfter: expiresAt,
          request: async () => {
            const answer = await service({
              tenantId,
              grantType,
              parameters: all,
              invalidGrant: 'interaction_required',
              repeatable: true,
            })
            // v1.0 always sends a refresh token along. Kept, it would outlive a revocation of the user's token.
            return { ...answer, refreshToken: undefined }
          },
        }
      })
    },
  )

  async function acquireForApp(
    target: AcquireOptions & { readonly tenantId?: string },
  ): Promise<AcquiredToken> {
    const parts = { client, grant: 'app', tenantId: target?.tenantId, subject: undefined } as const
    return acquire(parts, target, () => {
      const tenantId = authority.applicationTenant(target.tenantId)
      const parameters = parametersOf(target)
      return {
        groups: [],
        notAfter: Infinity,
        request: () =>
          service({
            tenantId,
            grantType: 'client_credentials',
            parameters,
            invalidGrant: 'request_refused',
            repeatable: true,
          }),
      }
    })
  }

  return Object.freeze({
    acquireForApp,

    acquireOnBehalfOf,

    startSession: toCaller((userToken, target) => sessions.start(userToken, target)),

    resumeSession: (key, owner) => sessions.resume(key, owner),

    async forgetUser(tenantId, objectId) {
      if (typeof tenantId !== 'string' || typeof objectId !== 'string') {
        throw new TypeError('forgetUser takes a tenant id and an object id')
      }
      const user = userKey({ tenantId, objectId })
      for (const one of new Set([keeper, sessionKeeper])) one.dropGroup(user)
      await Promise.all([shared?.store.drop(user), sessions.forgetUser(user)])
    },
  } satisfies Engine)

  /**
   * A kept token first: it is there only because every check that does not depend on the time was passed with these
   * very inputs, and it is not served past the end of the user's token.
   */
  function acquire(
    parts: Omit<CacheKeyParts, 'target'>,
    target: AcquireOptions,
    want: () => Pick<Wanted, 'groups' | 'notAfter' | 'request'>,
  ): AcquiredToken | Promise<AcquiredToken> {
    const key = cacheKey({ ...parts, target: target ?? {} })
    const wanted = (): Wanted => {
      checkTarget(target, parts.grant === 'app' ? ['tenantId'] : [])
      const kept = target.claims === undefined ? key : cacheKey({ ...parts, target: plainTarget(target) })
      return { key, cacheKey: kept, wish: wishOf(parts.grant, target), ...want() }
    }
    if (target?.claims !== undefined) {
      // A claims challenge: the token at hand has just been turned away.
      const fresh = wanted()
      keeper.drop(fresh.cacheKey)
      return keeper.acquire(fresh, target.signal)
    }
    const kept = keeper.kept(key, wanted)
    if (kept === undefined) return keeper.acquire(wanted(), target?.signal)
    announcer.hit(parts.grant, target, 'memory')
    return kept
  }

  function parametersOf(target: Target, offline?: 'offline'): Parameters {
    return authority.targetParameters(withCapabilities(target, capabilities), offline)
  }

  /** What goes wrong for a user whose validated token was handed in is an answer to that token's bearer. */
  function toCaller<A extends [string | ValidatedUserToken, ...unknown[]], T>(
    work: (...args: A) => Promise<T>,
  ): (...args: A) => Promise<T> {
    return async (...args) => {
      try {
        return await work(...args)
      } catch (error) {
        throw answerCaller(error, args[0], authority)
      }
    }
  }

  function readUserToken(userToken: string | ValidatedUserToken): UserToken {
    const token = authority.readUserToken(userTokenText(userToken))
    if (clock() >= token.expiresAt) throw new TokenClientError('user_token_expired')
    if (audiences !== undefined) checkAudience(token.token, audiences)
    return token
  }
}
