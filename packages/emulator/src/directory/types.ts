import type { KeyObject } from 'node:crypto'
import type { Period } from '../base/period.js'
import type { ApplicationRegistration, SignInAudience } from '../registration/types.js'

/** A version of access tokens. */
export type Version = '1.0' | '2.0'

/** The platform a redirect URI is registered for decides how its client must redeem. */
export type Platform = 'web' | 'spa' | 'publicClient'

/** A delegated permission that an API offers. */
export interface Scope {
  /** Unique in its API. */
  readonly id: string
  /** What the claim `scp` carries. */
  readonly value: string
  /** Whether only administrators may consent. */
  readonly adminOnly: boolean
  /** Whether it can be asked for. */
  readonly isEnabled: boolean
  /** Its name on the consent page. */
  readonly title: string
  /** The sentence below the name. */
  readonly description: string
}

/** An app role that an API offers. */
export interface Role {
  /** Unique in its API. */
  readonly id: string
  /** What the claim `roles` carries. */
  readonly value: string
  /** Its name on the consent page. */
  readonly title: string
  /** Whether users and groups can have it. */
  readonly forUsers: boolean
  /** Whether applications can have it. */
  readonly forApplications: boolean
  /** Whether it can be assigned and is in tokens. */
  readonly isEnabled: boolean
}

/** SHA-256 of the secret: the text itself is not kept. */
export interface Secret extends Period {
  /** The digest. */
  readonly digest: Buffer
}

/** A certificate by which a client proves itself. */
export interface Certificate extends Period {
  /** base64url(SHA-1(DER)), as `x5t` names it. */
  readonly sha1: string
  /** base64url(SHA-256(DER)), as `x5t#S256` names it. */
  readonly sha256: string
  /** Verifies what the client signs. */
  readonly publicKey: KeyObject
}

/** What a client needs of one API. */
export interface RequiredAccess {
  /** The API, by appId. */
  readonly resourceAppId: string
  /** Delegated scopes by value. */
  readonly scopes: readonly string[]
  /** App roles by value. */
  readonly roles: readonly string[]
}

/** A workload whose tokens are accepted as this application's credential. */
export interface FederatedCredential {
  /** Character for character. */
  readonly issuer: string
  /** The exact subject, or an expression over the claims. */
  readonly subject: string | ((claims: Readonly<Record<string, unknown>>) => boolean)
  /** One of them must be the audience. */
  readonly audiences: readonly string[]
}

/** An optional claim that an application asks for. */
export interface Claim {
  /** The name of the claim. */
  readonly name: string
  /** What changes its value, such as `use_guid`. */
  readonly properties: readonly string[]
}

/** An application of the registration: a client, an API, or both. */
export interface Application {
  /** The client id. */
  readonly appId: string
  /** Its name; two applications may have the same. */
  readonly displayName: string
  /** The tenant it is registered in. */
  readonly homeTenantId: string
  /** Which accounts may sign in to it. */
  readonly audience: SignInAudience
  /** What names it as an API, beside the appId. */
  readonly identifierUris: readonly string[]
  /** Where answers of a sign-in may go. */
  readonly redirectUris: Readonly<Record<Platform, readonly string[]>>
  /** Whether it may ask for tokens without a credential. */
  readonly isFallbackPublicClient: boolean
  /** Its secrets. */
  readonly secrets: readonly Secret[]
  /** Its certificates. */
  readonly certificates: readonly Certificate[]
  /** Workloads that prove it. */
  readonly federatedCredentials: readonly FederatedCredential[]
  /** Called in a frame when its user signs out elsewhere. */
  readonly logoutUrl: string | undefined
  /** Whether the authorize endpoint itself issues id tokens. */
  readonly issuesIdTokenAtSignIn: boolean
  /** What it needs of other APIs. */
  readonly requiredAccess: readonly RequiredAccess[]
  /** Delegated permissions that it offers. */
  readonly scopes: readonly Scope[]
  /** App roles that it offers. */
  readonly roles: readonly Role[]
  /** Claims that are in a token only if they are asked for. */
  readonly optionalClaims: {
    /** In access tokens for it as an API. */
    readonly accessToken: readonly Claim[]
    /** In id tokens for it as a client. */
    readonly idToken: readonly Claim[]
  }
  /** Whether its tokens have the groups of the user. */
  readonly issuesGroups: boolean
  /** Whether its tokens have the directory roles of the user. */
  readonly issuesDirectoryRoles: boolean
  /** Whether claims may be mapped without a signing key of its own. */
  readonly acceptsMappedClaims: boolean
  /** Of the access tokens issued for this application as an API. */
  readonly tokenVersion: Version
  /** Client appId → scope values it has without consent. */
  readonly preAuthorized: ReadonlyMap<string, ReadonlySet<string>>
  /** Clients whose consent covers what this API needs, by appId. */
  readonly knownClients: ReadonlySet<string>
  /** As it was registered, WITH ITS SECRETS: shown by `hideApplicationSecrets` alone. */
  readonly registration: ApplicationRegistration
}

