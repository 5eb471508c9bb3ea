/** The tenant whose API is tested. */
export const tenantId = '3f0c1f1a-6d2e-4a57-9b7e-1c5a0d9be001'
/** A second tenant that consented to the API. */
export const secondTenantId = '3f0c1f1a-6d2e-4a57-9b7e-1c5a0d9be002'
/** A tenant that exists and is not allowed. */
export const foreignTenantId = '3f0c1f1a-6d2e-4a57-9b7e-1c5a0d9be003'

/** The API: audience of v2.0 tokens. */
export const apiClientId = 'a7f6c2d0-58b3-4f0e-8c66-2e4b9d1f7a10'
/** The API's identifier URI: audience of v1.0 tokens. */
export const apiUri: string = `api://${apiClientId}`
/** Another API of the same tenant. */
export const otherApiClientId = 'a7f6c2d0-58b3-4f0e-8c66-2e4b9d1f7a11'

/** A client that signs a user in and calls the API. */
export const userClientId = 'c0ffee00-13c7-4d0b-a3f4-77d2a9c1e020'
/** A daemon that calls the API as itself. */
export const daemonClientId = 'c0ffee00-13c7-4d0b-a3f4-77d2a9c1e021'

export const userObjectId = '0b1ec7ed-2f4a-4c3d-b5e6-90a1b2c3d030'
export const daemonObjectId = '0b1ec7ed-2f4a-4c3d-b5e6-90a1b2c3d031'
/** `sub` of the user at this API: pairwise, so not the object id. */
export const userSubject = 'Zk3lqhY2mA9vT7cR1xWnE5uJ8sPbD4gFoKiLtQyXwMz'

/** Issuers of the global cloud, with the placeholder that Entra writes. */
export const v1IssuerTemplate = 'https://sts.windows.net/{tenantid}/'
export const v2IssuerTemplate = 'https://login.microsoftonline.com/{tenantid}/v2.0'
export const cloudInstanceName = 'microsoftonline.com'

export const v1Issuer = (tenant: string = tenantId): string => v1IssuerTemplate.replace('{tenantid}', tenant)
export const v2Issuer = (tenant: string = tenantId): string => v2IssuerTemplate.replace('{tenantid}', tenant)

/** An ordinary OpenID Connect issuer; a loopback name, so that its key set may be on loopback too. */
export const genericIssuer = 'http://localhost/generic'
export const genericAudience = 'https://files.example'
export const genericClientId = 'reports-daemon'
export const genericSubject = 'user-7f3a9c51d2'
