import type { CodeExplanation as Explanation } from '@countersign/explanations/aadsts'

/** What was requested, for the person who reads an error. It names no user, no token and no secret. */
export interface FailedRequest {
  /** `app`: client credentials; `obo`: on behalf of a user; `session`: with the refresh token of a session. */
  readonly grant: 'app' | 'obo' | 'session'
  /** The target's resource, when the target named one. */
  readonly resource?: string
  /** The target's scopes, when the target named some. */
  readonly scopes?: readonly string[]
  /** This application's client id. */
  readonly clientId: string
  /** The token service, with the tenant and the version where it has them: an address without path of a token endpoint. */
  readonly authority: string
}

/** What a code of the token service means, who can fix it, and what to change. Fixed text of `@countersign/explanations`. */
export type CodeExplanation = Explanation

const grants = {
  app: 'for the application',
  obo: 'on behalf of a user',
  session: 'with a refresh token of a session',
} as const satisfies Record<FailedRequest['grant'], string>

/** Reasons that say more than the cause in the table. */
const hints: Readonly<Record<string, string>> = {
  secret_id:
    'The configured secret is a GUID. That is the form of the Secret ID, not of the secret: the secret is the Value beside it.',
  secret_white_space:
    'The configured secret begins or ends with white space. A secret that is read from a file often ends with a line break: remove it.',
}

/** The message for the person who can fix it: what happened, the cause, what to change, and what was requested. */
export function diagnose(
  message: string,
  {
    reason,
    explanation,
    refusedScopes,
    request,
  }: {
    readonly reason?: string | undefined
    readonly explanation?: CodeExplanation | undefined
    readonly refusedScopes?: readonly string[] | undefined
    readonly request?: FailedRequest | undefined
  },
): string {
  const hint = reason === undefined ? undefined : hints[reason]
  return [
    reason === undefined || hint !== undefined ? `${message}.` : `${message} (${reason}).`,
    ...(refusedScopes === undefined || refusedScopes.length === 0
      ? []
      : [`The service refuses ${list(refusedScopes)}.`]),
    ...(hint === undefined ? [explanation?.cause ?? []].flat() : [hint]),
    ...[explanation?.fix ?? []].flat(),
    ...(explanation?.portal === undefined ? [] : [`Portal: ${explanation.portal}.`]),
    ...(request === undefined ? [] : [describe(request)]),
  ].join(' ')
}

function describe({ grant, resource, scopes, clientId, authority }: FailedRequest): string {
  const target = resource ?? list(scopes ?? [])
  return `[A token for ${target}, ${grants[grant]}; client ${clientId}; authority ${authority}]`
}

function list(words: readonly string[]): string {
  return words.map((word) => `"${word}"`).join(', ')
}

/** The requested scopes that the service's text names: the text itself may name users, and is not passed on. */
export function scopesNamedIn(
  description: string | undefined,
  { scopes = [] }: { readonly scopes?: readonly string[] },
): readonly string[] {
  if (description === undefined || scopes.length < 1) return []
  const isNamed = (scope: string) => {
    const name = scope.slice(scope.lastIndexOf('/') + 1)
    return (
      description.includes(`'${scope}'`) ||
      description.includes(`'${name}'`) ||
      description.includes(` ${scope} `)
    )
  }
  return scopes.filter(isNamed)
}
