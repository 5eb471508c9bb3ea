import { checks, type Check, type CheckName, type Evaluation } from './checks.js'
import { isBearerError, type BearerError, type RefusalCode } from './errors.js'

/** What one check said. */
export interface CheckVerdict {
  readonly check: CheckName
  /** `not_reached`: it reads what a failed check should have found. */
  readonly verdict: 'passed' | 'failed' | 'not_reached'
  readonly code?: RefusalCode
  readonly claim?: string
  readonly reason?: string
  /** What this API accepts, from its configuration. */
  readonly expected?: string
  /** What the token has, for members that identify no person; bounded, and safe to print. */
  readonly found?: string
}

/** Every check's verdict on one token. Meant for the person who holds the token, not for its sender. */
export interface Explanation {
  readonly accepted: boolean
  /** What a request with this token is refused with: the first check that failed. */
  readonly refusal?: {
    readonly code: RefusalCode
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
  }
  readonly checks: readonly CheckVerdict[]
}

/**
 * Runs the same checks as a request does, and goes on after a failure with those that do not depend on it. What a later
 * check says of a token whose signature failed is about its words, not about their truth.
 */
export async function explain(evaluation: Evaluation): Promise<Explanation> {
  const verdicts: CheckVerdict[] = []
  const failed = new Set<CheckName>()
  let refusal: BearerError | undefined
  for (const check of checks) {
    if (check.needs.some((name) => failed.has(name))) {
      failed.add(check.name)
      verdicts.push({ check: check.name, verdict: 'not_reached' })
      continue
    }
    const fault = await faultOf(check, evaluation)
    const shown = { ...expectedBy(check.name, evaluation), ...foundBy(check.name, evaluation) }
    if (fault === undefined) {
      verdicts.push({ check: check.name, verdict: 'passed', ...shown })
      continue
    }
    refusal ??= fault
    failed.add(check.name)
    const { code, claim, reason } = fault
    verdicts.push({
      check: check.name,
      verdict: 'failed',
      code,
      ...(claim === undefined ? {} : { claim }),
      ...(reason === undefined ? {} : { reason }),
      ...shown,
    })
  }
  if (refusal === undefined) return { accepted: true, checks: verdicts }
  const { code, status, headers } = refusal
  return { accepted: false, refusal: { code, status, headers }, checks: verdicts }
}

async function faultOf(check: Check, evaluation: Evaluation): Promise<BearerError | undefined> {
  try {
    await check.run(evaluation)
    return undefined
  } catch (error) {
    if (isBearerError(error)) return error
    throw error
  }
}

function expectedBy(name: CheckName, { at, recognition, issuers, now }: Evaluation): { expected?: string } {
  switch (name) {
    case 'algorithm':
      return at === undefined ? {} : { expected: at.issuer.algorithms.join(', ') }
    case 'issuer':
      return { expected: issuers.map(({ issuer }) => issuer.name).join(', ') }
    case 'audience':
      if (at === undefined || recognition === undefined) return {}
      return { expected: [...at.audience, ...at.issuer.impliedAudiences(recognition)].join(', ') }
    case 'client':
      return { expected: at?.allowedClients?.join(', ') ?? 'any client' }
    case 'lifetime':
      return { expected: `now ${timeText(now)}` }
    default:
      return {}
  }
}

/** A date as people read it; beyond what a date can hold, the number. */
function timeText(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.valueOf()) ? String(seconds) : date.toISOString()
}

/** Members that name applications, directories and moments, never a person. */
const shownBy: { readonly [N in CheckName]?: { header?: readonly string[]; claims?: readonly string[] } } = {
  algorithm: { header: ['alg'] },
  header: { header: ['typ'] },
  issuer: { claims: ['iss'] },
  tenant: { claims: ['tid', 'ver'] },
  key: { header: ['kid'] },
  lifetime: { claims: ['iat', 'nbf', 'exp'] },
  audience: { claims: ['aud'] },
  kind: { claims: ['idtyp', 'azpacr', 'appidacr', 'scp', 'roles'] },
  client: { claims: ['azp', 'appid', 'client_id'] },
  permission: { claims: ['scp', 'scope', 'roles'] },
}

const longestShown = 200

function foundBy(name: CheckName, { parts }: Evaluation): { found?: string } {
  const shown = shownBy[name]
  if (parts === undefined || shown === undefined) return {}
  const members = [
    ...read(parts.unverifiedHeader, shown.header ?? []),
    ...read(parts.unverifiedClaims, shown.claims ?? []),
  ]
  return members.length === 0 ? {} : { found: members.join(', ') }
}

function read(object: Readonly<Record<string, unknown>>, names: readonly string[]): string[] {
  return names
    .filter((name) => Object.hasOwn(object, name))
    .map((name) => `${name} ${printable(JSON.stringify(object[name]))}`)
}

/** Nothing that moves a terminal's cursor or breaks a page, and no more than a line of it. */
function printable(text: string): string {
  const safe = text.replaceAll(/[^\x20-\x7E]/g, '?')
  return safe.length > longestShown ? `${safe.slice(0, longestShown)}…` : safe
}
