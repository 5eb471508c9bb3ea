/**
 * Ready-made configurations of issuers whose facts are certain: each returns `oidcIssuer({ … })`, and shows how. Loaded only
 * where it is imported. `docs/issuers.md` has the configuration of further issuers, and the sources.
 */
import { claimPath } from './claim-source.js'
import type { Claims } from './claims.js'
import type { KindRule } from './generic-identity.js'
import type { IssuerSettings, TrustedIssuer } from './issuer.js'
import { oidcIssuer } from './oidc.js'
import { checkNames, checkObject, readString, readStringList } from './options-reader.js'
import { compileShape, present, specificNames, type Shape } from './shape.js'
import type { TokenKind } from './validated-token.js'

/** Settings that the ready-made issuers have in common. */
export interface ReadyMadeSettings extends IssuerSettings {
  /** The metadata document, where the API reaches it at another address than the issuer's. */
  readonly metadataUrl?: string | undefined
  /** The key set itself; no metadata is fetched then. */
  readonly jwksUri?: string | undefined
  /** The issuer's address inside a private network, as an origin: see `OidcIssuerOptions`. */
  readonly internalOrigin?: string | undefined
  /** Hosts from which metadata and keys are fetched over plain http: see `OidcIssuerOptions`. */
  readonly allowPlainHttpHosts?: readonly string[] | undefined
  /** How a client's own tokens are distinguished from users', where your issuer is set up to say more than the default knows. */
  readonly kind?: KindRule | undefined
}

const settingNames = [
  'audience',
  'allowedClients',
  'requiredClaims',
  'metadataUrl',
  'jwksUri',
  'internalOrigin',
  'allowPlainHttpHosts',
  'kind',
]

/** Options of `keycloak`. */
export interface KeycloakOptions extends ReadyMadeSettings {
  /** The realm: `https://id.example/realms/shop`, exactly as its tokens spell it. */
  readonly issuer: string
  /** A client of the realm whose roles count (`resource_access.<id>.roles`). Default: the roles of the realm count. */
  readonly rolesOfClient?: string | undefined
}

/**
 * A Keycloak realm. Access tokens are recognised by `typ` in the payload (`Bearer` or `DPoP`). Service accounts are not
 * distinguished from users: both have a subject, so both count as delegated unless `kind` says more. Throws a TypeError if an
 * option is wrong.
 *
 * @example
 * ```ts
 * import { keycloak } from '@countersign/core/issuers'
 *
 * const issuer = keycloak({
 *   issuer: 'https://id.example/realms/shop',
 *   audience: 'orders-api',
 *   rolesOfClient: 'orders-api',
 *   allowedClients: ['web-shop'],
 * })
 * ```
 */
export function keycloak(options: KeycloakOptions): TrustedIssuer {
  const what = 'keycloak'
  checkOptions(what, options, ['issuer', 'rolesOfClient'])
  const { rolesOfClient, ...settings } = options
  const roles =
    rolesOfClient === undefined
      ? claimPath('realm_access', 'roles')
      : claimPath('resource_access', readString(what, 'rolesOfClient', rolesOfClient), 'roles')
  return oidcIssuer({
    ...settings,
    // Keycloak before version 25 writes `nonce` into access tokens; `typ` is the surer mark.
    tokenType: { claims: { typ: ['Bearer', 'DPoP'] }, allowNonce: true },
    claims: { clientId: 'azp', roles },
  })
}

/** Options of `auth0`. */
export interface Auth0Options extends ReadyMadeSettings {
  /** The domain of the tenant, or its custom domain: `acme.eu.auth0.com`. */
  readonly domain: string
  /** Accept only tokens of members who signed in to one of these organizations (`org_id`). */
  readonly organizations?: string | readonly string[] | undefined
}

/**
 * An Auth0 tenant. `audience` is the identifier of the API. Permissions of users and applications (`permissions`) are read
 * as roles: without them `scope` says what the client asked for, and not what the user may do. Throws a TypeError if an
 * option is wrong.
 *
 * @example
 * ```ts
 * import { auth0 } from '@countersign/core/issuers'
 *
 * const issuer = auth0({ domain: 'acme.eu.auth0.com', audience: 'https://api.example' })
 * ```
 */
export function auth0(options: Auth0Options): TrustedIssuer {
  const what = 'auth0'
  checkOptions(what, options, ['domain', 'organizations'])
  const { domain, organizations, requiredClaims, ...settings } = options
  return oidcIssuer({
    kind: kindOfAuth0,
    ...settings,
    issuer: `https://${readHost(what, 'domain', domain)}/`,
    claims: { roles: 'permissions' },
    ...requiring(requiredClaims, organizations === undefined ? undefined : { org_id: organizations }),
  })
}

