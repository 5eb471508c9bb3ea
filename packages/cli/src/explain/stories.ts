import type { CheckVerdict } from '@countersign/core'
import { duration, printable } from '../text.js'
import { graphAppId, timeText } from './facts.js'
import { type Json, textOf, timeOf, type UnverifiedParts } from './unverified.js'

/** A mistake that many people make, and what to do. What it leaves out, the explanation of the code says. */
export interface Story {
  readonly why: string
  readonly fix?: string
  readonly code?: string
  readonly portal?: string
}

/** What the stories read. */
export interface Evidence {
  readonly parts: UnverifiedParts
  readonly failed: readonly CheckVerdict[]
  readonly now: number
  /** The client id of the API, where it is known. */
  readonly clientId: string | undefined
  /** The scopes that were demanded. */
  readonly scopes: readonly string[]
}

type Recognise = (evidence: Evidence, claims: Json) => Story | undefined

/** The most frequent mistakes first. */
const stories: readonly Recognise[] = [
  forGraph,
  isIdToken,
  fromEmulator,
  otherCloud,
  otherTenant,
  almostSameAudience,
  otherVersion,
  otherAudience,
  unknownKey,
  wrongClock,
  expired,
  tooManyGroups,
  otherKind,
  neverConsented,
]

/** The story that fits, from the token as it says of itself: a likely reason, not a proof. */
export function storyOf(evidence: Evidence): Story | undefined {
  const { parts, failed } = evidence
  if (failed.length === 0) return undefined
  if (parts.claims === undefined) return unreadable(parts)
  for (const recognise of stories) {
    const story = recognise(evidence, parts.claims)
    if (story !== undefined) return story
  }
  return undefined
}

function unreadable({ count }: UnverifiedParts): Story | undefined {
  if (count === 3 || count === 5) return undefined
  return count === 1
    ? {
        why: 'It has no dots: it is an opaque token, which only its issuer can read, or not a token.',
        fix: 'Ask the issuer for a JWT, or look at what was pasted.',
      }
    : {
        why: `A signed token has three parts, separated by dots; this has ${count}.`,
        fix: 'Copy the whole token: a part at the beginning or the end is missing, or there is too much.',
      }
}

function has({ failed }: Evidence, code: string, reason?: string): boolean {
  return failed.some((check) => check.code === code && (reason === undefined || check.reason === reason))
}

/** What a client of this API asks for. */
function scopeOf({ clientId, scopes }: Evidence): string {
  return `api://${clientId ?? '<client id of your API>'}/${scopes[0] ?? '<scope>'}`
}

function forGraph(evidence: Evidence, { aud }: Json): Story | undefined {
  const isGraphs = [graphAppId, 'https://graph.microsoft.com', 'https://graph.microsoft.com/'].includes(
    String(aud),
  )
  if (!isGraphs && !has(evidence, 'graph_token')) return undefined
  return {
    why: 'This is a token for Microsoft Graph. The client asked for a scope of Graph, such as User.Read, and not for one of this API.',
    fix: 'Ask for a scope of this API.',
    code: `scopes: ['${scopeOf(evidence)}']`,
    portal: 'App registrations > the client > API permissions > Add a permission > My APIs > the API',
  }
}

function isIdToken(evidence: Evidence): Story | undefined {
  if (!has(evidence, 'id_token')) return undefined
  return {
    why: 'This is the id token of a sign-in. It tells the client who the user is, and is no permission to call an API.',
    code: `scopes: ['${scopeOf(evidence)}']`,
  }
}

/** A host of the machine itself, or one of Microsoft's. */
function originOf(issuer: string): 'emulator' | 'Entra ID' | undefined {
  if (/^https?:\/\/(localhost|127\.0\.0\.1|\[::1\]|host\.docker\.internal)([:/]|$)/.test(issuer))
    return 'emulator'
  return cloudOf(issuer) === undefined ? undefined : 'Entra ID'
}

