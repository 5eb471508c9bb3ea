import { type Check, type CheckName, type Evaluation } from './checks.js'
import {
  isBearerError,
  withChallenge,
  type BearerError,
  type ChallengeParameters,
  type RefusalCode,
} from './errors.js'
import { settingOf } from './settings-to-look-at.js'
import { describeShape } from './shape.js'

/** The result of one check. */
export interface CheckVerdict {
  /** Which check. */
  readonly check: CheckName
  /** `not_reached`: it reads what a failed check should have found. */
  readonly verdict: 'passed' | 'failed' | 'not_reached'
  /** The refusal, where it failed. */
  readonly code?: RefusalCode
  /** The claim or header member at fault, by name. */
  readonly claim?: string
  /** A fixed word that narrows the code. */
  readonly reason?: string
  /** The option that decides, where it failed: what to look at first. */
  readonly setting?: string
  /** What this API accepts, from its configuration. */
  readonly expected?: string
  /** What the token has, for members that identify no person; bounded, and safe to print. */
  readonly found?: string
}

/** The verdict of every check on one token. Meant for the person who asks, not for the caller who sent the token. */
export interface Explanation {
  /** Whether a request with this token is accepted. */
  readonly accepted: boolean
  /** What a request with this token is refused with: the first check that failed. */
  readonly refusal?: {
    /** A row of `refusals`. */
    readonly code: RefusalCode
    /** The HTTP status of the answer. */
    readonly status: number
    /** The headers of the answer. */
    readonly headers: Readonly<Record<string, string>>
  }
  /** The verdicts, in the order in which the checks run. */
  readonly checks: readonly CheckVerdict[]
}

/**
 * Runs the same checks as a request does, and continues after a failure with those that do not depend on it. What a later
 * check reports of a token whose signature failed describes the content of the token; it does not prove it.
 */
export async function explain(evaluation: Evaluation, challenge: ChallengeParameters): Promise<Explanation> {
  const verdicts: CheckVerdict[] = []
  const failed = new Set<CheckName>()
  const faults = new Map<CheckName, BearerError>()
  for (const check of evaluation.checks) {
    if (needsOf(check, evaluation).some((name) => failed.has(name))) {
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
    faults.set(check.name, fault)
    failed.add(check.name)
    const { code, claim, reason } = fault
    verdicts.push({
      check: check.name,
      verdict: 'failed',
      code,
      ...(claim === undefined ? {} : { claim }),
      ...(reason === undefined ? {} : { reason }),
      ...settingBy(check.name, fault),
      ...shown,
    })
  }
  const refusal = refusalOf(faults)
  if (refusal === undefined) return { accepted: true, checks: verdicts }
  const { code, status, headers } = withChallenge(refusal, challenge)
  return { accepted: false, refusal: { code, status, headers }, checks: verdicts }
}

/** A function of the application is asked about genuine tokens alone, as for a request. */
function needsOf({ name, needs }: Check, { permission, options }: Evaluation): readonly CheckName[] {
  const asks = [permission, options.permission].some((each) => each?.callsApplication === true)
  return name === 'permission' && asks ? [...needs, 'signature'] : needs
}

/** What a request is refused with: for its times or its audience before a fetch of keys is spent on it, else the first. */
function refusalOf(faults: ReadonlyMap<CheckName, BearerError>): BearerError | undefined {
  const [first] = faults.values()
  if (first?.code !== 'keys_unavailable') return first
  return faults.get('lifetime') ?? faults.get('audience') ?? first
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

function settingBy(name: CheckName, fault: BearerError): { setting?: string } {
  const setting = settingOf(fault, name)
  return setting === undefined ? {} : { setting }
}

function expectedBy(
  name: CheckName,
  { matchedIssuer, recognition, issuers, now, options, permission }: Evaluation,
): { expected?: string } {
  switch (name) {
    case 'algorithm':
      return matchedIssuer === undefined ? {} : { expected: matchedIssuer.rules.algorithms.join(', ') }
    case 'issuer':
      return { expected: issuers.map(({ rules }) => rules.name).join(', ') }
    case 'audience':
      if (matchedIssuer === undefined || recognition === undefined) return {}
      return {
        expected: [...matchedIssuer.audience, ...matchedIssuer.rules.impliedAudiences(recognition)].join(
          ', ',
        ),
      }
    case 'client':
      return { expected: matchedIssuer?.allowedClients?.join(', ') ?? 'any client' }
    case 'required_claims':
      return matchedIssuer?.requiredClaims === undefined
        ? {}
        : { expected: describeShape(matchedIssuer.requiredClaims) }
    case 'permission': {
      const texts = [options.permission?.text, permission?.text].filter((text) => text !== undefined)
      return texts.length === 0 ? {} : { expected: texts.join(' and ') }
    }
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

/** Members that identify applications, directories and times, never a person. */
const shownBy: { readonly [N in CheckName]?: { header?: readonly string[]; claims?: readonly string[] } } = {
  algorithm: { header: ['alg'] },
  header: { header: ['typ'] },
  issuer: { claims: ['iss'] },
  token_type: { header: ['typ'], claims: ['typ', 'token_use'] },
  tenant: { claims: ['tid', 'ver'] },
  key: { header: ['kid'] },
  lifetime: { claims: ['iat', 'nbf', 'exp'] },
  audience: { claims: ['aud'] },
  kind: { claims: ['idtyp', 'azpacr', 'appidacr', 'scp', 'roles'] },
  client: { claims: ['azp', 'appid', 'client_id', 'cid'] },
  permission: { claims: ['scp', 'scope', 'roles', 'acrs', 'acr', 'auth_time', 'xms_cc'] },
}

const maxShown = 200

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
  return safe.length > maxShown ? `${safe.slice(0, maxShown)}…` : safe
}
