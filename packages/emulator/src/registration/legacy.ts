/*
 * The manifest of an application has had two sets of names: those of Azure AD Graph, which the portal exported for
 * years, and those of Microsoft Graph. Names of Azure AD Graph are replaced by those of Microsoft Graph.
 */

type Members = Record<string, unknown>

const isRecord = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Members of Azure AD Graph that are renamed or have no effect here. */
const meaningless = [
  'acceptMappedClaims',
  'accessTokenAcceptedVersion',
  'allowPublicClient',
  'errorUrl',
  'homePageUrl',
  'informationalUrls',
  'keyCredentials',
  'knownClientApplications',
  'logoUrl',
  'logoutUrl',
  'name',
  'oauth2AllowIdTokenImplicitFlow',
  'oauth2AllowImplicitFlow',
  'oauth2AllowUrlPathMatching',
  'oauth2Permissions',
  'oauth2RequirePostResponse',
  'orgRestrictions',
  'passwordCredentials',
  'preAuthorizedApplications',
  'replyUrlsWithType',
  'samlMetadataUrl',
  'signInUrl',
] as const

/** A manifest with any of these members is one of Azure AD Graph. */
const signs = [
  'replyUrlsWithType',
  'oauth2Permissions',
  'accessTokenAcceptedVersion',
  'oauth2AllowImplicitFlow',
]

/** A registration whose applications all have the names of Microsoft Graph. */
export function withGraphNames(registration: unknown): unknown {
  if (!isRecord(registration) || !Array.isArray(registration['applications'])) return registration
  return {
    ...registration,
    applications: registration['applications'].map((application: unknown) =>
      isRecord(application) && signs.some((sign) => Object.hasOwn(application, sign))
        ? converted(application)
        : application,
    ),
  }
}

function converted(manifest: Members): Members {
  const kept = Object.fromEntries(
    Object.entries(manifest).filter(([name]) => !meaningless.some((other) => other === name)),
  )
  const addresses = (type: string): unknown[] =>
    list(manifest['replyUrlsWithType']).flatMap((reply) =>
      isRecord(reply) && reply['type'] === type ? [reply['url']] : [],
    )
  const idToken = manifest['oauth2AllowIdTokenImplicitFlow']
  return {
    ...kept,
    ...named('displayName', manifest['displayName'] ?? manifest['name']),
    ...named('isFallbackPublicClient', manifest['allowPublicClient']),
    ...named('passwordCredentials', list(manifest['passwordCredentials']).map(secret)),
    ...named('keyCredentials', list(manifest['keyCredentials']).filter(hasKey).map(certificate)),
    web: {
      redirectUris: addresses('Web'),
      ...named('logoutUrl', manifest['logoutUrl']),
      implicitGrantSettings: { enableIdTokenIssuance: idToken === true },
    },
    spa: { redirectUris: addresses('Spa') },
    publicClient: { redirectUris: addresses('InstalledClient') },
    api: {
      requestedAccessTokenVersion: manifest['accessTokenAcceptedVersion'] ?? null,
      oauth2PermissionScopes: list(manifest['oauth2Permissions']),
      knownClientApplications: list(manifest['knownClientApplications']),
      preAuthorizedApplications: list(manifest['preAuthorizedApplications']).map(preAuthorized),
      ...named('acceptMappedClaims', manifest['acceptMappedClaims']),
    },
  }
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function named(name: string, value: unknown): Members {
  return value === undefined ? {} : { [name]: value }
}

function secret(value: unknown): unknown {
  if (!isRecord(value)) return value
  const { value: secretText, startDate, endDate } = value
  return {
    ...named('secretText', secretText),
    ...named('startDateTime', startDate),
    ...named('endDateTime', endDate),
  }
}

/** The portal exports a certificate without its public key: no assertion can be verified with it. */
function hasKey(value: unknown): boolean {
  return isRecord(value) && typeof value['value'] === 'string'
}

function certificate(value: unknown): unknown {
  if (!isRecord(value)) return value
  const { value: key, startDate, endDate } = value
  return { key, ...named('startDateTime', startDate), ...named('endDateTime', endDate) }
}

function preAuthorized(value: unknown): unknown {
  if (!isRecord(value)) return value
  return {
    appId: value['appId'],
    delegatedPermissionIds: value['permissionIds'] ?? value['delegatedPermissionIds'],
  }
}
