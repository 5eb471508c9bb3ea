import type { AcquiredToken } from '../base/acquired-token.js'
import { readClock } from '../base/clock.js'
import { TokenClientError, withDetails, isTokenClientError } from '../base/errors.js'
import { type Fetch, guardFetch, type ServiceFetch } from '../base/guarded-fetch.js'
import { badOption, checkNames, checkObject, readFunction, readNumber } from '../base/options-reader.js'
import { type AcquireOptions, checkTarget, withoutChallenge } from '../base/target.js'
import { WorkInProgress } from '../base/work-in-progress.js'
import { TokenMemory } from '../cache/token-memory.js'
import { TokenSource } from '../cache/token-source.js'
import { exchangeResources } from '../credentials/agent-identity.js'
import { clientAssertion } from '../credentials/client-assertion.js'
import type { ClientCredential } from '../credentials/client-credential.js'
import { keysOf } from '../grants/cache-key.js'
import type { TokenGrant } from '../grants/grant.js'
import { createReporter, requestedToken } from '../observers/reporter.js'
import { readTokenAnswer, type TokenAnswer } from '../token-answers/token-answer.js'
import { type Environment, hostOf, type IdentityHost, type IdentityName } from './identity-host.js'

/** The options of `managedIdentity`. */
export interface ManagedIdentityOptions {
  /**
   * The environment variables that Azure has set: pass `process.env`. `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` mean App
   * Service, Functions or Container Apps; `IDENTITY_ENDPOINT` and `IMDS_ENDPOINT` Azure Arc; none of them a virtual machine,
   * whose metadata service (IMDS) is at 169.254.169.254 or at `AZURE_POD_IDENTITY_AUTHORITY_HOST`.
   */
  readonly environment: Environment
  /** The client id of a user-assigned identity. Default: the machine's own (system-assigned) identity. */
  readonly clientId?: string | undefined
  /** The object (principal) id of a user-assigned identity, instead of `clientId`. */
  readonly objectId?: string | undefined
  /** The Azure resource id of a user-assigned identity, instead of `clientId`. */
  readonly resourceId?: string | undefined
  /** The cloud in whose applications `credential` is used. Default: `global`. */
  readonly cloud?: 'global' | 'usGovernment' | 'china' | undefined
  /** Seconds that one request may take. Default: 5. */
  readonly timeoutSeconds?: number | undefined
  /** The current time, in seconds since the epoch. Default: this machine's clock. */
  readonly clock?: (() => number) | undefined
  /** Sends the requests, with `redirect: 'error'`. No proxy may be between. Default: the global `fetch`. */
  readonly fetch?: ServiceFetch | undefined
}

/** A managed identity of the machine that this process runs on. */
export interface ManagedIdentity {
  /**
   * A token of the identity itself. Cached and renewed as the tokens of a client are. Throws `TokenClientError`:
   * `managed_identity_refused` when the machine has no such identity. Does not check what the token permits.
   *
   * @example
   * ```ts
   * import { managedIdentity } from '@countersign/token-client'
   *
   * const identity = managedIdentity({ environment: process.env })
   * const { accessToken } = await identity.acquire({ resource: 'https://vault.azure.net' })
   * ```
   */
  readonly acquire: (
    options: Pick<AcquireOptions, 'refresh' | 'signal'> & {
      /** The API that the token is for: its application ID URI or client id. */
      readonly resource: string
    },
  ) => Promise<AcquiredToken>
  /** The credential of an application that trusts this identity (federated credential): no secret is stored anywhere. */
  readonly credential: ClientCredential
}

const what = 'managedIdentity'
const names = [
  'environment',
  'clientId',
  'objectId',
  'resourceId',
  'cloud',
  'timeoutSeconds',
  'clock',
  'fetch',
]
const ids = ['clientId', 'objectId', 'resourceId'] as const

/**
 * A managed identity of the machine that this process runs on: for tokens of its own, and as the credential of an application
 * that trusts it. Contacts nobody before the first token. Throws `TypeError` for invalid options. Source: "How to use managed
 * identities to acquire an access token", for virtual machines, App Service and Azure Arc.
 *
 * @example
 * ```ts
 * import { createTokenClient, entraAuthority, managedIdentity } from '@countersign/token-client'
 *
 * const client = createTokenClient({
 *   authority: entraAuthority({ tenantId: '0f1e2d3c-4b5a-4678-8901-23456789abcd', version: '2.0' }),
 *   clientId: '22222222-2222-4222-8222-222222222222',
 *   credential: managedIdentity({ environment: process.env }).credential,
 * })
 * ```
 */
export function managedIdentity(options: ManagedIdentityOptions): ManagedIdentity {
  return createManagedIdentity(options)
}

