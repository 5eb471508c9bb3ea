import {
  type AcquiredToken,
  clientSecret,
  createTokenClient,
  entraAuthority,
  type TokenClient,
  TokenClientError,
  type TokenClientOptions,
} from '@countersign/token-client'
import { expect } from 'vitest'
import { startTokenEndpoint, type TokenEndpoint } from './token-endpoint.js'

export const tenantId = '0f0e0d0c-0b0a-4908-8706-050403020100'
export const otherTenantId = '1f0e0d0c-0b0a-4908-8706-050403020100'
export const objectId = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'
export const clientId = '12345678-1234-4234-8234-123456789012'
export const nativeAppId = '99999999-1234-4234-8234-123456789012'
export const apiAudience = 'api://first-tier'
export const target = { resource: 'api://second-tier' }
export const theSecret = 'S3cr3t~of-the.first_tier'

interface TestClock {
  now: number
}

export interface Bench {
  readonly client: TokenClient
  readonly endpoint: TokenEndpoint
  readonly clock: TestClock
}

/** A client of one tenant, with a token service on loopback and a clock that moves only when a test sets it. */
export async function createBench(
  version: '1.0' | '2.0' = '2.0',
  changes: Partial<TokenClientOptions> & { readonly tenantId?: string } = {},
): Promise<Bench> {
  return createBenchAt(await startTokenEndpoint(), { now: 1_800_000_000 }, version, changes)
}

/** One more client of the same service, with the same clock: another process. */
export function createBenchAt(
  endpoint: TokenEndpoint,
  clock: TestClock,
  version: '1.0' | '2.0',
  changes: Partial<TokenClientOptions> & { readonly tenantId?: string } = {},
): Bench {
  const { tenantId: tenant = tenantId, ...options } = changes
  const client = createTokenClient({
    authority: entraAuthority({ tenantId: tenant, version, cloud: { authority: endpoint.origin } }),
    clientId,
    credential: clientSecret(theSecret),
    clock: () => clock.now,
    ...options,
  })
  return { client, endpoint, clock }
}

/** The access token of a user as Entra's v2.0 tokens look, for an hour from the test clock's start. The signature is invalid. */
export function userToken(changes: Readonly<Record<string, unknown>> = {}): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    aud: apiAudience,
    iss: `https://login.microsoftonline.com/${tenantId}/v2.0`,
    exp: 1_800_003_600,
    tid: tenantId,
    oid: objectId,
    sub: 'pairwise',
    azp: nativeAppId,
    scp: 'access_as_user',
    ver: '2.0',
    ...changes,
  }
  return `${encode({ typ: 'JWT', alg: 'RS256', kid: 'k' })}.${encode(claims)}.c2lnbmF0dXJl`
}

/** The error of a call. Fails when the call succeeds, or throws something else. */
export async function refusalOf(call: Promise<unknown>): Promise<TokenClientError> {
  const outcome = await call.then(
    () => 'was not refused',
    (error: unknown) => error,
  )
  expect(outcome).toBeInstanceOf(TokenClientError)
  return outcome as TokenClientError
}

export function textOf({ accessToken }: AcquiredToken): string {
  return accessToken
}
