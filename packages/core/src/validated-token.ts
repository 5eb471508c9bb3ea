import type { Claims, Groups, TokenTimes } from './claims.js'
import type { AgentFacts } from './entra-agent.js'
import type { UnverifiedToken } from './token.js'

/** What every validated token has, whatever its kind. */
interface ValidatedTokenMembers {
  /** The whole payload, frozen at every depth. Do not authorize by `email`, `upn`, `preferred_username` or `name`. */
  readonly claims: Claims
  /** The whole header, frozen. */
  readonly header: Readonly<Record<string, unknown>>
  /** `iss`, exactly as the token spells it. */
  readonly issuer: string
  /** The version of an Entra token; undefined for any other issuer. */
  readonly version?: '1.0' | '2.0'
  /** `tid`: the directory that issued the token (Entra). Data belongs to `tenantId` and `objectId` together. */
  readonly tenantId?: string
  /** `sub`: unique for this API and issuer. */
  readonly subject?: string
  /** `oid`: the object id of the user or service principal in its tenant (Entra). */
  readonly objectId?: string
  /** Who called: `azp` (Entra v2.0), `appid` (Entra v1.0), else `client_id` or `azp`, or the claim that is configured. */
  readonly clientId?: string
  /** Delegated permissions; for other issuers what `scope` or `scp`, or the claim that is configured, grants. */
  readonly scopes: readonly string[]
  /** Group membership, where the token has it. */
  readonly groups?: Groups
  /** What the token says of an agent (Entra Agent ID), where it has the optional claims. */
  readonly agent?: AgentFacts
  /** `exp`, in seconds since the epoch. */
  readonly expiresAt: number
  /** `iat`, in seconds since the epoch, where the token has it. */
  readonly issuedAt?: number
  /** The token itself, for an on-behalf-of request. Not enumerable, so that logging this object does not log it. */
  readonly token: string
}

/** A token that a client got on behalf of a signed-in user. */
export interface DelegatedToken extends ValidatedTokenMembers {
  /** A user acts, through a client. */
  readonly kind: 'delegated'
  /** App roles of the user. They say nothing about the client, so they are not called `roles`. */
  readonly userRoles: readonly string[]
}

/** A token that a client got as itself. */
export interface ApplicationToken extends ValidatedTokenMembers {
  /** A client acts as itself. */
  readonly kind: 'application'
  /** Application permissions that an administrator granted to the client. */
  readonly roles: readonly string[]
}

/** A token of an issuer that does not say whether a user or a client acts. It satisfies only permissions without a kind. */
export interface TokenOfUnknownKind extends ValidatedTokenMembers {
  /** Neither a user nor a client is proved. */
  readonly kind: 'unknown'
  /** Roles in the token. Whose they are is not known, so they are not called `roles`. */
  readonly rolesOfUnknownKind: readonly string[]
}

/** Who acts: a user through a client, a client as itself, or not known. With Entra it is always known. */
export type TokenKind = 'delegated' | 'application' | 'unknown'

/**
 * A token that passed every check. It is frozen at every depth: handlers share it, and none can change it for another.
 * Its claims are typed by the application: see `Claims`.
 */
export type ValidatedToken = DelegatedToken | ApplicationToken | TokenOfUnknownKind

/** A request that `bearerAuth` accepted. */
interface AuthenticatedRequest {
  /** The caller's validated token. */
  auth: ValidatedToken
}

/**
 * Opt-in type of a request on a route that allows anonymous callers: `auth` may be null, so that `request.auth.objectId`
 * without a check does not compile.
 *
 * @example
 * ```ts
 * import type { AllowsAnonymous, ValidatedToken } from '@countersign/core'
 *
 * function greet(request: AllowsAnonymous<{ auth: ValidatedToken }>): string {
 *   return request.auth === null ? 'Hello' : `Hello ${request.auth.subject}`
 * }
 * ```
 */
export type AllowsAnonymous<R extends AuthenticatedRequest> = Omit<R, 'auth'> & {
  /** The caller's validated token, or null for an anonymous caller. */
  auth: ValidatedToken | null
}

/** What an issuer's rules find out about a token: everything that is not the same for all issuers. */
export interface TokenIdentity {
  readonly kind: TokenKind
  readonly version?: '1.0' | '2.0' | undefined
  readonly tenantId?: string | undefined
  readonly subject: string | undefined
  readonly objectId?: string | undefined
  readonly clientId: string | undefined
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  readonly groups: Groups | undefined
  readonly agent?: AgentFacts | undefined
}

class ReturnsItsArgument {
  constructor(object: object) {
    return object
  }
}

/**
 * Adds the token to an object as a private field. No inspector shows such a field, not even one that shows hidden members;
 * and all these objects have one shape, which a getter per object would prevent.
 */
class PrivateToken extends ReturnsItsArgument {
  readonly #token: string

  constructor(object: object, token: string) {
    super(object)
    this.#token = token
  }

  static addTo(object: object, token: string): void {
    void new PrivateToken(object, token)
    Object.defineProperty(object, 'token', PrivateToken.#property)
  }

  static readonly #property: PropertyDescriptor = {
    get(this: PrivateToken): string {
      return this.#token
    },
  }
}

const rolesMember = { delegated: 'userRoles', application: 'roles', unknown: 'rolesOfUnknownKind' } as const

/** The roles of a token, whatever their member is called. */
export function rolesOf(token: ValidatedToken): readonly string[] {
  if (token.kind === 'delegated') return token.userRoles
  return token.kind === 'application' ? token.roles : token.rolesOfUnknownKind
}

export function createValidatedToken(
  {
    token,
    unverifiedHeader: header,
    unverifiedClaims: claims,
  }: Pick<UnverifiedToken, 'token' | 'unverifiedHeader' | 'unverifiedClaims'>,
  { expiresAt, issuedAt }: TokenTimes,
  identity: TokenIdentity,
): ValidatedToken {
  const { kind, version, tenantId, subject, objectId, clientId, scopes, roles, groups, agent } = identity
  const members: Record<string, unknown> = { kind, claims, header, issuer: claims.iss }
  if (version !== undefined) members.version = version
  if (tenantId !== undefined) members.tenantId = tenantId
  if (subject !== undefined) members.subject = subject
  if (objectId !== undefined) members.objectId = objectId
  if (clientId !== undefined) members.clientId = clientId
  members.scopes = scopes
  members[rolesMember[kind]] = roles
  if (groups !== undefined) members.groups = groups
  if (agent !== undefined) members.agent = agent
  members.expiresAt = expiresAt
  if (issuedAt !== undefined) members.issuedAt = issuedAt
  PrivateToken.addTo(members, token)
  return Object.freeze(members) as unknown as ValidatedToken
}