/** `arcTokenFolder` is for tests: where the agent of Azure Arc has its key files. */
export function createManagedIdentity(
  options: ManagedIdentityOptions,
  arcTokenFolder?: string,
): ManagedIdentity {
  checkObject(what, options)
  checkNames(what, options, names)
  const { environment, cloud = 'global' } = options
  if (typeof environment !== 'object' || environment === null) {
    throw badOption(what, 'environment', 'must be the environment variables of the process: process.env')
  }
  if (!Object.hasOwn(exchangeResources, cloud))
    throw badOption(what, 'cloud', 'must be global, usGovernment or china')
  const clock = readClock(what, options.clock)
  const machine: Machine = {
    host: arcTokenFolder === undefined ? hostOf(environment) : hostOf(environment, arcTokenFolder),
    identity: readIdentity(options),
    clock,
    fetch: guardFetch(
      options.fetch === undefined
        ? (url, init) => globalThis.fetch(url, init)
        : readFunction<ServiceFetch>(what, 'fetch', options.fetch),
      {
        timeoutSeconds: readNumber(what, 'timeoutSeconds', options.timeoutSeconds, {
          from: 0.001,
          to: 120,
          standard: 5,
        }),
        maxResponseBytes: 256 * 1024,
      },
    ),
  }
  const memory = new TokenMemory({ maxEntries: 1000, maxBytes: 16 * 2 ** 20 })
  const source = new TokenSource(
    memory,
    undefined,
    clock,
    24 * 60 * 60,
    createReporter({}),
    new WorkInProgress(),
  )
  const acquire: ManagedIdentity['acquire'] = async (target) => {
    checkTarget(target)
    if (target.resource === undefined)
      throw badOption('target', 'resource', 'is required for a managed identity')
    return source.acquire(new ManagedIdentityGrant(machine, target), target.signal)
  }
  const exchange = { resource: exchangeResources[cloud] }
  return Object.freeze({
    acquire,
    credential: clientAssertion(async () => (await acquire(exchange)).accessToken),
  })
}

function readIdentity(options: ManagedIdentityOptions): IdentityName {
  const given = ids.filter((name) => options[name] !== undefined)
  for (const name of given) {
    const value: unknown = options[name]
    if (typeof value !== 'string' || value === '') throw badOption(what, name, 'must be a non-empty string')
  }
  if (given.length > 1)
    throw badOption(what, given[1]!, `must be left out with ${given[0]}: one id names the identity`)
  const { clientId, objectId, resourceId } = options
  return { clientId, objectId, resourceId }
}

interface Machine {
  readonly host: IdentityHost
  readonly identity: IdentityName
  readonly clock: () => number
  readonly fetch: Fetch
}

/** A token of the machine's identity. */
class ManagedIdentityGrant implements TokenGrant {
  readonly name = 'app'
  readonly target: TokenGrant['target']
  readonly requestKey: string
  readonly cacheKey: string
  readonly #machine: Machine
  readonly #resource: string

  constructor(
    machine: Machine,
    target: { readonly resource: string; readonly refresh?: boolean | undefined },
  ) {
    this.#machine = machine
    this.#resource = target.resource
    this.target = withoutChallenge(target)
    const keys = keysOf({
      client: 'managed identity',
      grant: 'app',
      tenantId: undefined,
      subject: undefined,
      target,
    })
    this.requestKey = keys.requestKey
    this.cacheKey = keys.cacheKey
  }

  prepare() {
    const redeem = () => requestOrRepeat(this.#machine, this.#resource)
    return { revokedWith: [], notAfter: Infinity, redeem }
  }
}

/** The metadata service fails for moments, while it is updated. */
async function requestOrRepeat(machine: Machine, resource: string): Promise<TokenAnswer> {
  try {
    return await request(machine, resource)
  } catch (error) {
    if (!isTokenClientError(error) || error.code !== 'service_unavailable') throw error
    return request(machine, resource)
  }
}

async function request({ host, identity, clock, fetch }: Machine, resource: string): Promise<TokenAnswer> {
  try {
    const response = await host.request(resource, identity, fetch)
    // The metadata service answers 404 or 410 while it is updated.
    if (response.status === 404 || response.status === 410) throw new TokenClientError('service_unavailable')
    return await readTokenAnswer(response, 'app', clock())
  } catch (error) {
    if (!isTokenClientError(error)) throw error
    const details = {
      request: {
        ...requestedToken('app', { resource }),
        clientId: identity.clientId ?? 'of the machine',
        authority: host.name,
      },
    }
    // The metadata service has its own words for what it refuses.
    if (error.action !== 'fix-configuration' || error.service === undefined) throw withDetails(error, details)
    throw new TokenClientError('managed_identity_refused', { service: error.service, ...details })
  }
}