/** The subject of a client's own token is `<client id>@clients` (Auth0, "Access Token Profiles"). */
function kindOfAuth0({ sub, azp, client_id: clientId = azp }: Claims): TokenKind {
  if (typeof sub !== 'string') return 'unknown'
  if (!sub.endsWith('@clients')) return 'delegated'
  // A user of a database of one's own may have any name.
  return typeof clientId === 'string' && sub === `${clientId}@clients` ? 'application' : 'unknown'
}

/** Options of `okta`. */
export interface OktaOptions extends ReadyMadeSettings {
  /** A custom authorization server: `https://acme.okta.com/oauth2/default`. */
  readonly issuer: string
}

/**
 * A custom authorization server of Okta. One audience serves the whole server, so pin `allowedClients` where that matters.
 * Throws a TypeError if an option is wrong, and for the server of the organization, whose tokens are for Okta itself.
 *
 * @example
 * ```ts
 * import { okta } from '@countersign/core/issuers'
 *
 * const issuer = okta({
 *   issuer: 'https://acme.okta.com/oauth2/default',
 *   audience: 'api://default',
 *   allowedClients: ['0oa1b2c3d4'],
 * })
 * ```
 */
export function okta(options: OktaOptions): TrustedIssuer {
  const what = 'okta'
  checkOptions(what, options, ['issuer'])
  if (!/^https:\/\/[^/]+\/oauth2\/[^/]+$/.test(readString(what, 'issuer', options.issuer))) {
    throw new TypeError(
      `${what}: "issuer" must be a custom authorization server, as in https://acme.okta.com/oauth2/default`,
    )
  }
  return oidcIssuer({
    kind: kindOfOkta,
    ...options,
    tokenType: { claims: { cid: present } },
    claims: { clientId: 'cid', scopes: 'scp' },
  })
}

/** `uid` is the id of the user, and absent where a client acts as itself (Okta, "Token exchange"). */
function kindOfOkta({ uid, sub, cid }: Claims): TokenKind {
  if (typeof uid === 'string') return 'delegated'
  return sub === cid ? 'application' : 'unknown'
}

/** Options of `cognito`. */
export interface CognitoOptions extends Omit<ReadyMadeSettings, 'audience'> {
  /** The region of the user pool: `eu-central-1`. */
  readonly region: string
  /** The id of the user pool: `eu-central-1_Ab12Cd34E`. */
  readonly userPoolId: string
  /**
   * Ids of the app clients that may call, whatever the audience. They are the audience where a token has no `aud`, which is
   * Cognito's default. Required unless `audience` is set.
   */
  readonly clientIds?: string | readonly string[] | undefined
  /** Identifiers of this API, compared where a token has `aud`: where clients send `resource` (RFC 8707). */
  readonly audience?: string | readonly string[] | undefined
}

/**
 * A user pool of Amazon Cognito. Access tokens are recognised by `token_use`. Throws a TypeError if an option is wrong. It
 * does not check `scope`, which Cognito prefixes with the resource server's identifier: that is a permission.
 *
 * @example
 * ```ts
 * import { cognito } from '@countersign/core/issuers'
 *
 * const issuer = cognito({
 *   region: 'eu-central-1',
 *   userPoolId: 'eu-central-1_Ab12Cd34E',
 *   clientIds: ['4h1rk3example'],
 * })
 * ```
 */
export function cognito(options: CognitoOptions): TrustedIssuer {
  const what = 'cognito'
  checkOptions(what, options, ['region', 'userPoolId', 'clientIds'])
  const { region, userPoolId, clientIds, audience, ...settings } = options
  if (!/^[a-z]{2,4}(-[a-z]+)+-\d$/.test(readString(what, 'region', region))) {
    throw new TypeError(`${what}: "region" must be the name of a region, as in eu-central-1`)
  }
  if (!/^[\w-]+_[A-Za-z0-9]+$/.test(readString(what, 'userPoolId', userPoolId))) {
    throw new TypeError(`${what}: "userPoolId" must be the id of a user pool, as in eu-central-1_Ab12Cd34E`)
  }
  if (clientIds === undefined && audience === undefined) {
    throw new TypeError(
      `${what}: "clientIds" must name the app clients that may call, or "audience" this API`,
    )
  }
  const clients = clientIds === undefined ? [] : readStringList(what, 'clientIds', clientIds)
  const audiences = audience === undefined ? [] : readStringList(what, 'audience', audience)
  return oidcIssuer({
    kind: kindOfCognito,
    ...(clientIds === undefined ? {} : { allowedClients: clients }),
    ...settings,
    issuer: `https://cognito-idp.${region}.amazonaws.com/${userPoolId}`,
    audience: [...clients, ...audiences],
    audienceClaim: 'client_id',
    tokenType: { claims: { token_use: 'access' } },
    claims: { clientId: 'client_id', groups: 'cognito:groups' },
  })
}

