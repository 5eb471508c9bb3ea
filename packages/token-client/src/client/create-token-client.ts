import { TokenClientError } from '../base/errors.js'
import { WorkInProgress } from '../base/work-in-progress.js'
import { createTargetFetch } from '../fetch/create-fetch.js'
import type { TokenClientOptions } from './options.js'
import { readOptions } from './read-options.js'
import type { TokenClient } from './token-client.js'
import type { TokenMethods } from './token-methods.js'

/**
 * Creates a client. Contacts nobody, so it does not check whether the service accepts the client. Throws `TypeError` naming
 * the option that is wrong.
 *
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises'
 * import { clientSecret, createTokenClient, entraAuthority } from '@countersign/token-client'
 *
 * const client = createTokenClient({
 *   authority: entraAuthority({ tenantId: '0f1e2d3c-4b5a-4678-8901-23456789abcd', version: '2.0' }),
 *   clientId: '22222222-2222-4222-8222-222222222222',
 *   credential: clientSecret(() => readFile('/run/secrets/client-secret', 'utf8')),
 * })
 * const { accessToken } = await client.acquireForApp({ resource: 'api://orders' })
 * ```
 */
export function createTokenClient(options: TokenClientOptions): TokenClient {
  const settings = readOptions(options)
  let methods: TokenMethods | undefined
  let loading: Promise<TokenMethods> | undefined

  const work = new WorkInProgress()

  /** Loaded for the first token, so that it does not delay the start of an API. */
  function use<T>(call: (loaded: TokenMethods) => Promise<T>): Promise<T> {
    if (work.isClosed) return Promise.reject(new TokenClientError('client_closed'))
    if (methods !== undefined) return call(methods)
    loading ??= import('./token-methods.js').then(
      ({ createTokenMethods }) => (methods = createTokenMethods(settings, work)),
    )
    // Not `use` again: a client that is closed meanwhile finishes what was begun.
    return work.track(loading.then(call))
  }

  const close = () => work.close()

  const client: TokenClient = {
    acquireForApp: (target) => use((loaded) => loaded.acquireForApp(target)),
    acquireOnBehalfOf: (userToken, target) => use((loaded) => loaded.acquireOnBehalfOf(userToken, target)),
    acquireForAgentUser: (user, target) => use((loaded) => loaded.acquireForAgentUser(user, target)),
    startSession: (userToken, target) => use((loaded) => loaded.startSession(userToken, target)),
    createFetch: (fetchOptions) => createTargetFetch(fetchOptions, client, settings),
    resumeSession: (key, owner) => use((loaded) => loaded.resumeSession(key, owner)),
    forgetUser: (tenantId, objectId) => use((loaded) => work.track(loaded.forgetUser(tenantId, objectId))),
    close,
    [Symbol.asyncDispose]: close,
  }
  return Object.freeze(client)
}
