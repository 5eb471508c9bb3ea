import { azureApis } from './azure-api-facts.js'

/** The shape of a registration file, for editors and for the check at start-up. */

const text = { type: 'string', minLength: 1, maxLength: 2048 }
const name = { type: 'string', minLength: 1, maxLength: 256 }
const guid = { type: 'string', format: 'uuid' }
const dateTime = { type: 'string', format: 'date-time' }
const nullable = (schema: object): object => ({ anyOf: [schema, { type: 'null' }] })
const list = (items: object): object => ({ type: 'array', items })
const record = (properties: object, required: readonly string[] = []): object => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
})

const redirectUris = record({ redirectUris: list(text) })

/** Members of an exported manifest that the emulator ignores, whatever their value. */
function withoutEffect(names: readonly string[]): Record<string, true> {
  return Object.fromEntries(names.map((member) => [member, true]))
}

const user = record(
  {
    id: guid,
    userPrincipalName: { type: 'string', pattern: '^[^\\s@]{1,64}@[^\\s@]{1,190}$' },
    displayName: name,
    givenName: name,
    surname: name,
    mail: name,
    otherMails: list(name),
    country: name,
    preferredLanguage: name,
    preferredDataLocation: name,
    onPremisesSecurityIdentifier: name,
    accountEnabled: { type: 'boolean' },
    userType: { enum: ['Member', 'Guest'] },
    guestOf: name,
    identityParentId: name,
    directoryRoles: list(name),
    passwordProfile: nullable(
      record({ password: nullable(text), forceChangePasswordNextSignIn: { type: 'boolean' } }),
    ),
    claims: { type: 'object' },
  },
  ['userPrincipalName'],
)

const tenant = record(
  {
    id: guid,
    displayName: name,
    domains: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'string',
        maxLength: 253,
        pattern: '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$',
      },
    },
    countryLetterCode: name,
    preferredLanguage: name,
    userConsent: { enum: ['allowed', 'disabled'] },
    users: list(user),
    groups: list(record({ id: guid, displayName: name, members: list(name) }, ['displayName'])),
    servicePrincipals: list(
      record(
        {
          appId: name,
          id: guid,
          accountEnabled: { type: 'boolean' },
          appRoleAssignmentRequired: { type: 'boolean' },
          mappedClaims: { type: 'object' },
        },
        ['appId'],
      ),
    ),
    oauth2PermissionGrants: list(
      record(
        {
          clientId: name,
          resourceId: name,
          scope: text,
          consentType: { enum: ['AllPrincipals', 'Principal'] },
          principalId: name,
        },
        ['clientId', 'resourceId', 'scope'],
      ),
    ),
    appRoleAssignments: list(
      record({ principalId: name, resourceId: name, appRoleId: name }, [
        'principalId',
        'resourceId',
        'appRoleId',
      ]),
    ),
    managedIdentities: list(
      record(
        { displayName: name, appId: guid, id: guid, type: { enum: ['systemAssigned', 'userAssigned'] } },
        ['displayName'],
      ),
    ),
    agentIdentities: list(
      record(
        { displayName: name, id: guid, agentIdentityBlueprintId: name, accountEnabled: { type: 'boolean' } },
        ['displayName', 'agentIdentityBlueprintId'],
      ),
    ),
    conditionalAccess: list(
      record(
        {
          id: guid,
          displayName: name,
          demand: {
            enum: [
              'mfa',
              'mfaEnrolment',
              'deviceAuthentication',
              'otherCondition',
              'externalControl',
              'compliantDevice',
              'joinedDevice',
              'block',
            ],
          },
          kind: { enum: ['user', 'workload'] },
          users: list(name),
          clients: list(name),
          resources: list(name),
        },
        ['displayName', 'demand'],
      ),
    ),
    authenticationContexts: list({ type: 'string', pattern: '^c[1-9][0-9]?$' }),
    signInFrequencySeconds: { type: 'integer', minimum: 1 },
  },
  ['domains'],
)

/** RFC 6749 §3.3: the characters of one scope. A slash or `.default` has a meaning of its own in a request. */
const permissionValue = {
  type: 'string',
  maxLength: 120,
  pattern: '^(?!\\.default$)[\\x21\\x23-\\x2e\\x30-\\x5b\\x5d-\\x7e]+$',
}

const optionalClaims = list(
  record({ name, additionalProperties: list(name), ...withoutEffect(['essential', 'source']) }, ['name']),
)

