import { createTargetFetch } from '../fetch/create-fetch.js'
import type { Engine } from './token-methods.js'
import { readOptions, type TokenClientOptions } from './options.js'
import type { AcquireOptions } from '../base/target.js'
import type { TokenClient } from './token-client.js'

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
  const { authority } = settings
  let engine: Engine | undefined
  let loading: Promise<Engine> | undefined

  /** Loaded when it is first used: a service's start does not wait for what its first request needs. */
  function use<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    if (engine !== undefined) return work(engine)
    loading ??= import('./token-methods.js').then(({ createEngine }) => (engine = createEngine(settings)))
    return loading.then(work)
  }

  const client: TokenClient = {
    acquireForApp: (target) => use((started) => started.acquireForApp(target)),
    acquireOnBehalfOf: (userToken, target) => use((started) => started.acquireOnBehalfOf(userToken, target)),
    startSession: (userToken, target) => use((started) => started.startSession(userToken, target)),
    createFetch(fetchOptions) {
      const { userToken, tenantId } = fetchOptions
      if (userToken !== undefined && tenantId !== undefined) {
        throw new TypeError("tenantId cannot be given beside userToken: the user's token says which it is")
      }
      const acquire = (target: AcquireOptions) =>
        userToken === undefined
          ? client.acquireForApp({ ...target, ...(tenantId === undefined ? {} : { tenantId }) })
          : client.acquireOnBehalfOf(userToken, target)
      const isOwnAddress = (uri: URL) => authority.isOwnAddress(uri)
      return createTargetFetch(fetchOptions, acquire, authority.takesClaims ? isOwnAddress : undefined)
    },
    resumeSession: (key, owner) => use((started) => started.resumeSession(key, owner)),
    forgetUser: (tenantId, objectId) => use((started) => started.forgetUser(tenantId, objectId)),
  }
  return Object.freeze(client)
}