export interface User {
  readonly id: string
  readonly tenantId: string
  readonly userPrincipalName: string
  readonly displayName: string
  readonly givenName: string | undefined
  readonly surname: string | undefined
  readonly mail: string | undefined
  readonly otherMails: readonly string[]
  readonly country: string | undefined
  readonly preferredLanguage: string | undefined
  readonly preferredDataLocation: string | undefined
  readonly onPremisesSecurityIdentifier: string | undefined
  readonly isEnabled: boolean
  /** Whether `users.disable` disabled the account, not the registration. */
  readonly isDisabledByControl: boolean
  readonly isGuest: boolean
  /** A guest's account at home, if the registration names it. */
  readonly home: { readonly tenantId: string; readonly userId: string } | undefined
  readonly isAdmin: boolean
  /** Template ids of directory roles. */
  readonly directoryRoleIds: readonly string[]
  /** Sign-ins before that no longer count, seconds since the epoch. */
  readonly sessionsValidFrom: number
  readonly groupIds: readonly string[]
  /** The agent identity whose user account this is, by appId. */
  readonly agentId: string | undefined
  /** SHA-256 of the password; undefined: no password is right. */
  readonly passwordDigest: Buffer | undefined
  /** Claims that every token for this user carries. */
  readonly claims: Readonly<Record<string, unknown>>
}

export interface Group {
  readonly id: string
  readonly displayName: string
}

/** An application's presence in one tenant. Its object id is never the application's id. */
export interface ServicePrincipal {
  readonly id: string
  readonly origin: Origin
  readonly application: Application
  readonly isEnabled: boolean
  readonly isAssignmentRequired: boolean
  /** Claims that a policy maps into this API's tokens, with their values. */
  readonly mappedClaims: Readonly<Record<string, unknown>>
}

/** What a Conditional Access policy demands of a sign-in. */
export type Demand =
  | 'mfa'
  | 'mfaEnrolment'
  | 'deviceAuthentication'
  | 'otherCondition'
  | 'externalControl'
  | 'compliantDevice'
  | 'joinedDevice'
  | 'block'

export interface ConditionalAccessPolicy {
  readonly id: string
  readonly displayName: string
  /** For users at clients, or for applications that act as themselves. */
  readonly kind: 'user' | 'workload'
  readonly users: ReadonlySet<string> | 'all'
  readonly clients: ReadonlySet<string> | 'all'
  readonly resources: ReadonlySet<string> | 'all'
  readonly demand: Demand
}

/** A resource's own identity: a service principal without credentials, for code that runs on it. */
export interface ManagedIdentity {
  readonly principal: ServicePrincipal
  readonly isSystemAssigned: boolean
}

/** The identity of an agent (Entra Agent ID). Its service principal has the object id that is its appId. */
export interface AgentIdentity {
  readonly application: Application
  readonly blueprint: Application
}

/**
 * Who put a fact into the directory: the registration, which is read again at every start, or consent, which the state
 * keeps.
 */
export type Origin = 'registration' | 'consent'

/** Consent to delegated scopes, by one user or (without `userId`) for all. */
export interface PermissionGrant {
  readonly origin: Origin
  readonly clientAppId: string
  readonly resourceAppId: string
  readonly userId: string | undefined
  readonly scopes: Set<string>
}

export interface RoleAssignment {
  readonly origin: Origin
  /** Object id of a user, group or service principal. */
  readonly principalId: string
  readonly resourceAppId: string
  /** The role's value; undefined is access without a role. */
  readonly role: string | undefined
}

export interface Tenant {
  readonly id: string
  readonly displayName: string
  readonly domains: readonly string[]
  /** The two letters of its country. */
  readonly country: string | undefined
  readonly preferredLanguage: string | undefined
  readonly usersMayConsent: boolean
  readonly users: Map<string, User>
  /** By id. */
  readonly groups: ReadonlyMap<string, Group>
  readonly policies: ConditionalAccessPolicy[]
  /** `c1` and the like. */
  readonly authenticationContexts: readonly string[]
  /** The longest a sign-in may be refreshed, if a policy limits it. */
  readonly signInFrequencySeconds: number | undefined
  readonly managedIdentities: ManagedIdentity[]
  /** By appId. */
  readonly agentIdentities: Map<string, AgentIdentity>
  /** By appId. */
  readonly servicePrincipals: Map<string, ServicePrincipal>
  readonly grants: PermissionGrant[]
  readonly assignments: RoleAssignment[]
}

/** The tenant segment of an address: one tenant, or a class of them. */
export type Authority =
  | { readonly kind: 'tenant'; readonly segment: string; readonly tenant: Tenant }
  | { readonly kind: 'common' | 'organizations'; readonly segment: string }
