import type { AcquiredToken } from './acquired-token.js'
import { cacheKey, type CacheKeyParts, sha256, userKey } from './cache-key.js'
import { TokenClientError } from './errors.js'
import { readOptions, type TokenClientOptions } from './options.js'
import { createMemorySessionStore } from './session-store.js'
import { createSessions, type TokenSession } from './sessions.js'
import { type AcquireOptions, checkTarget, plainTarget } from './target.js'
import { TokenCache } from './token-cache.js'
import { TokenKeeper, type Wanted } from './token-keeper.js'
import { createTokenService } from './token-service.js'
import {
  checkAudience,
  type SessionOwner,
  type UserToken,
  userTokenText,
  type ValidatedUserToken,
} from './user-token.js'

/** Acquires tokens for one application. Every method is bound, and throws `TokenClientError`. */
export interface TokenClient {
  /**
   * A token for this application itself (client credentials, RFC 6749 section 4.4). `tenantId` is needed when the
   * authority stands for many tenants. Throws `TypeError` for a target that cannot be asked for.
   */
  readonly acquireForApp: (options: AcquireOptions & { readonly tenantId?: string }) => Promise<AcquiredToken>
  /**
   * A token for the next API, on behalf of the user whose access token this API was called with. Refused before anything
   * is sent or looked up: an expired token, an id token, an application token, a token of another tenant, and, when
   * `audience` is configured, one that was made for another API. The token's signature is *not* checked here: hand in
   * what your resource server has validated. Never uses a refresh token.
   */
  readonly acquireOnBehalfOf: (
    userToken: string | ValidatedUserToken,
    options: AcquireOptions,
  ) => Promise<AcquiredToken>
  /** Starts work that outlives the user's token. Checks the same, and asks the service for a refresh token. */
  readonly startSession: (
    userToken: string | ValidatedUserToken,
    options: AcquireOptions,
  ) => Promise<TokenSession>
  /** Finds a session again, for the owner it was started for and nobody else. */
  readonly resumeSession: (key: string, owner: SessionOwner | ValidatedUserToken) => Promise<TokenSession>
  /**
   * Drops everything held for a user, sessions included, also what is under way. On an issuer without tenants:
   * the issuer and the subject.
   */
  readonly forgetUser: (tenantId: string, objectId: string) => Promise<void>
}

/**
 * Creates a client. Does not contact the service. Throws `TypeError` naming the option that is wrong.
 *
 * @example
 * const client = createTokenClient({
 *   authority: entraAuthority({ tenantId, version: '2.0' }),
 *   clientId,
 *   credential: clientSecret(secret),
 * })
 * const { accessToken } = await client.acquireForApp({ resource: 'api://orders' })
 */
export function createTokenClient(options: TokenClientOptions): TokenClient {
  const settings = readOptions(options)
  const { authority, audiences, clientId, clock } = settings
  const client = JSON.stringify([...authority.identity, clientId])
  const service = createTokenService(settings)
  const keeper = new TokenKeeper(
    new TokenCache(settings.cacheLimits),
    clock,
    settings.maximumTokenLifeSeconds,
  )
  const store = createMemorySessionStore(settings.sessionLimits, clock)
  const sessions = createSessions({ authority, client, clock, keeper, service, store, readUserToken })

  return Object.freeze({
    async acquireForApp(target) {
      const parts = { client, grant: 'app', tenantId: target?.tenantId, subject: undefined } as const
      return acquire(parts, target, () => {
        const tenantId = authority.applicationTenant(target.tenantId)
        const parameters = authority.targetParameters(target)
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
    },

    async acquireOnBehalfOf(userToken, target) {
      const text = userTokenText(userToken)
      const parts = { client, grant: 'obo', tenantId: undefined, subject: sha256(text) } as const
      return acquire(parts, target, () => {
        const { tenantId, expiresAt, owner } = readUserToken(text)
        const { grantType, parameters } = authority.onBehalfOf(text)
        const all = { ...parameters, ...authority.targetParameters(target) }
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

    startSession: (userToken, target) => sessions.start(userToken, target),

    resumeSession: (key, owner) => sessions.resume(key, owner),

    async forgetUser(tenantId, objectId) {
      if (typeof tenantId !== 'string' || typeof objectId !== 'string') {
        throw new TypeError('forgetUser takes a tenant id and an object id')
      }
      const user = userKey({ tenantId, objectId })
      keeper.dropGroup(user)
      await sessions.forgetUser(user)
    },
  } satisfies TokenClient)

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
      return { key, cacheKey: kept, requestedScopes: target.scopes ?? [], ...want() }
    }
    if (target?.claims !== undefined) {
      // A claims challenge: the token at hand has just been turned away.
      const fresh = wanted()
      keeper.drop(fresh.cacheKey)
      return keeper.acquire(fresh, target.signal)
    }
    return keeper.kept(key, wanted) ?? keeper.acquire(wanted(), target?.signal)
  }

  function readUserToken(userToken: string | ValidatedUserToken): UserToken {
    const token = authority.readUserToken(userTokenText(userToken))
    if (clock() >= token.expiresAt) throw new TokenClientError('user_token_expired')
    if (audiences !== undefined) checkAudience(token.token, audiences)
    return token
  }
}