function cloudOf(issuer: string): string | undefined {
  if (/^https:\/\/(login\.microsoftonline\.com|sts\.windows\.net)\//.test(issuer)) return 'global'
  if (issuer.startsWith('https://login.microsoftonline.us/')) return 'usGovernment'
  if (/^https:\/\/(login\.partner\.microsoftonline\.cn|sts\.chinacloudapi\.cn)\//.test(issuer)) return 'china'
  return undefined
}

/** What the check of the issuer expected. */
function expectedIssuer({ failed }: Evidence): string | undefined {
  return failed.find(({ code }) => code === 'issuer_not_trusted')?.expected
}

function fromEmulator(evidence: Evidence, claims: Json): Story | undefined {
  const expected = expectedIssuer(evidence)
  const origin = originOf(textOf(claims, 'iss') ?? '')
  if (expected === undefined || origin === undefined) return undefined
  const isLocal = /localhost|127\.0\.0\.1|\[::1\]/.test(expected)
  if ((origin === 'emulator') === isLocal) return undefined
  return origin === 'emulator'
    ? {
        why: 'This token comes from an emulator on a development machine; the API trusts a real issuer.',
        fix: 'Point the client at the real token service.',
      }
    : {
        why: 'This token comes from the real Entra ID; the API trusts an emulator.',
        fix: 'Point the client at the emulator, or the API at the real tenant.',
      }
}

function otherCloud(evidence: Evidence, claims: Json): Story | undefined {
  const cloud = cloudOf(textOf(claims, 'iss') ?? '')
  const expected = expectedIssuer(evidence)
  if (expected === undefined || cloud === undefined || cloud === 'global') return undefined
  return {
    why: `The token comes from another cloud of Microsoft: ${cloud}.`,
    fix: 'Use the token service of the same cloud as the API, or set the cloud of the API.',
    code: `cloud: '${cloud}'`,
  }
}

function otherTenant(evidence: Evidence, claims: Json): Story | undefined {
  const tenant = textOf(claims, 'tid')
  if (tenant === undefined || expectedIssuer(evidence) === undefined) return undefined
  return {
    why: `The token comes from the tenant ${printable(tenant, 40)}, and the API trusts another.`,
    fix: 'Let the client use the authority of the tenant of the API. For tokens of several tenants use entraMultiTenant.',
    code: `entraMultiTenant({ allowedTenants: ['${printable(tenant, 40)}'], clientId: '…' })`,
    portal: 'App registrations > the API > Authentication > Supported account types',
  }
}

function otherVersion(evidence: Evidence, claims: Json): Story | undefined {
  const audience = evidence.failed.find(({ code }) => code === 'audience_mismatch')
  const version = textOf(claims, 'ver')
  if (audience?.expected === undefined || (version !== '1.0' && version !== '2.0')) return undefined
  const aud = textOf(claims, 'aud') ?? ''
  const isSameApi = audience.expected
    .split(', ')
    .some((each) => each !== '' && aud !== each && idIn(each) === idIn(aud))
  if (!isSameApi || idIn(aud) === undefined) return undefined
  return {
    why: `It is the right API under its other name: v2.0 tokens have the client id as aud, v1.0 tokens an identifier URI. This one is v${version}.`,
    fix: 'Set clientId of the issuer, which implies both; or let the registration of the API choose the version.',
    code: `clientId: '${idIn(aud)}'`,
    portal:
      'App registrations > the API > Manifest: requestedAccessTokenVersion (2 is v2.0; null and 1 are v1.0)',
  }
}

function idIn(audience: string): string | undefined {
  return /^(?:api:\/\/)?([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\/?$/i.exec(audience)?.[1]?.toLowerCase()
}

function almostSameAudience(evidence: Evidence): Story | undefined {
  if (has(evidence, 'audience_mismatch', 'trailing_slash')) {
    return {
      why: 'aud differs from a configured audience by a slash at the end. They are compared to the letter.',
    }
  }
  if (has(evidence, 'audience_mismatch', 'letter_case')) {
    return {
      why: 'aud differs from a configured audience by upper and lower case. They are compared to the letter.',
    }
  }
  return undefined
}

function otherAudience(evidence: Evidence): Story | undefined {
  if (!has(evidence, 'audience_mismatch')) return undefined
  return {
    why: 'The token is for another API: the client asked for its scope or resource.',
    fix: 'Let the client ask for this API; or, if the value means this API, add it to audience, to the letter.',
    code: `scopes: ['${scopeOf(evidence)}']`,
  }
}

function unknownKey(evidence: Evidence, claims: Json): Story | undefined {
  if (!has(evidence, 'key_unknown')) return undefined
  if (originOf(textOf(claims, 'iss') ?? '') === 'emulator') {
    return {
      why: 'The emulator has another key than the one that signed this token: it was restarted since.',
      fix: 'Get a new token; or keep its keys from run to run.',
      code: 'countersign emulator --state emulator-state.json',
    }
  }
  return {
    why: 'The key is not in the key set of the issuer: it was withdrawn, or the token is from elsewhere.',
  }
}

/** Beyond this the clock is not the reason. */
const skewSeconds = 15 * 60

function wrongClock(evidence: Evidence, claims: Json): Story | undefined {
  const { now } = evidence
  const isEarly = has(evidence, 'token_not_yet_valid') || has(evidence, 'token_issued_in_future')
  const begin = Math.max(timeOf(claims, 'nbf') ?? -Infinity, timeOf(claims, 'iat') ?? -Infinity)
  if (!isEarly || begin === -Infinity) return undefined
  const times = `By this machine it is ${timeText(Math.floor(now))}; the token begins at ${timeText(begin)}, ${duration(begin - now)} later.`
  return begin - now > skewSeconds
    ? { why: times }
    : { why: `${times} One of the two clocks is wrong.`, fix: 'Let both machines keep time by NTP.' }
}

function expired(evidence: Evidence, claims: Json): Story | undefined {
  const until = timeOf(claims, 'exp')
  if (!has(evidence, 'token_expired') || until === undefined) return undefined
  const since = duration(evidence.now - until)
  return { why: `It expired ${since} ago, at ${timeText(until)}. The client kept it longer than it lives.` }
}

function tooManyGroups(evidence: Evidence, claims: Json): Story | undefined {
  const isOverage =
    Object.hasOwn(claims, 'hasgroups') || Object.hasOwn(Object(claims['_claim_names']), 'groups')
  if (!isOverage || !has(evidence, 'role_insufficient')) return undefined
  return {
    why: 'The user is in too many groups: Entra left them out of the token. What an API derives from groups is missing.',
    fix: 'Use app roles instead of groups, or only groups that are assigned to the application.',
    portal:
      'App registrations > the API > Token configuration > Edit groups claim > Groups assigned to the application',
  }
}

function otherKind(evidence: Evidence, claims: Json): Story | undefined {
  if (!has(evidence, 'kind_not_allowed')) return undefined
  return textOf(claims, 'scp') === undefined
    ? {
        why: "This is a client's own token (it has roles), and the route is for users (it demands a scope).",
        fix: 'If clients may call too, name the role that they need.',
        code: "requirePermission({ delegated: { scopes: '<scope>' }, application: { roles: '<role>' } })",
      }
    : {
        why: "This is a user's token (it has scopes), and the route is for clients themselves (it demands a role).",
        fix: 'If users may call too, name the scope that they need.',
        code: "requirePermission({ application: { roles: '<role>' }, delegated: { scopes: '<scope>' } })",
      }
}

function neverConsented(evidence: Evidence, claims: Json): Story | undefined {
  if (!has(evidence, 'scope_insufficient')) return undefined
  const carried = textOf(claims, 'scp') ?? textOf(claims, 'scope') ?? ''
  return {
    why: `The token carries ${carried === '' ? 'no scope' : `"${printable(carried)}"`}. The client did not ask for the other scope, or nobody consented to it.`,
    code: `scopes: ['${scopeOf(evidence)}']`,
  }
}
