import { clock } from './clock.js'
import { apiClientId, genericAudience, genericIssuer, secondTenantId, tenantId } from './identities.js'
import type { Issuer } from './issuer.js'

/** Which trusted issuer the validator of a row is built with. */
export type SetupName = 'entra' | 'entraMultiTenant' | 'oidc'

/** Validator options a row sets beside its issuer. Plain data, so that equal ones can share a server. */
export interface RowOptions {
  readonly allowedClients?: readonly string[]
  readonly clockToleranceSeconds?: number
  readonly maxTokenAgeSeconds?: number
  readonly maxTokenBytes?: number
  readonly permission?: Permission
  readonly deniedKeys?: readonly string[]
}

/** Expected members, as plain data. */
export interface RowShape {
  readonly [name: string]: string | number | readonly (string | number)[] | RowShape
}

/** Algorithms of an RSA key. */
export type RsaAlgorithm = 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512'

/** Settings a row gives the generic issuer itself. */
export interface RowIssuerOptions {
  readonly audienceClaim?: string
  readonly acceptMissingAudience?: boolean
  readonly requiredClaims?: RowShape
  readonly claims?: { readonly clientId?: string; readonly scopes?: string; readonly roles?: string }
  readonly algorithms?: readonly RsaAlgorithm[]
  readonly tokenType?: 'rfc9068' | { readonly header?: RowShape; readonly claims?: RowShape }
}

/** A permission in the form of core's. */
export type Permission =
  | {
      readonly delegated?: { readonly scopes?: string | string[]; readonly roles?: string | string[] }
      readonly application?: { readonly roles: string | string[] }
    }
  | { readonly scopes: string | string[]; readonly roles?: string | string[] }

/** The factories of trusted issuers, passed in by the package under test: this one imports none of our packages. */
export interface IssuerMakers<TrustedIssuer> {
  entra(options: { tenantId: string; clientId: string; cloud: Issuer['cloud'] }): TrustedIssuer
  entraMultiTenant(options: {
    allowedTenants: string[]
    clientId: string
    cloud: Issuer['cloud']
  }): TrustedIssuer
  oidcIssuer(options: { issuer: string; metadataUrl: string } & RowIssuerOptions): TrustedIssuer
}

/** Options a validator is built from. */
export interface SetupOptions<TrustedIssuer> extends RowOptions {
  readonly issuer: TrustedIssuer
  readonly audience?: string
  readonly clock: () => number
}

/** The validator of a request. */
export interface Situation {
  /** The issuer it trusts. */
  readonly setup: SetupName
  readonly issuerOptions?: RowIssuerOptions
  /** Options beyond the set-up. */
  readonly options?: RowOptions
  /** What the route requires. */
  readonly permission?: Permission
}

/** The set-up every row of that name assumes: this tenant, this API, the fixed clock, keys from this server. */
export function setupOptions<TrustedIssuer>(
  makers: IssuerMakers<TrustedIssuer>,
  row: Situation,
  { cloud, genericMetadataUrl }: Pick<Issuer, 'cloud' | 'genericMetadataUrl'>,
): SetupOptions<TrustedIssuer> {
  const common = { clock, ...row.options }
  switch (row.setup) {
    case 'entra':
      return { issuer: makers.entra({ tenantId, clientId: apiClientId, cloud }), ...common }
    case 'entraMultiTenant': {
      const allowedTenants = [tenantId, secondTenantId]
      return { issuer: makers.entraMultiTenant({ allowedTenants, clientId: apiClientId, cloud }), ...common }
    }
    case 'oidc': {
      const issuer = makers.oidcIssuer({
        issuer: genericIssuer,
        metadataUrl: genericMetadataUrl,
        ...row.issuerOptions,
      })
      return { issuer, audience: genericAudience, ...common }
    }
  }
}
