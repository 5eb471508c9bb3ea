import { guidPattern } from '../base/guid.js'
import { consumersTenantId } from '../directory/directory.js'
import { graphAppId } from '../directory/graph.js'
import { isIdentifiedBy } from '../directory/lookup.js'
import type { Service } from '../instance/service.js'
import type { ApiVerdict } from './rules.js'
import { type Json, written } from './token.js'

/** Why every API refuses a token, and what to do. */
export interface Story {
  /** What is wrong, in a sentence. */
  readonly why: string
  /** What to do. */
  readonly fix: string
}

/** The story that fits a token which every API refuses; the most frequent mistakes come first. */
export function storyOf(
  service: Service,
  header: Json,
  claims: Json,
  verdicts: readonly ApiVerdict[],
): Story | undefined {
  if (verdicts.some(({ isAccepted }) => isAccepted)) return undefined
  return (
    wrongKind(header, claims) ??
    foreign(service, header, claims) ??
    wrongTime(service.clock.now(), claims) ??
    wrongVersion(claims, verdicts) ??
    wrongTenant(service, claims)
  )
}

function wrongKind(header: Json, claims: Json): Story | undefined {
  if (header['nonce'] !== undefined || claims['aud'] === graphAppId) {
    return {
      why: 'This is a token for Microsoft Graph: the client asked for a scope of Graph.',
      fix: 'Ask for a scope of the API itself, such as api://<API>/<scope>.',
    }
  }
  if (claims['appid'] === undefined && claims['azp'] === undefined) {
    return {
      why: 'This is an id token: it tells the client who signed in.',
      fix: 'Send the access token to the API.',
    }
  }
  return undefined
}

function foreign({ issuers }: Service, header: Json, claims: Json): Story | undefined {
  if (typeof header['alg'] === 'string' && header['alg'] !== 'RS256') {
    return {
      why: `It is signed with ${header['alg']}.`,
      fix: 'No token of this service is; somebody made it by hand.',
    }
  }
  const isMicrosofts = /^https:\/\/(sts\.windows\.net|login\.microsoftonline\.)/.test(written(claims['iss']))
  if (isMicrosofts && !issuers.v2.startsWith('https://login.')) {
    return {
      why: 'It comes from the real Entra ID, not from this emulator.',
      fix: 'Ask the emulator for a token.',
    }
  }
  return undefined
}

function wrongTime(now: number, { exp, nbf }: Json): Story | undefined {
  if (typeof exp === 'number' && exp <= now) {
    return {
      why: `It expired ${Math.round(now - exp)} s ago, by the emulator's clock.`,
      fix: 'Ask for a new one, or set the clock.',
    }
  }
  if (typeof nbf === 'number' && nbf > now) {
    return { why: "It is not valid yet, by the emulator's clock.", fix: 'Compare the clocks.' }
  }
  return undefined
}

function wrongVersion(claims: Json, verdicts: readonly ApiVerdict[]): Story | undefined {
  const wrong = verdicts.find(({ checks }) =>
    checks.some(({ name, result }) => result === 'failed' && name === 'version'),
  )
  const isVersion = wrong?.checks.some(({ received }) => received === '1.0' || received === '2.0')
  if (wrong === undefined || !isVersion || !isIdentifiedBy(wrong.api, claims['aud'])) return undefined
  return {
    why: `It is of v${written(claims['ver'])}, and the API ${wrong.api.displayName} gets tokens of v${wrong.api.tokenVersion}.`,
    fix: 'The API chooses by api.requestedAccessTokenVersion.',
  }
}

function wrongTenant({ directory }: Service, claims: Json): Story | undefined {
  const tenantId = written(claims['tid'])
  if (guidPattern.test(tenantId) && directory.tenants.has(tenantId)) return undefined
  return {
    why:
      tenantId === consumersTenantId
        ? 'It is of a personal account.'
        : 'It is of a tenant this registration does not have.',
    fix: 'Sign in to a tenant that is registered.',
  }
}