/** A user's access token has `username`; a client's own has its id as subject. */
function kindOfCognito(claims: Claims): TokenKind {
  if (typeof claims.username === 'string') return 'delegated'
  return claims.sub === claims.client_id ? 'application' : 'unknown'
}

/** Options of `gitHubActions`. */
export interface GitHubActionsOptions extends Omit<
  ReadyMadeSettings,
  'allowedClients' | 'requiredClaims' | 'kind'
> {
  /** The value of `aud` that workflows ask for. It proves nothing alone: any workflow may ask for it. */
  readonly audience: string | readonly string[]
  /** Whose workflows may call: at least a repository or its owner, best by `repository_id` or `repository_owner_id`. */
  readonly requiredClaims: Shape
  /** The issuer of an enterprise or of GitHub Enterprise. Default: `https://token.actions.githubusercontent.com`. */
  readonly issuer?: string | undefined
}

/**
 * Workflows of GitHub Actions. A workflow acts as itself. Throws a TypeError if an option is wrong, and where no required
 * claim names a repository or its owner: every GitHub user can get a token for any audience.
 *
 * @example
 * ```ts
 * import { gitHubActions } from '@countersign/core/issuers'
 *
 * const issuer = gitHubActions({
 *   audience: 'https://deploy.example',
 *   requiredClaims: { repository_id: '123456789', ref: 'refs/heads/main' },
 * })
 * ```
 */
export function gitHubActions(options: GitHubActionsOptions): TrustedIssuer {
  const what = 'gitHubActions'
  checkOptions(what, options, ['issuer'])
  requirePin(what, options.requiredClaims, gitHubPins)
  return oidcIssuer({
    ...options,
    issuer: options.issuer ?? 'https://token.actions.githubusercontent.com',
    kind: () => 'application',
  })
}

const gitHubPins = ['repository_id', 'repository_owner_id', 'repository', 'repository_owner', 'enterprise_id']

/** Options of `kubernetes`. */
export interface KubernetesOptions extends Omit<
  ReadyMadeSettings,
  'allowedClients' | 'requiredClaims' | 'kind'
> {
  /** The issuer of the cluster (`--service-account-issuer` of its API server). */
  readonly issuer: string | readonly string[]
  /** The value of `aud` that the pod's token is projected with. It proves nothing alone: any pod may ask for it. */
  readonly audience: string | readonly string[]
  /** The service accounts that may call, as `namespace/name`. */
  readonly serviceAccounts: string | readonly string[]
}

/**
 * Service accounts of a Kubernetes cluster, by their projected tokens. A service account acts as itself, and its name is the
 * client id. Throws a TypeError if an option is wrong. It does not check whether the pod still exists: that needs the
 * cluster's TokenReview API.
 *
 * @example
 * ```ts
 * import { kubernetes } from '@countersign/core/issuers'
 *
 * const issuer = kubernetes({
 *   issuer: 'https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF',
 *   audience: 'orders-api',
 *   serviceAccounts: ['shop/checkout'],
 * })
 * ```
 */
export function kubernetes(options: KubernetesOptions): TrustedIssuer {
  const what = 'kubernetes'
  checkOptions(what, options, ['issuer', 'serviceAccounts'])
  const { serviceAccounts, ...settings } = options
  const accounts = readStringList(what, 'serviceAccounts', serviceAccounts)
  if (!accounts.every((account) => /^[a-z0-9.-]+\/[a-z0-9.-]+$/.test(account))) {
    throw new TypeError(`${what}: "serviceAccounts" must be of the form namespace/name`)
  }
  return oidcIssuer({
    ...settings,
    requiredClaims: {
      sub: accounts.map((account) => `system:serviceaccount:${account.replace('/', ':')}`),
      'kubernetes.io': { namespace: present },
    },
    claims: { clientId: 'sub' },
    kind: () => 'application',
  })
}

/** Options of `azureB2c`. */
export interface AzureB2cOptions extends Omit<
  ReadyMadeSettings,
  'audience' | 'metadataUrl' | 'jwksUri' | 'internalOrigin' | 'allowPlainHttpHosts'
> {
  /** The host of the tenant: `contoso.b2clogin.com`, or a custom domain. */
  readonly domain: string
  /** The GUID of the tenant. */
  readonly tenantId: string
  /** The user flows and custom policies whose tokens are accepted: `B2C_1_sign_in`. Their key sets differ. */
  readonly policies: string | readonly string[]
  /** The application (client) id of the API, which is the audience. */
  readonly clientId: string | readonly string[]
}

