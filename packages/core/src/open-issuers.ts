import { specificNames, type CompiledShape } from './shape.js'

/** An issuer from which anyone can obtain a token for an audience of their choice. */
interface OpenIssuer {
  readonly name: string
  readonly pattern: RegExp
  /** Why the audience alone protects nothing. */
  readonly reason: string
  /**
   * Claims that say whose token it is; at least one of them must be required, and all of an inner list together. Absent: a
   * claim of the application's own.
   */
  readonly pins?: readonly (string | readonly string[])[]
}

// Sources: the documentation of each issuer's token claims.
const openIssuers: readonly OpenIssuer[] = [
  {
    name: 'GitHub Actions',
    pattern: /^https:\/\/token\.actions\.(githubusercontent\.com|[a-z0-9-]+\.ghe\.com)(\/|$)/,
    reason: 'every workflow of every GitHub user gets tokens for any audience',
    pins: [
      'repository_id',
      'repository_owner_id',
      'repository',
      'repository_owner',
      'enterprise_id',
      'enterprise',
      'sub',
    ],
  },
  {
    name: 'GitLab',
    pattern: /^https:\/\/gitlab\.com(\/|$)/,
    reason: 'every job of every gitlab.com user gets tokens for any audience',
    pins: ['project_id', 'namespace_id', 'project_path', 'namespace_path', 'sub'],
  },
  {
    name: 'Google',
    pattern: /^(https:\/\/)?accounts\.google\.com$/,
    reason: 'every Google account and service account gets tokens for any audience',
    pins: ['sub', ['email', 'email_verified'], 'azp', 'hd'],
  },
  {
    name: 'Firebase',
    pattern: /^https:\/\/(securetoken\.google|session\.firebase\.google)\.com\//,
    reason: 'anyone who signs up at the project gets a token',
  },
  {
    name: 'Supabase',
    pattern: /^https:\/\/[a-z0-9-]+\.supabase\.(co|in)\/auth\/v1$/,
    reason: 'its audience only says that someone signed in, and anyone may sign up',
  },
  {
    name: 'Kubernetes',
    pattern:
      /^(https:\/\/kubernetes\.default\.svc(\.|\/|$)|https:\/\/oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(\.cn)?\/|https:\/\/[a-z0-9-]+\.oic\.prod-aks\.azure\.com\/|https:\/\/container\.googleapis\.com\/v1\/projects\/|kubernetes\/serviceaccount$)/,
    reason: 'everyone who may create a pod gets tokens for any audience',
    pins: ['sub', 'kubernetes.io'],
  },
  {
    name: 'Apple',
    pattern: /^https:\/\/(appleid|account)\.apple\.com$/,
    reason: 'anyone in the world can sign in',
    pins: ['sub', ['email', 'email_verified']],
  },
  {
    name: 'Slack',
    pattern: /^https:\/\/slack\.com$/,
    reason: 'anyone in the world can sign in',
    pins: ['https://slack.com/team_id', 'sub', 'email'],
  },
  {
    name: 'Login.gov',
    pattern: /^https:\/\/secure\.login\.gov\/?$/,
    reason: 'anyone in the world can sign in',
    pins: ['sub', 'email'],
  },
  {
    name: 'Bot Framework',
    pattern: /^https:\/\/api\.botframework\.com$/,
    reason: 'it sends messages of every user of a channel',
    pins: ['serviceurl'],
  },
]

/** Throws a TypeError where anyone can obtain a token of this issuer and no required claim says whose are accepted. */
export function checkIsPinned(what: string, issuer: string, requiredClaims: CompiledShape): void {
  const open = openIssuers.find(({ pattern }) => pattern.test(issuer))
  if (open === undefined) return
  const names = specificNames(requiredClaims)
  const isPinned =
    open.pins === undefined
      ? names.length > 0
      : open.pins.some((pin) => [pin].flat().every((name) => names.includes(name)))
  if (isPinned) return
  const pins =
    open.pins === undefined
      ? 'a claim of your own'
      : `one of ${open.pins.map((pin) => [pin].flat().join(' with ')).join(', ')}`
  throw new TypeError(
    `${what}: "requiredClaims" must name ${pins} with its value for ${open.name}: ${open.reason}`,
  )
}
