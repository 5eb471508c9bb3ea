import type { CodeExplanation } from './explanation.js'

export type { CodeExplanation }

const registrations = 'App registrations > the client'
const secrets = `${registrations} > Certificates & secrets > Client secrets`
const certificates = `${registrations} > Certificates & secrets > Certificates`
const federated = `${registrations} > Certificates & secrets > Federated credentials`
const permissions = `${registrations} > API permissions`
const enterprise = 'Enterprise applications'
const conditionalAccess = 'Protection > Conditional Access > Policies'
const signInLogs = 'Monitoring & health > Sign-in logs'

/** For conditions that no request alone brings about. */
function fault(code: number): string {
  return `emulator.faults.add({ endpoint: 'token', effect: { kind: 'refusal', code: ${code} } })`
}

function policy(demand: string): string {
  return `Add { "displayName": "policy", "demand": "${demand}", "resources": ["second-tier"] } to "conditionalAccess" of the tenant.`
}

/**
 * Explanations of the codes of Microsoft Entra ID, by their number: the part after `AADSTS`. Source of the facts: "Microsoft
 * Entra authentication and authorization error codes" and answers of the service.
 */
export const aadstsExplanations: Readonly<Record<string, CodeExplanation>> = Object.freeze({
  '16000': {
    cause: 'More than one account is signed in, or the account does not suit the request.',
    whoCanFix: 'user',
    fix: 'Let the user choose an account: start the sign-in with prompt=select_account, or name the account with login_hint.',
    emulator: 'Sign two users in with one browser, then open the authorize endpoint with prompt=none.',
  },
  '28000': {
    cause: 'The request names scopes of more than one API. A token is for one API.',
    whoCanFix: 'client developer',
    fix: 'Acquire one token for each API.',
    code: "await client.acquireOnBehalfOf(userToken, { resource: 'api://orders' })",
    emulator: 'Redeem an authorization code with the scopes of two APIs.',
  },
  '28002': {
    cause: 'The scope that the request names does not exist, or is not valid when the code is redeemed.',
    whoCanFix: 'client developer',
    fix: 'Request a scope that the API exposes, written in full.',
    portal: 'App registrations > the API > Expose an API > Scopes defined by this API',
  },
  '50011': {
    cause: 'The redirect URI of the request is not registered for the client.',
    whoCanFix: 'client developer',
    fix: 'Register the redirect URI character for character, under the right platform.',
    portal: `${registrations} > Authentication > Redirect URIs`,
    emulator: 'Open the authorize endpoint with another redirect_uri than those of the registration.',
  },
  '50013': {
    cause:
      'The signature of the assertion is not valid. The assertion is the token that the API was called with: it was changed, was signed for Microsoft Graph or by a key of one application, or belongs to another token service.',
    whoCanFix: 'client developer',
    fix: 'Call this API with an access token that Entra issued for this API. A token for Microsoft Graph cannot be exchanged.',
    emulator: 'Change the last characters of the user token before the exchange.',
  },
  '50020': {
    cause: "The user's account belongs to another identity provider and is not a guest of this tenant.",
    whoCanFix: 'administrator',
    fix: 'Invite the user as a guest, or sign the user in with an account of this tenant.',
    portal: 'Users > New user > Invite external user',
    emulator: 'Sign in with an account of another tenant at an application of one tenant.',
  },
  '50027': {
    cause: 'An assertion of the request cannot be read as a JWT, or its header names no certificate.',
    whoCanFix: 'client developer',
    fix: 'Send a signed JWT. The header of a client assertion names the certificate (x5t#S256).',
    emulator: 'Send a client assertion whose header has no x5t#S256.',
  },
  '50034': {
    cause: 'There is no such account in the tenant. It was deleted, or the tenant is the wrong one.',
    whoCanFix: 'administrator',
    fix: 'Check the tenant of the request. Restore the account, or stop the work of this user.',
    portal: 'Users > Deleted users',
    emulator: 'Send an unknown userPrincipalName with the password grant.',
  },
  '50049': {
    cause: 'The login host of the request is not one that Entra knows.',
    whoCanFix: 'client developer',
    fix: 'Use the login host of your cloud, such as https://login.microsoftonline.com.',
    code: "entraAuthority({ tenantId, version: '2.0', cloud: 'global' })",
    emulator: 'Ask the instance discovery endpoint for another host.',
  },
  '50053': {
    cause: 'The account is locked: too many wrong passwords, or an address that Entra blocks.',
    whoCanFix: 'user',
    fix: 'Wait until the lock ends, or reset the password. Review risky sign-ins.',
    portal: signInLogs,
  },
  '50057': {
    cause: 'The account of the user is disabled.',
    whoCanFix: 'administrator',
    fix: 'Enable the account, or stop the work of this user.',
    portal: 'Users > the user > Edit properties > Settings > Account enabled',
    emulator: 'Set "accountEnabled": false for a user and sign in as that user.',
  },
  '50058': {
    cause: 'The request asked for a sign-in without a page, and nobody is signed in.',
    whoCanFix: 'client developer',
    fix: 'Sign the user in with a page. Later requests with prompt=none then succeed.',
    emulator: 'Open the authorize endpoint with prompt=none and no cookie.',
  },
  '50059': {
    cause: 'The request names no tenant, and Entra cannot tell which one is meant.',
    whoCanFix: 'client developer',
    fix: 'Name the tenant by its ID. common and organizations have no tenant of their own.',
    code: "entraAuthority({ tenantId: '<tenant ID>', version: '2.0' })",
    portal: 'Overview > Tenant ID',
    emulator: 'Request an application token at the address with /common.',
  },
  '50072': {
    cause: 'The user must set up multi-factor authentication before the sign-in can continue.',
    whoCanFix: 'user',
    fix: 'Send the user to the sign-in page with the claims of the answer.',
    portal: conditionalAccess,
  },
  '50074': {
    cause: 'The user must pass a stronger authentication than the one that the token shows.',
    whoCanFix: 'user',
    fix: 'Send the user to the sign-in page with the claims of the answer.',
    portal: conditionalAccess,
  },
  '50076': {
    cause:
      'The target API needs multi-factor authentication, and the user signed in without it. An API in the middle cannot show the page: the client must.',
    whoCanFix: 'user',
    fix: 'Answer the client with the claims challenge. The client sends the user to the sign-in page with the claims, and calls again with the new token.',
    portal: conditionalAccess,
    emulator: policy('mfa'),
  },
  '50079': {
    cause: 'The target API needs multi-factor authentication, and the user has not set it up.',
    whoCanFix: 'user',
    fix: 'Send the user to the sign-in page with the claims of the answer. The second factor is set up there.',
    portal: conditionalAccess,
    emulator: policy('mfaEnrolment'),
  },
  '50097': {
    cause: 'A policy needs a device that authenticates itself, and the sign-in named none.',
    whoCanFix: 'user',
    fix: 'Sign in from a registered device.',
    portal: conditionalAccess,
    emulator: policy('deviceAuthentication'),
  },
  '50105': {
    cause: 'The API admits assigned users only, and this user is not assigned.',
    whoCanFix: 'administrator',
    fix: 'Assign the user or a group of the user to the API, or end the requirement of assignment.',
    portal: `${enterprise} > the API > Users and groups > Add user/group`,
    emulator: 'Set "appRoleAssignmentRequired": true for the API and assign nobody.',
  },
  '50126': {
    cause: 'The user name or the password is wrong.',
    whoCanFix: 'user',
    fix: 'Correct the password. Better, sign the user in with a page: applications need no passwords of users.',
    emulator: 'Send a wrong password with the password grant.',
  },
  '50131': {
    cause: 'A Conditional Access policy refuses the device, the place or the risk of the sign-in.',
    whoCanFix: 'administrator',
    fix: 'Read the policy that applied in the sign-in log, and meet it or change it.',
    portal: `${signInLogs} > the sign-in > Conditional Access`,
    emulator: policy('otherCondition'),
  },
  '50132': {
    cause: "The user's sign-in is no longer valid: the session was revoked or the password has changed.",
    whoCanFix: 'user',
    fix: 'Sign the user in again.',
  },
  '50144': {
    cause: "The user's password has expired.",
    whoCanFix: 'user',
    fix: 'Sign the user in with a page: the password is changed there.',
  },
  '50146': {
    cause: 'The API has mapped claims and neither a signing key of its own nor acceptMappedClaims.',
    whoCanFix: 'API developer',
    fix: 'Give the API a signing key of its own, or set api.acceptMappedClaims of its manifest to true.',
    portal: 'App registrations > the API > Manifest > api.acceptMappedClaims',
    emulator: 'Set "mappedClaims" for the service principal of an API.',
  },
  '50148': {
    cause: 'The code verifier does not belong to the code challenge of the sign-in (PKCE).',
    whoCanFix: 'client developer',
    fix: 'Send the code_verifier that the code_challenge was made from. Keep one for each sign-in.',
    emulator: 'Redeem a code without its code_verifier.',
  },
  '50158': {
    cause: 'Another security service, connected to Entra, has not approved the sign-in.',
    whoCanFix: 'user',
    fix: 'Send the user to the sign-in page with the claims of the answer.',
    portal: conditionalAccess,
    emulator: policy('externalControl'),
  },
  '50173': {
    cause:
      "The user's sign-ins were revoked, or the password has changed, after this grant was issued. Everything issued before is refused.",
    whoCanFix: 'user',
    fix: 'Sign the user in again. An API in the middle answers 401, so that its client gets a new token.',
    portal: 'Users > the user > Revoke sessions',
    emulator:
      'emulator.users.revokeSessions("alice@contoso.example"), then use a refresh token or user token from before.',
  },
  '50194': {
    cause: 'The application is registered for one tenant, and the request went to /common or /organizations.',
    whoCanFix: 'client developer',
    fix: 'Use the address of the tenant, or register the application for many tenants.',
    portal: `${registrations} > Authentication > Supported account types`,
    emulator: 'Open /common/oauth2/v2.0/authorize with an application of one tenant.',
  },
  '50196': {
    cause: 'Entra has detected a loop: the same request was sent again and again in a short time.',
    whoCanFix: 'client developer',
    fix: 'Cache tokens and refusals, and stop repeating what was refused.',
    emulator: fault(50196),
  },
  '53000': {
    cause: 'A Conditional Access policy needs a compliant device, and this one is not compliant.',
    whoCanFix: 'user',
    fix: 'Sign in from a device that is managed and compliant.',
    portal: 'Devices > All devices > Compliant',
    emulator: policy('compliantDevice'),
  },
  '53001': {
    cause: 'A Conditional Access policy needs a device that is joined to the domain, and this one is not.',
    whoCanFix: 'user',
    fix: 'Sign in from a joined device.',
    portal: 'Devices > All devices > Join type',
    emulator: policy('joinedDevice'),
  },
  '53003': {
    cause:
      'A Conditional Access policy blocks this access. Signing in again does not help unless something changes.',
    whoCanFix: 'administrator',
    fix: 'Find the policy in the sign-in log. Meet its conditions, or exclude the user or the application.',
    portal: `${signInLogs} > the sign-in > Conditional Access`,
    emulator: policy('block'),
  },
  '54005': {
    cause: 'The authorization code was already redeemed. A code is valid once.',
    whoCanFix: 'client developer',
    fix: 'Redeem a code once, and use the refresh token after that.',
    emulator: 'Redeem the same code twice.',
  },
  '65001': {
    cause:
      'Nobody has consented to the permission that the client requests. On behalf of a user, the client that needs it is the API in the middle.',
    whoCanFix: 'administrator',
    fix: 'Add the permission to the client and grant admin consent. Or let the user sign in to the client and consent.',
    portal: `${permissions} > Add a permission, then Grant admin consent`,
    emulator: 'Request a scope that "oauth2PermissionGrants" does not hold for the client.',
  },
  '65004': {
    cause: 'The user has declined the consent.',
    whoCanFix: 'user',
    fix: 'Ask again when the user wants to continue, and say what the permission is for. An administrator can consent for all.',
    portal: `${permissions} > Grant admin consent`,
    emulator: 'Decline on the consent page.',
  },
  '65005': {
    cause: 'The client requests an API that its registration does not list among the API permissions.',
    whoCanFix: 'client developer',
    fix: 'Add the API to the permissions of the client.',
    portal: `${permissions} > Add a permission`,
  },
  '70000': {
    cause:
      'The code or token of the request is not valid: it was changed, or belongs to another client or tenant.',
    whoCanFix: 'client developer',
    fix: 'Send the value unchanged, from the client and in the tenant that it was issued to.',
    emulator: 'Send the refresh token of one client with the client_id of another.',
  },
  '70003': {
    cause: 'Entra does not know the grant type of the request.',
    whoCanFix: 'client developer',
    fix: 'Use client_credentials, jwt-bearer, authorization_code, refresh_token or device_code.',
    emulator: 'Send grant_type=magic.',
  },
  '70008': {
    cause: 'The code has expired, or the refresh token was not used for too long.',
    whoCanFix: 'user',
    fix: 'Sign the user in again. Redeem a code within ten minutes.',
    emulator: 'Redeem a code eleven minutes after the sign-in (emulator.clock.advance).',
  },
  '70011': {
    cause:
      'The scope of the request is not valid. It mixes names with /.default, misses the identifier of the API, or is misspelt.',
    whoCanFix: 'client developer',
    fix: 'Request the scope in full, such as api://orders/Orders.Read, or all granted scopes with the resource alone.',
    code: "await client.acquireForApp({ resource: 'api://orders' })",
    portal: 'App registrations > the API > Expose an API > Scopes defined by this API',
    emulator: 'Request "api://orders/.default api://orders/Orders.Read" in one request.',
  },
  '70016': {
    cause: 'The user has not finished the sign-in with the device code yet.',
    whoCanFix: 'user',
    fix: 'Ask again after the interval.',
    emulator: 'Redeem a device code before the user has signed in.',
  },
  '70018': {
    cause: 'The device code or the user code is wrong.',
    whoCanFix: 'user',
    fix: 'Type the user code as it was shown. Send the device_code of the first answer.',
    emulator: 'Redeem a made-up device code.',
  },
  '70019': {
    cause: 'The device code has expired: it is valid for fifteen minutes.',
    whoCanFix: 'user',
    fix: 'Start again.',
    emulator: 'Redeem a device code after a quarter of an hour (emulator.clock.advance).',
  },
  '70021': {
    cause:
      'No federated credential of the application matches the issuer, subject and audience of the assertion.',
    whoCanFix: 'client developer',
    fix: 'Register issuer, subject and audience exactly as the assertion holds them. They are compared by letter and case.',
    portal: federated,
  },
  '70043': {
    cause: 'The sign-in is older than a Conditional Access policy admits (sign-in frequency).',
    whoCanFix: 'user',
    fix: 'Sign the user in again.',
    portal: `${conditionalAccess} > the policy > Session > Sign-in frequency`,
    emulator: 'Set "signInFrequencySeconds" of the tenant and let the time pass.',
  },
  '82001': {
    cause:
      'The blueprint of an agent identity cannot get a token for an API itself: it only gets exchange tokens.',
    whoCanFix: 'client developer',
    fix: 'Acquire the token as the agent identity, with the exchange token as its credential.',
    code: 'agentIdentity({ blueprintId, credential, agentId })',
  },
  '90002': {
    cause:
      'There is no such tenant in this cloud: the ID or domain is misspelt, or it belongs to another cloud.',
    whoCanFix: 'client developer',
    fix: 'Copy the tenant ID from the admin center, and check the cloud.',
    code: "entraAuthority({ tenantId: '<tenant ID>', version: '2.0' })",
    portal: 'Overview > Tenant ID',
    emulator: 'Send the request to a tenant that the registration file does not hold.',
  },
  '90009': {
    cause: 'The application requests a token for itself, and names itself by a URI.',
    whoCanFix: 'client developer',
    fix: 'Name the target: usually another API was meant. For itself, use the client ID as the resource.',
    code: 'await client.acquireForApp({ resource: clientId })',
    emulator: 'Exchange a user token for the API that it is for, by its URI.',
  },
  '90014': {
    cause: 'A parameter that the request needs is missing, often scope.',
    whoCanFix: 'client developer',
    fix: 'Send the parameter that the description of the answer names.',
    emulator: 'Send a request without scope.',
  },
  '90027': {
    cause: 'The request is for personal accounts, and the v1.0 endpoint does not have them.',
    whoCanFix: 'client developer',
    fix: 'Use the v2.0 endpoint.',
    emulator: 'Get /consumers/.well-known/openid-configuration.',
  },
  '90033': {
    cause: 'Entra has a temporary failure.',
    whoCanFix: 'operator',
    fix: 'Try again later. Look at the service health when it lasts.',
    portal: 'Monitoring & health > Health',
  },
  '90094': {
    cause: 'The permission needs the consent of an administrator, and a user tried to consent.',
    whoCanFix: 'administrator',
    fix: 'Grant admin consent to the client.',
    portal: `${permissions} > Grant admin consent`,
    emulator: 'Request a scope of type "Admin" and sign in as a user.',
  },
  '240002': {
    cause: 'The API was called with an ID token. It says who signed in, and opens no API.',
    whoCanFix: 'client developer',
    fix: 'Call the API with an access token for it: request a scope of the API, not only openid.',
    emulator: 'Exchange an ID token.',
  },
  '500011': {
    cause:
      'The tenant has no API with this identifier. The resource is misspelt, belongs to another tenant, or was never used in this tenant.',
    whoCanFix: 'client developer',
    fix: 'Compare the resource with the Application ID URI of the API. Where the API is of another tenant, an administrator of this tenant must consent to it once.',
    code: "await client.acquireForApp({ resource: 'api://orders' })",
    portal: 'App registrations > the API > Expose an API > Application ID URI',
    emulator: 'Request api://unknown.',
  },
  '500014': {
    cause: 'The API is disabled in this tenant.',
    whoCanFix: 'administrator',
    fix: 'Enable the API.',
    portal: `${enterprise} > the API > Properties > Enabled for users to sign-in?`,
    emulator: 'Set "accountEnabled": false for the service principal of the API.',
  },
  '500112': {
    cause: 'The redirect URI of the code is another one than that of the sign-in.',
    whoCanFix: 'client developer',
    fix: 'Send the redirect_uri of the authorize request.',
    emulator: 'Redeem a code with another redirect_uri.',
  },
  '500131': {
    cause:
      "The user's token is for another API than this one. An API can exchange only tokens that were issued for itself.",
    whoCanFix: 'client developer',
    fix: 'The caller must request a token for this API. Check that the client ID of this API is the one of its audience.',
    portal: 'App registrations > this API > Expose an API > Application ID URI',
    emulator: 'Exchange a token of another API.',
  },
  '500133': {
    cause: "The user's token has expired, or is not valid yet. A clock may be wrong.",
    whoCanFix: 'client developer',
    fix: 'The caller must call again with a new token. Work that takes longer needs a session.',
    code: "const session = await client.startSession(userToken, { resource: 'api://orders' })",
    emulator: 'Exchange a user token an hour after it was issued (emulator.clock.advance).',
  },
  '501051': {
    cause: 'The API admits assigned applications only, and this client is not assigned.',
    whoCanFix: 'administrator',
    fix: 'Grant the client an application permission of the API, or end the requirement of assignment.',
    portal: `${permissions} > Add a permission > Application permissions, then Grant admin consent`,
    emulator: 'Set "appRoleAssignmentRequired": true for the API and assign nobody.',
  },
  '501461': {
    cause: 'The API accepts mapped claims, and the request names it by a URI outside the verified domains.',
    whoCanFix: 'client developer',
    fix: 'Name the API by its client ID, or by a URI in a verified domain of the tenant.',
    emulator: 'Set "acceptMappedClaims" and "mappedClaims" for an API, and request it by an api:// URI.',
  },
  '501481': {
    cause: 'The code verifier does not belong to the code challenge of the sign-in (PKCE).',
    whoCanFix: 'client developer',
    fix: 'Send the code_verifier that the code_challenge was made from.',
    emulator: 'Redeem a code with another code_verifier.',
  },
  '501491': {
    cause: 'The code challenge has a wrong length or wrong characters.',
    whoCanFix: 'client developer',
    fix: 'Send 43 to 128 unreserved characters.',
    emulator: 'Open the authorize endpoint with code_challenge=short.',
  },
  '650053': {
    cause: 'The API exposes no scope of this name, or the scope is disabled.',
    whoCanFix: 'client developer',
    fix: 'Correct the scope. Names are compared by letter and case.',
    portal: 'App registrations > the API > Expose an API > Scopes defined by this API',
    emulator: 'Request a scope that the API does not expose.',
  },
  '650057': {
    cause: 'The client requests an API that its registration does not list among the API permissions.',
    whoCanFix: 'client developer',
    fix: 'Add the API to the permissions of the client.',
    portal: `${permissions} > Add a permission`,
    emulator: 'Request an API that "requiredResourceAccess" of the client does not list.',
  },
  '700005': {
    cause: 'The code was issued in another tenant than the one that redeems it.',
    whoCanFix: 'client developer',
    fix: 'Redeem the code at the address of the sign-in.',
    emulator: 'Redeem a code at another tenant segment than that of the sign-in.',
  },
  '700016': {
    cause:
      'The tenant does not know this client. The client ID is wrong (the object ID is another value), or the tenant is.',
    whoCanFix: 'client developer',
    fix: 'Copy Application (client) ID and Directory (tenant) ID from the same page. An application of many tenants needs a consent in this tenant first.',
    portal: `${registrations} > Overview`,
    emulator: 'Send a client_id that the registration file does not hold.',
  },
  '700021': {
    cause: 'The client assertion is for another client than the client_id of the request.',
    whoCanFix: 'client developer',
    fix: 'Set iss and sub of the assertion to the client ID.',
    emulator: 'Send an assertion whose sub is another client.',
  },
  '700022': {
    cause: 'The request names scopes of more than one API. A token is for one API.',
    whoCanFix: 'client developer',
    fix: 'Acquire one token for each API.',
    code: "await client.acquireForApp({ resource: 'api://orders' })",
    emulator: 'Request "api://one/.default api://two/.default".',
  },
  '700023': {
    cause: 'The client assertion is for another audience than the token endpoint.',
    whoCanFix: 'client developer',
    fix: 'Set aud of the assertion to the address of the token endpoint of the tenant.',
    emulator: 'Send an assertion with another aud.',
  },
  '700024': {
    cause:
      'The client assertion has expired, or is not valid yet. A federated token was kept too long, or a clock is wrong.',
    whoCanFix: 'operator',
    fix: 'Read the federated token again for each request, and synchronise the clock of the machine.',
    code: 'clientAssertion({ file: process.env.AZURE_FEDERATED_TOKEN_FILE })',
    emulator: 'Send an assertion whose exp has passed.',
  },
  '700025': {
    cause: 'The client is a public client, and the request holds a secret or an assertion.',
    whoCanFix: 'client developer',
    fix: 'A service must be a confidential client: register its redirect URI under Web, or disallow public client flows.',
    portal: `${registrations} > Authentication > Allow public client flows`,
    emulator: 'Send a secret when a public client redeems a code.',
  },
  '700027': {
    cause:
      'The certificate that signed the client assertion is not registered for this client, or the signature is wrong.',
    whoCanFix: 'client developer',
    fix: 'Upload the certificate, and check that the private key belongs to it.',
    portal: certificates,
    emulator: 'Sign with a certificate that "keyCredentials" does not hold.',
  },
  '700038': {
    cause: 'The client ID is not valid: all zeros, or a placeholder.',
    whoCanFix: 'client developer',
    fix: 'Copy Application (client) ID.',
    portal: `${registrations} > Overview`,
    emulator: 'Send client_id=00000000-0000-0000-0000-000000000000.',
  },
  '700051': {
    cause: 'The client may not get access tokens from the authorize endpoint (implicit grant).',
    whoCanFix: 'client developer',
    fix: 'Use the authorization code flow.',
    emulator: 'Open the authorize endpoint with response_type=token.',
  },
  '700054': {
    cause: 'The client may not get ID tokens from the authorize endpoint.',
    whoCanFix: 'client developer',
    fix: 'Use the authorization code flow, or allow ID tokens.',
    portal: `${registrations} > Authentication > Implicit grant and hybrid flows`,
    emulator: 'Open the authorize endpoint with response_type=id_token.',
  },
  '700082': {
    cause: 'The refresh token was not used for 90 days and has expired.',
    whoCanFix: 'user',
    fix: 'Sign the user in again.',
    emulator: 'Use a refresh token after 90 days (emulator.clock.advance).',
  },
  '700084': {
    cause: 'The refresh token belongs to a single-page application. It ends after 24 hours, used or not.',
    whoCanFix: 'user',
    fix: 'Sign the user in again.',
    emulator: 'Use the refresh token of a "spa" redirect URI after a day (emulator.clock.advance).',
  },
  '700211': {
    cause: 'No federated credential of the application has the issuer of the assertion.',
    whoCanFix: 'client developer',
    fix: 'Register the issuer exactly as the assertion holds it. It is compared by letter and case.',
    portal: federated,
    emulator: 'Send an assertion of an issuer that "federatedIdentityCredentials" does not hold.',
  },
  '700212': {
    cause: 'No federated credential of the application has the audience of the assertion.',
    whoCanFix: 'client developer',
    fix: 'Request the assertion for api://AzureADTokenExchange, or register its audience.',
    portal: federated,
    emulator: 'Send an assertion with an audience that "federatedIdentityCredentials" does not hold.',
  },
  '700213': {
    cause: 'No federated credential of the application has the subject of the assertion.',
    whoCanFix: 'client developer',
    fix: 'Register the subject exactly as the assertion holds it: repository and branch, or namespace and service account.',
    portal: federated,
    emulator: 'Send an assertion with a subject that "federatedIdentityCredentials" does not hold.',
  },
  '700229': {
    cause:
      'The assertion is the token of a user. Only tokens of applications and managed identities are accepted.',
    whoCanFix: 'client developer',
    fix: 'Use the token of a managed identity or of an application as the assertion.',
    emulator: 'Send a user token as client_assertion.',
  },
  '900023': {
    cause: 'The tenant in the address is neither a GUID nor a domain.',
    whoCanFix: 'client developer',
    fix: 'Copy the tenant ID from the admin center.',
    code: "entraAuthority({ tenantId: '<tenant ID>', version: '2.0' })",
    portal: 'Overview > Tenant ID',
    emulator: 'Send a request to /no_name/oauth2/v2.0/token.',
  },
  '900144': {
    cause: 'The body of the request lacks a parameter, often grant_type or scope, or is not a form.',
    whoCanFix: 'client developer',
    fix: 'Send the parameters as application/x-www-form-urlencoded in the body.',
    emulator: 'Send a request without grant_type.',
  },
  '900561': {
    cause: 'The endpoint accepts POST requests only. A proxy may have turned a POST into a GET.',
    whoCanFix: 'operator',
    fix: 'Send POST, and look for redirects on the way.',
    emulator: 'GET /{tenant}/oauth2/v2.0/token.',
  },
  '901002': {
    cause: 'The request holds the parameter resource, which the v2.0 endpoint does not have.',
    whoCanFix: 'client developer',
    fix: 'Leave resource out, and name the API in scope.',
  },
  '1000502': {
    cause: 'The registered certificate has expired, or is not valid yet.',
    whoCanFix: 'operator',
    fix: 'Upload a certificate that is valid now, and sign with its key.',
    portal: certificates,
    emulator: 'Sign with a registered certificate whose time has passed.',
  },
  '1002012': {
    cause:
      'An application requested a single scope for itself. Applications get all permissions that they were granted, with /.default.',
    whoCanFix: 'client developer',
    fix: 'Name the resource instead of scopes.',
    code: "await client.acquireForApp({ resource: 'api://orders' })",
    emulator: 'Request a scope other than .default with client_credentials.',
  },
  '1003031': {
    cause: 'An administrator was asked to consent, and the registration lists no permissions.',
    whoCanFix: 'client developer',
    fix: 'Add the permissions that the client needs to its registration.',
    portal: `${permissions} > Add a permission`,
    emulator: 'Open /adminconsent for an application without "requiredResourceAccess".',
  },
  '1100001': {
    cause: 'An extension of the token service has failed while the token was issued.',
    whoCanFix: 'administrator',
    fix: 'Look at the custom authentication extension of the API.',
    portal: 'Custom authentication extensions',
    emulator: 'Throw in onTokenIssuanceStart.',
  },
  '7000112': {
    cause: 'The client is disabled in this tenant.',
    whoCanFix: 'administrator',
    fix: 'Enable the client.',
    portal: `${enterprise} > the client > Properties > Enabled for users to sign-in?`,
    emulator: 'Set "accountEnabled": false for the service principal of the client.',
  },
  '7000114': {
    cause:
      'The API was called with the token of an application. It has no user on whose behalf something could be done.',
    whoCanFix: 'API developer',
    fix: 'Acquire the next token for the application itself.',
    code: "await client.acquireForApp({ resource: 'api://orders' })",
    emulator: 'Exchange the token of an application.',
  },
  '7000214': {
    cause: 'The certificate of the client was revoked.',
    whoCanFix: 'operator',
    fix: 'Upload a new certificate, and sign with its key.',
    portal: certificates,
  },
  '7000215': {
    cause:
      'The client secret is wrong: misspelt, of another application, or the ID of a secret instead of its value.',
    whoCanFix: 'client developer',
    fix: 'Create a new secret and copy its Value. The value is shown only once. The Secret ID beside it is not the secret.',
    code: 'clientSecret(process.env.CLIENT_SECRET)',
    portal: `${secrets} > New client secret > Value`,
    emulator: 'Send another text than those of "passwordCredentials".',
  },
  '7000216': {
    cause: 'The request holds no credential of the client.',
    whoCanFix: 'client developer',
    fix: 'Configure a secret, a certificate or an assertion.',
    code: 'createTokenClient({ authority, clientId, credential: clientSecret(secret) })',
    portal: `${registrations} > Certificates & secrets`,
    emulator: 'Send client_credentials without client_secret.',
  },
  '7000218': {
    cause: 'The request holds no credential of the client, or the client is registered as a public client.',
    whoCanFix: 'client developer',
    fix: 'Configure a secret, a certificate or an assertion.',
    portal: `${registrations} > Certificates & secrets`,
    emulator: 'Exchange a user token without client_secret.',
  },
  '7000222': {
    cause: 'The client secret has expired.',
    whoCanFix: 'operator',
    fix: 'Create a new secret and deploy its value before the old one ends. A certificate or a managed identity needs no such renewal by hand.',
    portal: `${secrets} > New client secret`,
    emulator: 'Send a secret of "passwordCredentials" whose "endDateTime" has passed.',
  },
  '7000229': {
    cause: 'The client exists, and this tenant has no service principal for it: nobody has consented here.',
    whoCanFix: 'administrator',
    fix: 'Let an administrator of this tenant consent to the client. In its home tenant, create the service principal.',
    portal: `${enterprise} > New application`,
    emulator: 'Request a token in a tenant without a service principal of the client.',
  },
  '7000274': {
    cause: 'The signature of the client assertion is not valid.',
    whoCanFix: 'client developer',
    fix: 'Sign with the private key of the registered certificate, by PS256 or RS256.',
    portal: certificates,
  },
  '7000277': {
    cause: 'The certificate of the client, or of its issuer, was revoked.',
    whoCanFix: 'operator',
    fix: 'Upload a new certificate, and sign with its key.',
    portal: certificates,
  },
  '9000411': {
    cause: 'The request holds a parameter twice.',
    whoCanFix: 'client developer',
    fix: 'Send each parameter once.',
    emulator: 'Send scope twice.',
  },
  '9001023': {
    cause: 'The grant of the request does not exist at /common and /consumers.',
    whoCanFix: 'client developer',
    fix: 'Use the address of a tenant.',
    code: "entraAuthority({ tenantId: '<tenant ID>', version: '2.0' })",
    portal: 'Overview > Tenant ID',
    emulator: 'Send the password grant to /common.',
  },
  '9002313': {
    cause: 'The request or one of its values is malformed, such as a code or refresh token that was cut.',
    whoCanFix: 'client developer',
    fix: 'Send the values unchanged, encoded as a form.',
    emulator: 'Exchange a user token with requested_token_use=other.',
  },
  '9002325': {
    cause: 'A single-page application must use PKCE, and the request has no code challenge.',
    whoCanFix: 'client developer',
    fix: 'Send code_challenge with S256.',
    emulator: 'Open the authorize endpoint for a "spa" redirect URI without code_challenge.',
  },
  '9002326': {
    cause:
      'A browser redeems a code, and the redirect URI is not registered as one of a single-page application.',
    whoCanFix: 'client developer',
    fix: 'Register the redirect URI under Single-page application, or redeem on the server.',
    portal: `${registrations} > Authentication > Redirect URIs`,
    emulator: 'Send a token request with an Origin header.',
  },
  '9002327': {
    cause: 'The grant belongs to a single-page application, and the request does not come from a browser.',
    whoCanFix: 'client developer',
    fix: 'Redeem it in the browser, or register the redirect URI under Web.',
    portal: `${registrations} > Authentication > Redirect URIs`,
    emulator: 'Redeem the refresh token of a "spa" redirect URI without an Origin header.',
  },
  '9002331': {
    cause:
      'The application is for personal accounts only, and the request went to another address than /consumers.',
    whoCanFix: 'client developer',
    fix: 'Widen the supported account types: the grants of services do not exist for personal accounts.',
    portal: `${registrations} > Authentication > Supported account types`,
    emulator: 'Open /organizations with an application of "PersonalMicrosoftAccount".',
  },
  '9002332': {
    cause: 'The application is for work and school accounts only, and the request went to /consumers.',
    whoCanFix: 'client developer',
    fix: 'Use the address of the tenant.',
    emulator: 'Open /consumers with an application of organisations.',
  },
  '9010010': {
    cause: 'The parameter resource names another API than the scopes.',
    whoCanFix: 'client developer',
    fix: 'Leave resource out on the v2.0 endpoint, or send the identifier that the scopes begin with.',
    emulator: 'Send resource of one API and scope of another.',
  },
})
