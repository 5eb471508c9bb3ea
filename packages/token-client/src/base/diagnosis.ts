import type { CodeExplanation as Explanation } from '@countersign/explanations/aadsts'

/** What was requested, for the person who reads an error. It names no user, no token and no secret. */
export interface FailedRequest {
  /** `app`: client credentials; `obo`: on behalf of a user; `session`: with the refresh token of a session. */
  readonly grant: 'app' | 'obo' | 'session'
  /** The target's resource, when the target named one. */
  readonly resource?: string | readonly string[]
  /** The target's scopes, when the target named some. */
  readonly scopes?: readonly string[]
  /** This application's client id. */
  readonly clientId: string
  /** The token service: the origin, tenant and version of Entra, or the issuer. */
  readonly authority: string
}

/** What a code of the token service means, who can fix it, and what to change. Fixed text of `@countersign/explanations`. */
export type CodeExplanation = Explanation

const grants = {
  app: 'for the application',
  obo: 'on behalf of a user',
  session: 'with a refresh token of a session',
} as const satisfies Record<FailedRequest['grant'], string>

/** What is known about this client's credential, and says more than the cause in the table. */
const credentialHints: Readonly<Record<string, string>> = {
  secret_id:
    'The configured secret is a GUID. That is the form of a Secret ID; the secret is the Value beside it.',
  secret_white_space:
    'The configured secret begins or ends with white space. A secret that is read from a file often ends with a line break: remove it.',
}

const untrusted =
  'The certificate of the host is not trusted here. Where a proxy opens TLS, give Node its certificate authority with NODE_EXTRA_CA_CERTS.'

/** What to look at when there was no answer, by the code of the system error. */
const networkHints: Readonly<Record<string, string>> = {
  ENOTFOUND: 'There is no such host: check its name, and the DNS of this machine.',
  EAI_AGAIN: 'The DNS of this machine does not answer.',
  ECONNREFUSED: 'Nothing listens at this address, or a firewall refuses the connection.',
  ECONNRESET: 'The connection was closed without an answer.',
  ETIMEDOUT: 'There was no answer: check the firewall and the proxy.',
  UND_ERR_CONNECT_TIMEOUT: 'There was no answer: check the firewall and the proxy.',
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
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
  const hint = reason === undefined ? undefined : credentialHints[reason]
  const parts = [
    reason === undefined || hint !== undefined ? `${message}.` : `${message} (${reason}).`,
    (refusedScopes?.length ?? 0) > 0 && `The service refuses ${list(refusedScopes!)}.`,
    hint ?? explanation?.cause ?? (reason !== undefined && networkHints[reason]),
    explanation?.fix,
    explanation?.portal !== undefined && `Portal: ${explanation.portal}.`,
    request !== undefined && describe(request),
  ]
  return parts.filter((part) => typeof part === 'string').join(' ')
}

function describe({ grant, resource, scopes, clientId, authority }: FailedRequest): string {
  const resources = typeof resource === 'string' ? resource : list(resource ?? [])
  const target = [resources, list(scopes ?? [])].filter((one) => one !== '').join(' with ')
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