/**
 * An Azure AD B2C tenant. All policies share one issuer, so the policy is compared by `tfp`. Access tokens are recognised by
 * `scp`: tokens that a client got as itself are refused. Throws a TypeError if an option is wrong.
 *
 * @example
 * ```ts
 * import { azureB2c } from '@countersign/core/issuers'
 *
 * const issuer = azureB2c({
 *   domain: 'contoso.b2clogin.com',
 *   tenantId: '11111111-1111-4111-8111-111111111111',
 *   policies: ['B2C_1_sign_in'],
 *   clientId: '22222222-2222-4222-8222-222222222222',
 * })
 * ```
 */
export function azureB2c(options: AzureB2cOptions): TrustedIssuer {
  const what = 'azureB2c'
  checkOptions(
    what,
    options,
    ['domain', 'tenantId', 'policies', 'clientId'],
    ['audience', 'metadataUrl', 'jwksUri', 'internalOrigin', 'allowPlainHttpHosts'],
  )
  const { domain, tenantId, policies, clientId, requiredClaims, ...settings } = options
  const host = readHost(what, 'domain', domain)
  const tenant = readString(what, 'tenantId', tenantId).toLowerCase()
  if (!/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(tenant)) {
    throw new TypeError(`${what}: "tenantId" must be the GUID of the tenant`)
  }
  const names = readStringList(what, 'policies', policies)
  if (!names.every((policy) => /^[\w-]+$/.test(policy))) {
    throw new TypeError(`${what}: "policies" must hold names of user flows or custom policies`)
  }
  return oidcIssuer({
    kind: { delegated: { scp: present } },
    ...settings,
    issuer: [
      `https://${host}/${tenant}/v2.0/`,
      ...names.map((policy) => `https://${host}/tfp/${tenant}/${policy.toLowerCase()}/v2.0/`),
    ],
    metadataUrl: names.map(
      (policy) => `https://${host}/${tenant}/${policy}/v2.0/.well-known/openid-configuration`,
    ),
    audience: clientId,
    // Its access tokens may carry `nonce`; `scp` distinguishes them from id tokens.
    tokenType: { claims: { scp: present }, allowNonce: true },
    claims: { clientId: 'azp', scopes: 'scp' },
    ...requiring(requiredClaims, { tfp: names }),
  })
}

/** Options of `adfs`. */
export interface AdfsOptions extends ReadyMadeSettings {
  /** The host of the federation service: `fs.contoso.example`. */
  readonly domain: string
  /** The identifier of the federation service, which access tokens name. Default: `http://<domain>/adfs/services/trust`. */
  readonly issuer?: string | undefined
}

/**
 * Active Directory Federation Services 2016 or later. Access tokens name the identifier of the federation service as
 * issuer, id tokens its address: only the first is accepted. Its access tokens have no subject, so their kind is unknown
 * unless `kind` says more. Throws a TypeError if an option is wrong.
 *
 * @example
 * ```ts
 * import { adfs } from '@countersign/core/issuers'
 *
 * const issuer = adfs({
 *   domain: 'fs.contoso.example',
 *   audience: 'microsoft:identityserver:22222222-2222-4222-8222-222222222222',
 * })
 * ```
 */
export function adfs(options: AdfsOptions): TrustedIssuer {
  const what = 'adfs'
  checkOptions(what, options, ['domain', 'issuer'])
  const { domain, issuer, metadataUrl, jwksUri, ...settings } = options
  const host = readHost(what, 'domain', domain)
  return oidcIssuer({
    ...settings,
    issuer: issuer ?? `http://${host}/adfs/services/trust`,
    ...(jwksUri === undefined
      ? {
          metadataUrl: metadataUrl ?? `https://${host}/adfs/.well-known/openid-configuration`,
          metadataIssuer: `https://${host}/adfs`,
        }
      : { jwksUri }),
    claims: { clientId: 'appid', scopes: 'scp' },
  })
}

function checkOptions(
  what: string,
  options: object,
  names: readonly string[],
  without: readonly string[] = [],
): void {
  checkObject(what, options)
  checkNames(what, options, [...names, ...settingNames.filter((name) => !without.includes(name))])
}

function readHost(what: string, name: string, value: unknown): string {
  const host = readString(what, name, value)
  if (/^[a-z0-9.-]+$/i.test(host)) return host.toLowerCase()
  throw new TypeError(`${what}: "${name}" must be a host name, without https:// and without a path`)
}

/** The required claims of an application beside those of the issuer, which it cannot replace. */
function requiring(own: Shape | undefined, ofIssuer: Shape | undefined): { requiredClaims?: Shape } {
  if (own === undefined && ofIssuer === undefined) return {}
  return { requiredClaims: { ...own, ...ofIssuer } }
}

function requirePin(what: string, requiredClaims: unknown, pins: readonly string[]): void {
  const names = specificNames(compileShape(what, 'requiredClaims', requiredClaims))
  if (pins.some((name) => names.includes(name))) return
  throw new TypeError(
    `${what}: "requiredClaims" must name one of ${pins.join(', ')}: any workflow can get a token`,
  )
}
