import type { CodeExplanation } from './explanation.js'

export type { CodeExplanation }

/** Explanations of the refusals of `@countersign/core`, by their code, in the order of its table. */
export const refusalExplanations: Readonly<Record<string, CodeExplanation>> = Object.freeze({
  // No usable credentials.
  credentials_missing: {
    cause: 'The request carries no token.',
    whoCanFix: 'client developer',
    fix: 'Send the token in the header Authorization, and let proxies pass that header on.',
    code: 'headers: { authorization: `Bearer ${accessToken}` }',
  },
  scheme_unsupported: {
    cause: 'The Authorization header has another scheme than this API accepts, such as Basic.',
    whoCanFix: 'client developer',
    fix: 'Use the scheme Bearer.',
    code: 'headers: { authorization: `Bearer ${accessToken}` }',
  },
  authorization_repeated: {
    cause: 'The request carries more than one Authorization header.',
    whoCanFix: 'client developer',
    fix: 'Send one. A proxy must replace the header instead of adding another.',
  },
  authorization_malformed: {
    cause: 'After the scheme there is no token, or more than one.',
    whoCanFix: 'client developer',
    fix: 'Send exactly one token after one space, without quotes and line breaks.',
    code: 'headers: { authorization: `Bearer ${accessToken.trim()}` }',
  },
  origin_not_allowed: {
    cause: 'The token came in a cookie, from a page whose origin this API does not allow.',
    whoCanFix: 'API developer',
    fix: 'Add the origin of your own pages, and no other.',
    code: "tokenFrom: fromCookie('<cookie>', { allowedOrigins: ['https://<your page>'] })",
  },

  // The token is one that no API should accept.
  token_too_large: {
    cause: 'The token is longer than this API reads.',
    whoCanFix: 'administrator',
    fix: "Let the issuer write roles instead of groups, or raise the limit together with Node's own header limit.",
    code: 'maxTokenBytes: 32768',
    portal:
      'App registrations > the API > Token configuration > Edit groups claim > Groups assigned to the application',
    emulator: 'countersign token --flaw overlong makes such a token.',
  },
  token_malformed: {
    cause: 'The text is not a JWT in canonical form.',
    whoCanFix: 'client developer',
    fix: 'Pass the token on unchanged and whole. For an opaque token, ask the issuer for a JWT.',
    emulator: 'countersign token --flaw truncated makes such a token.',
  },
  token_encrypted: {
    cause: 'The token is encrypted (a JWE), and this library does not decrypt.',
    whoCanFix: 'administrator',
    fix: 'Let the issuer make tokens that are only signed.',
    portal: 'App registrations > the API > Manifest: set tokenEncryptionKeyId to null',
    emulator: 'countersign token --flaw nestedJwe makes such a token.',
  },
  algorithm_not_allowed: {
    cause: 'The token is signed with an algorithm that this issuer may not use here.',
    whoCanFix: 'administrator',
    fix: 'Choose an asymmetric signing key at the issuer; if algorithms is set, name the algorithm there.',
    code: "algorithms: ['RS256', '<alg of the token>']",
    emulator: 'countersign token --flaw hmacConfusion makes such a token.',
  },
  header_unsupported: {
    cause: 'The header of the token demands an extension that must be understood and is not.',
    whoCanFix: 'administrator',
    fix: 'Ask the issuer for plain JWTs. No common issuer makes such tokens.',
    emulator: 'countersign token --flaw crit makes such a token.',
  },
  token_type_mismatch: {
    cause: 'It is another kind of token than an access token of this issuer.',
    whoCanFix: 'client developer',
    fix: 'Send the access token. If it is the access token, correct tokenType of the issuer.',
    code: "tokenType: { claims: { '<claim>': '<value in access tokens>' } }",
  },
  graph_token: {
    cause: 'The token is for Microsoft Graph, which only Graph can verify.',
    whoCanFix: 'client developer',
    fix: 'Ask for a scope of this API. A scope without a prefix, such as User.Read, means Graph.',
    code: "scopes: ['api://<client id of your API>/<scope>']",
    portal: 'App registrations > the client > API permissions > Add a permission > My APIs > the API',
    emulator: 'countersign token --flaw graphToken makes such a token.',
  },
  claim_missing: {
    cause: 'A claim that the rules need is not in the token.',
    whoCanFix: 'client developer',
    fix: 'Usually another token is meant. For an issuer that never writes aud, set audienceClaim.',
    code: "audienceClaim: '<claim that means your API>'",
    emulator: 'countersign token --flaw noExpiry makes such a token.',
  },
  claim_malformed: {
    cause: 'A claim has another type or shape than its specification says.',
    whoCanFix: 'administrator',
    fix: 'Correct the claims mapping at the issuer.',
    portal: 'Enterprise applications > the API > Single sign-on > Attributes & Claims',
    emulator: 'countersign token --flaw textExpiry makes such a token.',
  },

  // This API does not trust the issuer of the token.
  issuer_missing: {
    cause: 'The token has no iss.',
    whoCanFix: 'administrator',
    fix: 'Use an issuer that names itself in its tokens.',
  },
  issuer_not_trusted: {
    cause: 'iss is not, to the letter, an issuer that this API trusts.',
    whoCanFix: 'client developer',
    fix: 'Get the token from the tenant of this API, or configure the issuer as its tokens spell it.',
    code: "issuer: entra({ tenantId: '<tenant of the token>', clientId: '<client id of your API>' })",
    emulator: 'countersign token --flaw wrongIssuer makes such a token.',
  },
  tenant_mismatch: {
    cause: 'tid is not the tenant that iss names.',
    whoCanFix: 'operator',
    fix: 'Treat it as an attack: Entra issues no such token.',
    emulator: 'countersign token --flaw tenantMismatch makes such a token.',
  },
  tenant_not_allowed: {
    cause: 'The tenant of the token is not one that this API accepts.',
    whoCanFix: 'API developer',
    fix: 'Add the tenant, if this customer should be let in.',
    code: "allowedTenants: ['<tenant id>']",
    emulator: 'countersign token --flaw wrongTenant makes such a token.',
  },

  // The signature cannot be verified.
  key_id_missing: {
    cause: 'The header has no kid, and it is not clear which key is meant.',
    whoCanFix: 'administrator',
    fix: 'Let the issuer write kid. A token without kid is not from Entra.',
    emulator: 'countersign token --flaw missingKid makes such a token.',
  },
  key_unknown: {
    cause: 'The key set of the issuer does not list the key that the token names.',
    whoCanFix: 'API developer',
    fix: 'Compare tenant, cloud and address of the key set. An application with mapped claims has keys of its own.',
    code: 'applicationKeys: true',
    emulator: 'countersign token --flaw unknownKid makes such a token.',
  },
  key_denied: {
    cause: 'The key of the token was denied, by deniedKeys or forgetKeys.',
    whoCanFix: 'client developer',
    fix: 'Get a new token: it is signed with another key.',
    code: "deniedKeys: ['<key ids that stay denied>']",
  },
  key_issuer_mismatch: {
    cause: 'The key is in the set, and may not sign for the issuer of this token.',
    whoCanFix: 'operator',
    fix: 'Treat it as an attack: Entra issues no such token.',
    emulator: 'countersign token --flaw otherCloudKey makes such a token.',
  },
  signature_invalid: {
    cause: 'The key is right, and the signature is not valid.',
    whoCanFix: 'client developer',
    fix: 'Pass tokens on unchanged. Otherwise treat it as an attack.',
    emulator: 'countersign token --flaw badSignature makes such a token.',
  },

  // The token is genuine, and not for this API or not for now.
  audience_mismatch: {
    cause: 'aud names another API.',
    whoCanFix: 'client developer',
    fix: 'Let the client ask for this API, or add the value to audience, to the letter.',
    code: "audience: ['<aud of the token, if it means your API>']",
    portal: 'App registrations > the API > Expose an API: compare the Application ID URI',
    emulator: 'countersign token --flaw wrongAudience makes such a token.',
  },
  token_expired: {
    cause: 'exp has passed: the client used the token longer than it lives, or a clock is wrong.',
    whoCanFix: 'client developer',
    fix: 'Get a new token, and renew before expiry. Compare the clocks of both machines.',
    emulator: 'countersign token --flaw expired makes such a token.',
  },
  token_not_yet_valid: {
    cause: 'nbf has not come.',
    whoCanFix: 'operator',
    fix: 'Set the clock of the machine that is wrong.',
    code: 'clockToleranceSeconds: 60',
    emulator: 'countersign token --flaw notYetValid makes such a token.',
  },
  token_issued_in_future: {
    cause: 'iat has not come.',
    whoCanFix: 'operator',
    fix: 'Set the clock of the machine that is wrong.',
    code: 'clockToleranceSeconds: 60',
    emulator: 'countersign token --flaw issuedInFuture makes such a token.',
  },
  token_too_old: {
    cause: 'The token was issued longer ago than this API accepts.',
    whoCanFix: 'client developer',
    fix: 'Get a new token, or raise the limit.',
    code: 'maxTokenAgeSeconds: 3600',
  },
  id_token: {
    cause: 'It is an id token: proof of a sign-in for the client, not for an API.',
    whoCanFix: 'client developer',
    fix: 'Send the access token. The client gets one when it asks for a scope of this API.',
    code: "scopes: ['api://<client id of your API>/<scope>']",
    portal: 'App registrations > the API > Expose an API > Add a scope, if it has none',
    emulator: 'countersign token --flaw idToken makes such a token.',
  },
  kind_undecided: {
    cause: "The token has no scope and does not show clearly that it is a client's own token.",
    whoCanFix: 'administrator',
    fix: 'Add the optional claim idtyp to the access tokens of this API.',
    portal: 'App registrations > the API > Token configuration > Add optional claim > Access > idtyp',
    emulator: 'countersign token --user <user> --flaw noScope makes such a token.',
  },
  permissions_missing: {
    cause:
      'The token carries neither scopes nor roles: Entra issues such tokens to every client of the tenant.',
    whoCanFix: 'administrator',
    fix: 'Assign an app role to the client; or list the client, and add the optional claim idtyp.',
    code: "allowedClients: ['<client id of the client>']",
    portal:
      'App registrations > the client > API permissions > Add a permission > My APIs > the API > Application permissions; then Grant admin consent',
    emulator: 'countersign token --client <a daemon> --flaw noScope makes such a token.',
  },
  token_inactive: {
    cause: 'The issuer answered that the token is not active: unknown, expired or revoked.',
    whoCanFix: 'client developer',
    fix: 'Get a new token from this issuer.',
  },
  sender_binding_unproven: {
    cause: 'The token is bound to a key or a certificate, and the request does not prove that it has it.',
    whoCanFix: 'client developer',
    fix: 'Send the proof with every request, and configure it here; or ask for plain bearer tokens.',
    code: "senderProofs: [dpop({ publicUrl: 'https://<address that clients call>' }), mutualTls()]",
    emulator: 'countersign token --flaw boundToCertificate makes such a token.',
  },
  sender_binding_missing: {
    cause: 'The token is not bound to its sender, and this API requires that.',
    whoCanFix: 'client developer',
    fix: 'Ask the issuer for a bound token, with a DPoP proof or the certificate of the client.',
    code: "senderProofs: dpop({ publicUrl: 'https://<address that clients call>', required: false })",
  },
  dpop_proof_invalid: {
    cause: 'The DPoP proof is missing, repeated or not valid.',
    whoCanFix: 'client developer',
    fix: 'Make a new proof for every request, for the address that the client calls.',
    code: "senderProofs: dpop({ publicUrl: 'https://<address that clients call>' })",
  },
  dpop_nonce_required: {
    cause: 'The DPoP proof has no nonce of this API, or an old one.',
    whoCanFix: 'client developer',
    fix: 'Repeat the request with the nonce of this answer. All instances need the same secrets.',
    code: "senderProofs: dpop({ publicUrl: 'https://<address that clients call>', nonceSecrets: secretsOfAllInstances })",
  },

  // The token was good, and is not any more; or the user must do more than authenticate once.
  token_revoked: {
    cause: 'The token is good in every other respect, and was revoked: by hand or by a security event.',
    whoCanFix: 'client developer',
    fix: 'Let the user sign in again, or acquire another token.',
    code: 'revocation: createRevocationList({ maxTokenLifeSeconds: 5700 })',
  },
  token_life_too_long: {
    cause: 'The token lives longer than the revocation list of this API remembers.',
    whoCanFix: 'API developer',
    fix: "Raise the limit to the longest life of the issuer's tokens, or shorten their life at the issuer.",
    code: 'maxTokenLifeSeconds: 101100',
  },
  claims_required: {
    cause:
      'The token lacks an authentication context or is revoked, and the challenge says what to ask Entra for.',
    whoCanFix: 'client developer',
    fix: 'Acquire a token with the claims of the challenge, and repeat the request.',
    code: "client.createFetch({ target, origin: 'https://<your API>', userToken })",
  },
  authentication_insufficient: {
    cause: 'The user did not authenticate in the way or as recently as this route requires.',
    whoCanFix: 'client developer',
    fix: 'Start a new authorization request with acr_values and max_age of the challenge.',
    code: "authentication({ acr: '<acr>', maxAgeSeconds: 300 })",
  },

  // The caller is known and may not do this.
  client_not_allowed: {
    cause: 'The client is not one that this API accepts.',
    whoCanFix: 'API developer',
    fix: 'Add the id of the client, if it should be let in.',
    code: "allowedClients: ['<client id of the client>']",
    emulator: 'countersign token --client <another client> makes such a token.',
  },
  claim_not_allowed: {
    cause: 'A claim is missing, or is not what requiredClaims of the issuer says.',
    whoCanFix: 'client developer',
    fix: 'Get a token from the right place, or correct the rule. Type and case count.',
    code: "requiredClaims: { '<claim>': '<value>' }",
  },
  kind_not_allowed: {
    cause: "The permission is for the other kind of token: a user's, or a client's own.",
    whoCanFix: 'API developer',
    fix: 'Name the kind in the permission, if callers of that kind are meant.',
    code: "requirePermission({ delegated: { scopes: '<scope>' }, application: { roles: '<role>' } })",
    emulator: 'countersign token without --user makes a token of the client itself.',
  },
  scope_insufficient: {
    cause: 'A scope that the permission demands is not in the token.',
    whoCanFix: 'client developer',
    fix: 'Ask for the scope, and consent to it.',
    code: "scopes: ['api://<client id of your API>/<scope>']",
    portal:
      'App registrations > the client > API permissions > Add a permission > My APIs > the API > Delegated permissions; then Grant admin consent',
    emulator: 'countersign token --scope <another scope of the API> makes such a token.',
  },
  role_insufficient: {
    cause: 'A role that the permission demands is not in the token.',
    whoCanFix: 'administrator',
    fix: 'Assign the role: to the user or a group, or to the client for its own tokens.',
    portal:
      'For users: Enterprise applications > the API > Users and groups > Add user/group. For clients: App registrations > the client > API permissions > Application permissions; then Grant admin consent',
    emulator: 'countersign token --role <another role of the API> makes such a token.',
  },
  auth_context_missing: {
    cause:
      'A required authentication context is missing, and the client does not declare that it understands the challenge.',
    whoCanFix: 'client developer',
    fix: 'Declare the capability cp1 in the client, and add acrs and xms_cc to the access tokens of the API.',
    code: "clientCapabilities: ['cp1']",
    portal: 'App registrations > the API > Token configuration > Add optional claim > Access > xms_cc, acrs',
  },
  condition_refused: {
    cause: 'A condition of this API is not met; reason is its name.',
    whoCanFix: 'API developer',
    fix: 'Look at the condition of that name. Routes for Entra and other issuers combine theirs with anyOf.',
    code: "anyOf([authContext('c1'), authentication({ acr: 'phr' })])",
  },

  // The API cannot decide.
  keys_unavailable: {
    cause: 'The signing keys are needed and cannot be fetched.',
    whoCanFix: 'operator',
    fix: 'Restore the network path to the issuer, and compare the spelling of tenant or issuer.',
    code: 'await validator.ready()',
    emulator:
      "emulator.faults.add({ endpoint: 'keys', effect: { kind: 'status', status: 503 } }) before the first request.",
  },
  introspection_unavailable: {
    cause: 'The introspection endpoint of the issuer gave no definite answer.',
    whoCanFix: 'operator',
    fix: 'Correct the address or the credential; else wait: the next request tries again.',
    code: "introspectionUrl: 'https://<endpoint>'",
  },
  issuer_ambiguous: {
    cause: 'Two configured issuers recognise the iss of the token.',
    whoCanFix: 'API developer',
    fix: 'Keep one value, with the audiences and clients of both.',
    code: "issuer: entra({ tenantId: '<GUID of the tenant>', clientId: '<client id of your API>' })",
  },
  check_unavailable: {
    cause: 'A function of the application failed: a clock, a tenant list, a test of a claim or a store.',
    whoCanFix: 'operator',
    fix: 'Repair the function that reason names.',
  },
})
