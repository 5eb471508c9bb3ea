import { createLocalJWKSet } from 'jose/jwks/local'
import { decodeJwt } from 'jose/jwt/decode'
import { jwtVerify } from 'jose/jwt/verify'
import * as errors from 'jose/errors'
import type { JSONWebKeySet } from 'jose'
import { EntraError, printedTime } from '../base/errors.js'
import type { Application } from '../directory/types.js'
import type { Service } from '../instance/service.js'

const timeoutMilliseconds = 5000
const maxBytes = 512 * 1024

/**
 * Accepts another issuer's token in place of a credential: issuer, subject and audience must all be registered, and the
 * signature must hold against the keys that issuer publishes.
 */
export async function checkFederatedAssertion(
  service: Service,
  application: Application,
  assertion: string,
): Promise<void> {
  const claims = unverifiedClaims(assertion)
  const { iss = '', sub = '', aud = '' } = claims
  const ofIssuer = application.federatedCredentials.filter(({ issuer }) => issuer === iss)
  if (ofIssuer.length === 0) throw new EntraError(700211, { value: iss })
  const named = [aud].flat().flatMap((value) => namesOf(service, iss, claims['tid'], value))
  const ofAudience = ofIssuer.filter(({ audiences }) => named.some((value) => audiences.includes(value)))
  if (ofAudience.length === 0) throw new EntraError(700212, { value: [aud].flat().join(' ') })
  const credential = ofAudience.find(({ subject }) =>
    typeof subject === 'string' ? subject === sub : subject({ ...claims }),
  )
  if (credential === undefined) throw new EntraError(700213, { value: sub })
  await checkSignature(service, iss, assertion)
  if (isOwnIssuer(service, iss, claims['tid']) && typeof claims['scp'] === 'string' && claims['scp'] !== '/')
    throw new EntraError(700229)
}

/** Entra's own token names an API by its id, a federated credential by its URI: both are the same audience. */
function namesOf(service: Service, issuer: string, tenantId: unknown, audience: string): readonly string[] {
  const application = isOwnIssuer(service, issuer, tenantId)
    ? service.directory.applications.get(audience)
    : undefined
  return [audience, ...(application?.identifierUris ?? [])]
}

function unverifiedClaims(assertion: string): ReturnType<typeof decodeJwt> {
  try {
    return decodeJwt(assertion)
  } catch {
    throw new EntraError(50027)
  }
}

async function checkSignature(service: Service, issuer: string, assertion: string): Promise<void> {
  const now = service.clock.now()
  const currentDate = new Date(now * 1000)
  try {
    const keys = await publishedKeys(service, issuer, unverifiedClaims(assertion)['tid'])
    await jwtVerify(assertion, createLocalJWKSet(keys), { issuer, currentDate, requiredClaims: ['exp'] })
  } catch (error) {
    const { nbf = 0, exp = 0 } = unverifiedClaims(assertion)
    if (isOutOfTime(error)) {
      throw new EntraError(700024, {
        now: printedTime(now),
        from: printedTime(nbf),
        expiry: printedTime(exp),
      })
    }
    throw new EntraError(700027, {
      reason: 'The signature of the federated token could not be verified with the keys of its issuer.',
    })
  }
}

/** The signature holds: the library checks the times after it. */
function isOutOfTime(error: unknown): boolean {
  if (error instanceof errors.JWTExpired) return true
  return (
    error instanceof errors.JWTClaimValidationFailed &&
    error.claim === 'nbf' &&
    error.reason === 'check_failed'
  )
}

/** The emulator's own tokens, as those of a managed identity, are verified without asking itself over the network. */
async function publishedKeys(service: Service, issuer: string, tenantId: unknown): Promise<JSONWebKeySet> {
  if (isOwnIssuer(service, issuer, tenantId)) {
    return {
      keys: (await service.keys.published({ withMicrosoftAccounts: false })).map((key) => ({
        ...key,
        x5c: [],
      })),
    }
  }
  const metadata = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  const { issuer: named, jwks_uri: jwksUri } = metadata as { issuer?: unknown; jwks_uri?: unknown }
  if (named !== issuer || typeof jwksUri !== 'string') throw new Error('not the document of that issuer')
  // A registered https issuer must not make the emulator send a request to another service on this machine (SSRF).
  if (issuer.startsWith('https:') && !jwksUri.startsWith('https:')) throw new Error('keys by http')
  return (await fetchJson(jwksUri)) as JSONWebKeySet
}

function isOwnIssuer(service: Service, issuer: string, tenantId: unknown): boolean {
  return service.isOwnIssuer(issuer, String(tenantId))
}

async function fetchJson(url: string): Promise<unknown> {
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMilliseconds),
  })
  if (!response.ok) throw new Error('no such document')
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > maxBytes) throw new Error('too large')
    chunks.push(chunk)
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'))
}
