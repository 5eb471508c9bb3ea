import { claim } from './claims.js'
import { isJsonObject } from './json.js'
import type { Revoked } from './revocation-entry.js'

/** A user as the tokens of an issuer name it. */
export interface NamedUser {
  /** The issuer, as its tokens spell it. */
  readonly issuer: string
  /** The subject (`sub`). */
  readonly subject: string
}

/** Whose tokens a subject means, or why it means none. */
export type SubjectReading =
  | { readonly revoked: readonly Revoked[] }
  | { readonly fault: 'malformed' | 'not_matched' | 'issuer_not_bound' }

export interface SubjectRules {
  /** The issuer of the transmitter. */
  readonly transmitter: string
  /** Issuers of tokens that it may revoke. */
  readonly revokesFor: readonly string[]
  /** Finds the user of a subject that names no issuer and subject, such as an e-mail address. */
  readonly findUser: (subject: Readonly<Record<string, unknown>>) => Promise<NamedUser | undefined>
}

/**
 * Reads a subject identifier (RFC 9493, OpenID Shared Signals 1.0 section 3). A member that a complex subject lacks means
 * everyone, so only what is understood widens: a user or session that cannot be read matches nobody, and never everybody.
 */
export async function readSubject(
  subject: unknown,
  since: number,
  rules: SubjectRules,
): Promise<SubjectReading> {
  if (!isJsonObject(subject) || typeof claim(subject, 'format') !== 'string') return { fault: 'malformed' }
  if (claim(subject, 'format') !== 'complex') return readSimple(subject, since, rules)
  const session = claim(subject, 'session')
  const user = claim(subject, 'user')
  // A session is the narrower of the two; tokens that name none fall to the user.
  if (session !== undefined) return readSession(session, user, since, rules)
  if (user !== undefined) {
    return isJsonObject(user) ? readSimple(user, since, rules) : { fault: 'malformed' }
  }
  const names = Object.keys(subject).filter((name) => name !== 'format')
  if (names.length === 1 && names[0] === 'tenant') {
    // Which of an issuer's tokens are of this tenant is not known: all of them are meant.
    return { revoked: rules.revokesFor.map((issuer) => ({ allOfIssuer: issuer, since })) }
  }
  return { fault: names.length === 0 ? 'malformed' : 'not_matched' }
}

async function readSimple(
  subject: Readonly<Record<string, unknown>>,
  since: number,
  rules: SubjectRules,
): Promise<SubjectReading> {
  const issuer = claim(subject, 'iss')
  switch (claim(subject, 'format')) {
    case 'iss_sub': {
      const name = claim(subject, 'sub')
      if (!isText(issuer) || !isText(name)) return { fault: 'malformed' }
      return revokeUsers(boundIssuers(issuer, rules), name, since)
    }
    case 'jwt_id': {
      const id = claim(subject, 'jti')
      if (!isText(issuer) || !isText(id)) return { fault: 'malformed' }
      const issuers = boundIssuers(issuer, rules)
      if (issuers.length === 0) return { fault: 'issuer_not_bound' }
      return { revoked: issuers.map((each) => ({ token: id, issuer: each })) }
    }
    case 'aliases':
      return readAliases(claim(subject, 'identifiers'), since, rules)
    default: {
      const user = await rules.findUser(subject)
      if (user === undefined) return { fault: 'not_matched' }
      return revokeUsers(rules.revokesFor.includes(user.issuer) ? [user.issuer] : [], user.subject, since)
    }
  }
}

/** Several names of one subject (RFC 9493 section 3.2.8): every one of them that is understood counts. */
async function readAliases(names: unknown, since: number, rules: SubjectRules): Promise<SubjectReading> {
  const isList =
    Array.isArray(names) &&
    names.length > 0 &&
    names.every((name) => isJsonObject(name) && claim(name, 'format') !== 'aliases')
  if (!isList) return { fault: 'malformed' }
  const revoked: Revoked[] = []
  let fault: SubjectReading | undefined
  for (const name of names as readonly Readonly<Record<string, unknown>>[]) {
    const reading = await readSimple(name, since, rules)
    if ('revoked' in reading) revoked.push(...reading.revoked)
    else fault ??= reading
  }
  return revoked.length === 0 && fault !== undefined ? fault : { revoked }
}

function revokeUsers(issuers: readonly string[], subject: string, since: number): SubjectReading {
  if (issuers.length === 0) return { fault: 'issuer_not_bound' }
  return { revoked: issuers.map((issuer) => ({ user: { issuer, subject }, since })) }
}

function readSession(session: unknown, user: unknown, since: number, rules: SubjectRules): SubjectReading {
  if (!isJsonObject(session)) return { fault: 'malformed' }
  const id = claim(session, 'id')
  if (claim(session, 'format') !== 'opaque' || !isText(id)) return { fault: 'not_matched' }
  const issuer = isJsonObject(user) ? claim(user, 'iss') : undefined
  const issuers = isText(issuer) ? boundIssuers(issuer, rules) : rules.revokesFor
  if (issuers.length === 0) return { fault: 'issuer_not_bound' }
  const subject = isJsonObject(user) && claim(user, 'format') === 'iss_sub' ? claim(user, 'sub') : undefined
  const owner = isText(subject) ? { subject, since } : {}
  return { revoked: issuers.map((each) => ({ session: id, issuer: each, ...owner })) }
}

/** A transmitter speaks of its own users under its own name, whatever the issuers of their tokens are called. */
function boundIssuers(issuer: string, { revokesFor, transmitter }: SubjectRules): readonly string[] {
  if (revokesFor.includes(issuer)) return [issuer]
  return issuer === transmitter ? revokesFor : []
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 1024
}
