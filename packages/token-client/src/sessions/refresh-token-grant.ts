import { isTokenClientError, TokenClientError } from '../base/errors.js'
import type { RequestedTarget, Target } from '../base/target.js'
import type { DpopKey } from '../bound-tokens/dpop-key.js'
import { keysOf } from '../grants/cache-key.js'
import { targetParameters } from '../grants/client-context.js'
import type { PreparedGrant, TokenGrant } from '../grants/grant.js'
import { requestedToken } from '../observers/reporter.js'
import type { TokenAnswer } from '../token-answers/token-answer.js'
import { userRevocationName } from '../user-tokens/owner.js'
import type { SessionContext } from './session-context.js'
import {
  isStoreFault,
  readRecord,
  type SessionRecord,
  sessionRevocationName,
  sessionRevocationNames,
  type SessionStore,
} from './session-store.js'

/** A token with the refresh token of a session (RFC 6749 section 6). */
export class RefreshTokenGrant implements TokenGrant {
  readonly name = 'session'
  readonly target: Target
  readonly requestKey: string
  readonly cacheKey: string
  readonly #context: SessionContext
  readonly #id: string
  readonly #user: string
  readonly #key: DpopKey | undefined

  constructor(
    context: SessionContext,
    id: string,
    { owner, tenantId }: Pick<SessionRecord, 'owner' | 'tenantId'>,
    key: DpopKey | undefined,
    target: RequestedTarget,
  ) {
    this.#context = context
    this.#id = id
    this.#user = userRevocationName(owner)
    this.#key = key
    this.target = target
    const client = context.client.identity
    const keys = keysOf({ client, grant: 'session', tenantId, subject: id, target })
    this.requestKey = keys.requestKey
    this.cacheKey = keys.cacheKey
  }

  prepare(): PreparedGrant {
    const { turns } = this.#context
    return {
      revokedWith: sessionRevocationNames(this.#id, this.#user),
      key: this.#key,
      notAfter: Infinity,
      redeem: () => turns.run(this.#id, () => redeem(this.#context, this.#id, this.target, this.#key)),
    }
  }
}

async function redeem(
  context: SessionContext,
  id: string,
  target: Target,
  key: DpopKey | undefined,
): Promise<TokenAnswer> {
  const { memory, store } = context
  const record = await readRecord(store, id)
  const result = await requestWith(context, record, target, key)
  const isRefused = isTokenClientError(result)
  const refreshToken = isRefused ? undefined : (result.refreshToken ?? record.refreshToken)
  // The session may have ended in the meantime: then nothing is written, and no token is returned.
  if (!(await replaceRecord(store, id, { ...record, refreshToken }))) {
    throw new TokenClientError('session_unknown')
  }
  if (!isRefused) return result
  memory.revoke(sessionRevocationName(id))
  throw result.code === 'user_disabled' ? result : new TokenClientError('session_needs_user', result)
}

/** The answer, or the refusal that ends the refresh token. Throws any other error. */
async function requestWith(
  { client }: SessionContext,
  { owner, tenantId, refreshToken }: SessionRecord,
  target: Target,
  key: DpopKey | undefined,
): Promise<TokenAnswer | TokenClientError> {
  if (refreshToken === undefined) throw new TokenClientError('session_needs_user')
  try {
    return await client.endpoint.request({
      tenantId,
      grantType: 'refresh_token',
      parameters: { refresh_token: refreshToken, ...targetParameters(client, target, 'offline') },
      requested: requestedToken('session', target),
      subject: userRevocationName(owner),
      key,
      repeatable: client.authority.refreshTokensAreReusable,
    })
  } catch (error) {
    if (endsRefreshToken(error)) return error
    throw error
  }
}

/** The token that the service granted is returned even if the store fails twice: it is valid. */
async function replaceRecord(store: SessionStore, id: string, record: SessionRecord): Promise<boolean> {
  for (let attempt = 1; attempt <= 2; attempt++) {
    try {
      return await store.replace(id, record)
    } catch (error) {
      if (!isStoreFault(error)) throw error
    }
  }
  return true
}

/** The refresh token itself is refused, not only this request: a missing consent for one target ends no session. */
function endsRefreshToken(error: unknown): error is TokenClientError {
  return (
    isTokenClientError(error) && (error.code === 'refresh_token_expired' || error.code === 'user_disabled')
  )
}
