import type { ValidatedToken } from '@countersign/core'

/**
 * The caller, as the TypeScript SDK of MCP passes it to tools (`AuthInfo` of versions 1 and 2). `token` is not enumerable, so
 * that logging this object does not log it.
 */
export interface McpAuthInfo {
  /** The token itself, for an on-behalf-of request. */
  token: string
  /** The client that calls: the same for all its users. Empty where the token does not name it. */
  clientId: string
  /** The scopes, by the short names that the token has. */
  scopes: string[]
  /** When the token expires, in seconds since the epoch. */
  expiresAt: number
  /** The address of the MCP endpoint. */
  resource: URL
  /** Where the metadata of the server is. */
  resourceMetadataUrl: string
  /** `auth`: the validated token. */
  extra: {
    /** The validated token. */
    auth: ValidatedToken
    /** Whatever the application adds. */
    [name: string]: unknown
  }
}

export function createAuthInfo(
  auth: ValidatedToken,
  resource: string,
  resourceMetadataUrl: string,
): McpAuthInfo {
  const info = {
    clientId: auth.clientId ?? '',
    scopes: [...auth.scopes],
    expiresAt: auth.expiresAt,
    resource: new URL(resource),
    resourceMetadataUrl,
    extra: { auth },
  }
  return Object.defineProperty(info, 'token', { value: auth.token }) as McpAuthInfo
}

/** What the SDK types of the caller. */
export interface AnyAuthInfo {
  /** Holds the validated token. */
  readonly extra?: Record<string, unknown> | undefined
}

/**
 * The validated token of a caller, inside a tool. Throws a plain `Error` where the caller was not authenticated by this package,
 * so that a tool never runs for nobody by mistake. It does not check permissions.
 *
 * @example
 * ```ts
 * import { callerOf } from '@countersign/mcp'
 *
 * async function listOrders(_args: object, context: { http?: { authInfo?: { extra?: Record<string, unknown> } } }) {
 *   const caller = callerOf(context.http?.authInfo)
 *   return { content: [{ type: 'text', text: `Orders of ${caller.objectId}` }] }
 * }
 * ```
 */
export function callerOf(authInfo: AnyAuthInfo | undefined): ValidatedToken {
  const auth = authInfo?.extra?.['auth'] as ValidatedToken | undefined
  if (typeof auth === 'object' && auth !== null && typeof auth.kind === 'string') return auth
  throw new Error('callerOf: the request was not authenticated by createMcpAuth')
}