const application = record(
  {
    '@odata.type': { enum: ['#microsoft.graph.application', '#microsoft.graph.agentIdentityBlueprint'] },
    appId: guid,
    displayName: name,
    publisherDomain: nullable(name),
    signInAudience: {
      enum: [
        'AzureADMyOrg',
        'AzureADMultipleOrgs',
        'AzureADandPersonalMicrosoftAccount',
        'PersonalMicrosoftAccount',
      ],
    },
    identifierUris: list({
      type: 'string',
      maxLength: 255,
      pattern: '^[a-zA-Z][a-zA-Z0-9+.-]*:[\\x21\\x23-\\x5b\\x5d-\\x7e]+$',
    }),
    web: record({
      redirectUris: list(text),
      logoutUrl: nullable(text),
      implicitGrantSettings: record({
        enableIdTokenIssuance: { type: 'boolean' },
        enableAccessTokenIssuance: { type: 'boolean' },
      }),
      ...withoutEffect(['homePageUrl', 'redirectUriSettings']),
    }),
    spa: redirectUris,
    publicClient: redirectUris,
    isFallbackPublicClient: nullable({ type: 'boolean' }),
    passwordCredentials: list(
      record({
        displayName: nullable(name),
        secretText: nullable({ type: 'string', minLength: 1, maxLength: 1024 }),
        startDateTime: dateTime,
        endDateTime: dateTime,
        ...withoutEffect(['keyId', 'hint', 'customKeyIdentifier']),
      }),
    ),
    keyCredentials: list(
      record(
        {
          displayName: nullable(name),
          type: { const: 'AsymmetricX509Cert' },
          usage: { const: 'Verify' },
          key: { type: 'string', minLength: 1, maxLength: 16_384 },
          startDateTime: dateTime,
          endDateTime: dateTime,
          ...withoutEffect(['keyId', 'customKeyIdentifier']),
        },
        ['key'],
      ),
    ),
    federatedIdentityCredentials: {
      ...list(
        record(
          {
            name,
            issuer: text,
            subject: nullable(text),
            claimsMatchingExpression: nullable(
              record({ value: text, languageVersion: { const: 1 } }, ['value', 'languageVersion']),
            ),
            audiences: { type: 'array', minItems: 1, maxItems: 1, items: text },
            ...withoutEffect(['id', 'description', '@odata.context']),
          },
          ['issuer', 'audiences'],
        ),
      ),
      maxItems: 20,
    },
    requiredResourceAccess: list(
      record(
        {
          resourceAppId: name,
          resourceAccess: list(record({ id: name, type: { enum: ['Scope', 'Role'] } }, ['id', 'type'])),
        },
        ['resourceAppId', 'resourceAccess'],
      ),
    ),
    appRoles: list(
      record(
        {
          id: guid,
          value: permissionValue,
          displayName: name,
          description: text,
          allowedMemberTypes: { type: 'array', minItems: 1, items: { enum: ['User', 'Application'] } },
          isEnabled: { type: 'boolean' },
          ...withoutEffect(['origin', 'lang']),
        },
        ['value', 'allowedMemberTypes'],
      ),
    ),
    optionalClaims: nullable(
      record({ accessToken: optionalClaims, idToken: optionalClaims, ...withoutEffect(['saml2Token']) }),
    ),
    groupMembershipClaims: nullable({
      enum: ['None', 'SecurityGroup', 'All', 'DirectoryRole', 'ApplicationGroup'],
    }),
    api: record({
      requestedAccessTokenVersion: { enum: [1, 2, null] },
      oauth2PermissionScopes: list(
        record(
          {
            id: guid,
            value: permissionValue,
            type: { enum: ['User', 'Admin'] },
            isEnabled: { type: 'boolean' },
            adminConsentDisplayName: text,
            adminConsentDescription: text,
            userConsentDisplayName: nullable(text),
            userConsentDescription: nullable(text),
            ...withoutEffect(['origin', 'lang']),
          },
          ['value'],
        ),
      ),
      preAuthorizedApplications: list(
        record({ appId: name, delegatedPermissionIds: list(name) }, ['appId', 'delegatedPermissionIds']),
      ),
      knownClientApplications: list(name),
      acceptMappedClaims: nullable({ type: 'boolean' }),
    }),
    ...withoutEffect([
      '@odata.context',
      'id',
      'addIns',
      'applicationTemplateId',
      'authenticationBehaviors',
      'certification',
      'createdDateTime',
      'defaultRedirectUri',
      'deletedDateTime',
      'description',
      'disabledByMicrosoftStatus',
      'info',
      'isDeviceOnlyAuthSupported',
      'nativeAuthenticationApisEnabled',
      'notes',
      'parentalControlSettings',
      'requestSignatureVerification',
      'samlMetadataUrl',
      'serviceManagementReference',
      'servicePrincipalLockConfiguration',
      'tags',
      'tokenEncryptionKeyId',
      'uniqueName',
      'verifiedPublisher',
    ]),
  },
  ['displayName'],
)

export const registrationSchema: object = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Registration of the Countersign emulator',
  ...record(
    {
      $schema: { type: 'string' },
      tenants: { ...list(tenant), minItems: 1 },
      applications: list(application),
      azureApis: { anyOf: [{ const: 'all' }, list({ enum: azureApis })] },
    },
    ['tenants'],
  ),
}
