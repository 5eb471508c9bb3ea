import type { Claims, Groups } from './claims.js'

interface ValidatedTokenMembers {
  /** The whole payload, frozen at every depth. Do not authorize by `email`, `upn`, `preferred_username` or `name`. */
  readonly claims: Claims
  /** The whole header, frozen. */
  readonly header: Readonly<Record<string, unknown>>
  /** `iss`, exactly as the token spells it. */
  readonly issuer: string
  /** The version of an Entra token; undefined for any other issuer. */
  readonly version?: '1.0' | '2.0'
  /** `tid`: the directory the token was issued in (Entra). Data belongs to `tenantId` and `objectId` together. */
  readonly tenantId?: string
  /** `sub`: unique for this API and issuer. */
  readonly subject?: string
  /** `oid`: the user's or service principal's object id in its tenant (Entra). */
  readonly objectId?: string
  /** Who called: `azp` (Entra v2.0, OpenID Connect), `appid` (Entra v1.0) or `client_id` (RFC 9068). */
  readonly clientId?: string
  /** Delegated permissions; for other issuers whatever `scope` or `scp` grants. */
  readonly scopes: readonly string[]
  /** Group membership, where the token speaks of it. */
  readonly groups?: Groups
  /** `exp`, in seconds since the epoch. */
  readonly expiresAt: number
  /** The token itself, for an on-behalf-of request. Not enumerable, so that logging this object does not log it. */
  readonly token: string
}

/** A token a client got on behalf of a signed-in user. */
export interface DelegatedToken extends ValidatedTokenMembers {
  readonly kind: 'delegated'
  /** App roles of the user. They say nothing about the client, so they are not called `roles`. */
  readonly userRoles: readonly string[]
}

/** A token a client got as itself. */
export interface ApplicationToken extends ValidatedTokenMembers {
  readonly kind: 'application'
  /** Application permissions that an administrator granted to the client. */
  readonly roles: readonly string[]
}

/** A token that passed every check. Frozen at every depth: handlers share it, and none can change it for another. */
export type ValidatedToken = DelegatedToken | ApplicationToken

/** What an issuer's rules find out about a token: everything that is not the same for all issuers. */
export interface TokenIdentity {
  readonly kind: 'delegated' | 'application'
  readonly version?: '1.0' | '2.0' | undefined
  readonly tenantId?: string | undefined
  readonly subject: string | undefined
  readonly objectId?: string | undefined
  readonly clientId: string | undefined
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  readonly groups: Groups | undefined
}

class Given {
  constructor(object: object) {
    return object
  }
}

/**
 * Keeps the token in a private field of the object that is given. No inspector shows such a field, not even one that shows
 * what is hidden; and all these objects have one shape, which a getter of each one's own would not leave them.
 */
class TokenKeeper extends Given {
  readonly #token: string

  constructor(object: object, token: string) {
    super(object)
    this.#token = token
  }

  static keep(object: object, token: string): void {
    void new TokenKeeper(object, token)
    Object.defineProperty(object, 'token', TokenKeeper.#property)
  }

  static readonly #property: PropertyDescriptor = {
    get(this: TokenKeeper): string {
      return this.#token
    },
  }
}

export function createValidatedToken(
  token: string,
  header: Readonly<Record<string, unknown>>,
  claims: Claims,
  issuer: string,
  expiresAt: number,
  identity: TokenIdentity,
): ValidatedToken {
  const { kind, version, tenantId, subject, objectId, clientId, scopes, roles, groups } = identity
  const members: Record<string, unknown> = { kind, claims, header, issuer }
  if (version !== undefined) members.version = version
  if (tenantId !== undefined) members.tenantId = tenantId
  if (subject !== undefined) members.subject = subject
  if (objectId !== undefined) members.objectId = objectId
  if (clientId !== undefined) members.clientId = clientId
  members.scopes = scopes
  if (kind === 'delegated') members.userRoles = roles
  else members.roles = roles
  if (groups !== undefined) members.groups = groups
  members.expiresAt = expiresAt
  TokenKeeper.keep(members, token)
  return Object.freeze(members) as unknown as ValidatedToken
}
