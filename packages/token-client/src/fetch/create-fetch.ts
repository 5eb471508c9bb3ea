import type { AcquiredToken } from '../base/acquired-token.js'
import { badOption, checkNames, checkObject, readFunction } from '../base/options-reader.js'
import { isSecure } from '../base/secure-url.js'
import { type AcquireOptions, checkTarget } from '../base/target.js'
import type { AgentUser } from '../grants/agent-user.js'
import type { ValidatedUserToken } from '../user-tokens/user-token.js'
import type { CreateFetchOptions, SessionFetchOptions } from './fetch-options.js'
import { createTokenFetch, type FetchContext, originOf } from './token-fetch.js'

type TenantOptions = AcquireOptions & { readonly tenantId?: string | undefined }

/** The methods of a client that bring the tokens. */
export interface TokenAcquirer {
  acquireForApp(options: TenantOptions): Promise<AcquiredToken>
  acquireForAgentUser(user: AgentUser, options: TenantOptions): Promise<AcquiredToken>
  acquireOnBehalfOf(userToken: string | ValidatedUserToken, options: AcquireOptions): Promise<AcquiredToken>
}

/** See `TokenClient.createFetch`. */
export function createTargetFetch(
  options: CreateFetchOptions,
  client: TokenAcquirer,
  context: FetchContext,
): typeof fetch {
  checkObject('createFetch', options)
  checkNames('createFetch', options, ['target', 'origin', 'userToken', 'agentUser', 'tenantId', 'fetch'])
  const { target, userToken, agentUser, tenantId }: CreateFetchOptions = options
  if (userToken !== undefined && agentUser !== undefined) {
    throw badOption(
      'createFetch',
      'agentUser',
      'must be left out with userToken: a request is made for one user',
    )
  }
  if (userToken !== undefined && tenantId !== undefined) {
    throw badOption(
      'createFetch',
      'tenantId',
      "must be left out with userToken: the user's token names the tenant",
    )
  }
  checkFetchTarget(target)
  return create(
    options,
    (more) => {
      if (userToken !== undefined) return client.acquireOnBehalfOf(userToken, { ...target, ...more })
      if (agentUser !== undefined)
        return client.acquireForAgentUser(agentUser, { ...target, ...more, tenantId })
      return client.acquireForApp({ ...target, ...more, tenantId })
    },
    context,
  )
}

/** See `TokenSession.createFetch`. */
export function createSessionFetch(
  options: SessionFetchOptions,
  acquire: (options: AcquireOptions) => Promise<AcquiredToken>,
  context: FetchContext,
): typeof fetch {
  checkObject('createFetch', options)
  checkNames('createFetch', options, ['target', 'origin', 'fetch'])
  const { target }: SessionFetchOptions = options
  if (target !== undefined) checkFetchTarget(target)
  return create(options, (more) => acquire({ ...target, ...more }), context)
}

function create(
  options: SessionFetchOptions,
  acquire: (options: Pick<AcquireOptions, 'claims' | 'refresh' | 'signal'>) => Promise<AcquiredToken>,
  context: FetchContext,
): typeof fetch {
  const custom =
    options.fetch === undefined
      ? undefined
      : readFunction<typeof fetch>('createFetch', 'fetch', options.fetch)
  return createTokenFetch(readOrigins(options.origin), acquire, custom, context)
}

function checkFetchTarget(target: NonNullable<SessionFetchOptions['target']>): void {
  checkTarget(target)
  if ('claims' in target || 'signal' in target || 'refresh' in target) {
    throw badOption(
      'createFetch',
      'target',
      'must be { resource } or { scopes }: claims, refresh and signal come with a request',
    )
  }
}

function readOrigins(origin: unknown): ReadonlySet<string> {
  const origins: readonly unknown[] = Array.isArray(origin) ? origin : [origin]
  const isOrigin = (one: unknown): one is string =>
    typeof one === 'string' && originOf(one) === one && isSecure(new URL(one))
  if (origins.length === 0 || !origins.every(isOrigin)) {
    throw badOption(
      'createFetch',
      'origin',
      'must be the origin of the target, such as https://orders.example (https, or http on loopback), or a list of them',
    )
  }
  return new Set(origins)
}
