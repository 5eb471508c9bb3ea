/** One refusal of the service: what Entra ID answers for an AADSTS code. */
export interface AadstsEntry {
  /** The HTTP status. */
  readonly status: number
  /** The OAuth `error` (RFC 6749 §5.2). */
  readonly error: string
  /** The sentence after `AADSTSnnn: `; `{name}` is filled in by the place that finds the fault. */
  readonly text: string
  /** The `suberror` of the body. */
  readonly suberror?: string
  /** Two of the live bodies carry no `error_uri`. */
  readonly withoutErrorUri?: true
  /** Status or `error` follow the general rule (`invalid_client` 401, else 400); no live body is known. */
  readonly unconfirmed?: true
}

/** Every refusal the emulator knows, by its AADSTS code. Documentation and tests read this table. */
const table = {
  16000: {
    status: 400,
    error: 'interaction_required',
    text: 'Either multiple user identities are available for the current request or selected account is not supported for the scenario.',
    unconfirmed: true,
  },
  50011: {
    status: 400,
    error: 'invalid_request',
    text: "The redirect URI '{redirectUri}' specified in the request does not match the redirect URIs configured for the application '{client}'.",
  },
  50013: {
    status: 400,
    error: 'invalid_grant',
    text: 'Assertion failed signature validation. [Reason - {reason}]',
  },
  50027: {
    status: 401,
    error: 'invalid_client',
    text: 'JWT token is invalid or malformed.',
    unconfirmed: true,
  },
  50020: {
    status: 400,
    error: 'invalid_request',
    text: "User account '{user}' does not exist in tenant '{tenant}' and cannot access the application '{client}' in that tenant.",
    unconfirmed: true,
  },
  50034: {
    status: 400,
    error: 'invalid_grant',
    text: 'The user account {user} does not exist in the {tenant} directory. To sign into this application, the account must be added to the directory.',
    unconfirmed: true,
  },
  50049: {
    status: 400,
    error: 'invalid_instance',
    text: 'Unknown or invalid instance.',
  },
  50057: { status: 400, error: 'invalid_grant', text: 'The user account is disabled.' },
  50058: {
    status: 400,
    error: 'login_required',
    text: 'A silent sign-in request was sent but no user is signed in.',
  },
  50076: {
    status: 400,
    error: 'invalid_grant',
    text: "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '{resource}'.",
    suberror: 'basic_action',
  },
  50079: {
    status: 400,
    error: 'interaction_required',
    text: "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access '{resource}'.",
    suberror: 'basic_action',
    unconfirmed: true,
  },
  50097: {
    status: 400,
    error: 'interaction_required',
    text: 'Device authentication is required.',
    suberror: 'basic_action',
    unconfirmed: true,
  },
  50105: {
    status: 400,
    error: 'invalid_grant',
    text: "The signed in user is not assigned to a role for the application '{application}'.",
  },
  50126: {
    status: 400,
    error: 'invalid_grant',
    text: 'Error validating credentials due to invalid username or password.',
  },
  50131: {
    status: 400,
    error: 'interaction_required',
    text: 'Device is not in required device state: {reason}. Or, the request was blocked due to suspicious activity, access policy, or security policy decisions.',
    suberror: 'basic_action',
    unconfirmed: true,
  },
  50146: {
    status: 400,
    error: 'invalid_request',
    text: 'This application is required to be configured with an application-specific signing key. It is either not configured with one, or the key has expired or is not yet valid.',
    unconfirmed: true,
  },
  50148: {
    status: 400,
    error: 'invalid_grant',
    text: 'The code_verifier does not match the code_challenge supplied in the authorization request for PKCE.',
  },
  50158: {
    status: 400,
    error: 'interaction_required',
    text: 'External security challenge was not satisfied.',
    suberror: 'basic_action',
  },
  50173: {
    status: 400,
    error: 'invalid_grant',
    text: "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '{issued}' and the TokensValidFrom date (before which tokens are not valid) for this user is '{validFrom}'.",
    suberror: 'bad_token',
    unconfirmed: true,
  },
  50194: {
    status: 400,
    error: 'invalid_request',
    text: "Application '{client}' is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps. Use a tenant-specific endpoint or configure the application to be multi-tenant.",
  },
  50196: {
    status: 400,
    error: 'invalid_grant',
    text: 'The server terminated an operation because it encountered a client request loop. Please contact your app vendor.',
    unconfirmed: true,
  },
  500011: {
    status: 400,
    error: 'invalid_resource',
    text: 'The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.',
  },
  500014: {
    status: 400,
    error: 'invalid_resource',
    text: "The service principal for resource '{resource}' is disabled. This indicate that a subscription within the tenant has lapsed, or that the administrator for this tenant has disabled the application, preventing tokens from being issued for it.",
    unconfirmed: true,
  },
  500112: {
    status: 401,
    error: 'invalid_client',
    text: 'The reply address does not match the reply address provided when requesting the authorization code.',
    unconfirmed: true,
  },
  500131: {
    status: 400,
    error: 'invalid_grant',
    text: "Assertion audience does not match the Client app presenting the assertion. The audience in the assertion was '{actual}' and the expected audience is '{expected}' or one of the Application Uris of this application.",
  },
  500133: {
    status: 400,
    error: 'invalid_grant',
    text: 'Assertion is not within its valid time range. Current time: {now}, expiry time of assertion {expiry}.',
  },
  501051: {
    status: 400,
    error: 'invalid_grant',
    text: "Application '{client}' is not assigned to a role for the application '{application}'.",
    unconfirmed: true,
  },
  501461: {
    status: 400,
    error: 'invalid_request',
    text: "AcceptMappedClaims is only supported for a token audience matching the application GUID or an audience within the tenant's verified domains. Either change the resource identifier, or use an application-specific signing key.",
    unconfirmed: true,
  },
  501481: {
    status: 400,
    error: 'invalid_grant',
    text: 'The Code_Verifier does not match the code_challenge supplied in the authorization request.',
  },
  501491: {
    status: 400,
    error: 'invalid_request',
    text: 'Invalid size or encoding of the code_challenge parameter.',
    unconfirmed: true,
  },
  53000: {
    status: 400,
    error: 'interaction_required',
    text: 'Device is not in required device state: {reason}. Conditional Access policy requires a compliant device, and the device is not compliant.',
    suberror: 'message_only',
    unconfirmed: true,
  },
  53001: {
    status: 400,
    error: 'interaction_required',
    text: 'Device is not in required device state: {reason}. Conditional Access policy requires a domain joined device, and the device is not domain joined.',
    suberror: 'message_only',
    unconfirmed: true,
  },
  53003: {
    status: 400,
    error: 'invalid_grant',
    text: 'Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.',
    suberror: 'message_only',
  },
  54005: {
    status: 400,
    error: 'invalid_grant',
    text: 'OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.',
  },
  65001: {
    status: 400,
    error: 'invalid_grant',
    text: "The user or administrator has not consented to use the application with ID '{client}' named '{name}'. Send an interactive authorization request for this user and resource.",
    suberror: 'consent_required',
  },
  65004: { status: 400, error: 'access_denied', text: 'User declined to consent to access the app.' },
  650053: {
    status: 400,
    error: 'invalid_client',
    text: "The application '{client}' asked for scope '{scope}' that doesn't exist on the resource '{resource}'. Contact the app vendor.",
    unconfirmed: true,
  },
  650057: {
    status: 401,
    error: 'invalid_client',
    text: "Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration. Client app ID: {client}. Resource value from request: {resource}.",
    unconfirmed: true,
  },
  70000: {
    status: 400,
    error: 'invalid_grant',
    text: "Provided grant is invalid or malformed: the value of '{parameter}' is not valid for this request.",
  },
  70003: {
    status: 400,
    error: 'unsupported_grant_type',
    text: "The app requested an unsupported grant type '{grantType}'.",
    withoutErrorUri: true,
  },
  70008: {
    status: 400,
    error: 'invalid_grant',
    text: 'The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.',
  },
  70011: {
    status: 400,
    error: 'invalid_scope',
    text: "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. {reason}",
  },
  70016: {
    status: 400,
    error: 'authorization_pending',
    text: 'OAuth 2.0 device flow error. Authorization is pending. Continue polling.',
  },
  70018: {
    status: 400,
    error: 'bad_verification_code',
    text: 'Invalid verification code due to User typing in wrong user code for device code flow.',
    unconfirmed: true,
  },
  70019: {
    status: 400,
    error: 'expired_token',
    text: 'Verification code expired. Have the user retry the sign-in.',
    unconfirmed: true,
  },
  70043: {
    status: 400,
    error: 'invalid_grant',
    text: 'The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. The token was issued on {issued} and the maximum allowed lifetime for this request is {lifetime}.',
    suberror: 'bad_token',
    unconfirmed: true,
  },
  700005: {
    status: 400,
    error: 'invalid_grant',
    text: 'Provided Authorization Code is intended to use against other tenant, thus rejected.',
  },
  700016: {
    status: 400,
    error: 'unauthorized_client',
    text: "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
  },
  700021: {
    status: 401,
    error: 'invalid_client',
    text: "Client assertion application identifier doesn't match 'client_id' parameter.",
    unconfirmed: true,
  },
  700022: {
    status: 400,
    error: 'invalid_request',
    text: "The provided value for the input parameter 'scope' is not valid because it contains more than one resource.",
  },
  700023: {
    status: 401,
    error: 'invalid_client',
    text: 'Client assertion audience claim does not match Realm issuer.',
    unconfirmed: true,
  },
  700024: {
    status: 401,
    error: 'invalid_client',
    text: 'Client assertion is not within its valid time range. Current time: {now}, assertion valid from {from}, expiry time of assertion {expiry}.',
  },
  700025: {
    status: 401,
    error: 'invalid_client',
    text: "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
  },
  700027: {
    status: 401,
    error: 'invalid_client',
    text: 'The certificate with identifier used to sign the client assertion is not registered on application. [Reason - {reason}]',
  },
  700038: {
    status: 400,
    error: 'unauthorized_client',
    text: '{client} is not a valid application identifier.',
    withoutErrorUri: true,
  },
  700051: {
    status: 400,
    error: 'unsupported_response_type',
    text: "response_type 'token' is not enabled for the application.",
  },
  700054: {
    status: 400,
    error: 'unsupported_response_type',
    text: "response_type 'id_token' is not enabled for the application.",
  },
  700082: {
    status: 400,
    error: 'invalid_grant',
    text: 'The refresh token has expired due to inactivity. The token was issued on {issued} and was inactive for {lifetime}.',
  },
  700084: {
    status: 400,
    error: 'invalid_grant',
    text: "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of {lifetime}, which can't be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page. The token was issued on {issued}.",
    unconfirmed: true,
  },
  700211: {
    status: 401,
    error: 'invalid_client',
    text: "No matching federated identity record found for presented assertion issuer '{value}'.",
    unconfirmed: true,
  },
  700212: {
    status: 401,
    error: 'invalid_client',
    text: "No matching federated identity record found for presented assertion audience '{value}'.",
    unconfirmed: true,
  },
  700213: {
    status: 401,
    error: 'invalid_client',
    text: "No matching federated identity record found for presented assertion subject '{value}'.",
  },
  700229: {
    status: 401,
    error: 'invalid_client',
    text: 'Only app-only tokens can be used as Federated Identity Credentials for this issuer.',
    unconfirmed: true,
  },
  7000112: {
    status: 400,
    error: 'unauthorized_client',
    text: "Application '{client}'({name}) is disabled.",
  },
  7000114: {
    status: 400,
    error: 'unauthorized_client',
    text: "Application '{client}' is not allowed to make application on-behalf-of calls.",
    unconfirmed: true,
  },
  7000215: {
    status: 401,
    error: 'invalid_client',
    text: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'.",
  },
  7000216: {
    status: 401,
    error: 'invalid_client',
    text: "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
  },
  7000218: {
    status: 401,
    error: 'invalid_client',
    text: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
  },
  7000222: {
    status: 401,
    error: 'invalid_client',
    text: "The provided client secret keys for app '{client}' are expired. Create new keys for your app, or consider using certificate credentials for added security.",
  },
  7000229: {
    status: 401,
    error: 'invalid_client',
    text: 'The client application {client} is missing service principal in the tenant {tenant}. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119',
  },
  90002: {
    status: 400,
    error: 'invalid_request',
    text: "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
  },
  90009: {
    status: 400,
    error: 'invalid_request',
    text: "Application '{client}'({name}) is requesting a token for itself. This scenario is supported only if resource is specified using the GUID based App Identifier.",
  },
  90014: {
    status: 400,
    error: 'invalid_request',
    text: "The required field '{parameter}' is missing from the credential. Ensure that you have all the necessary parameters for the login request.",
  },
  90027: {
    status: 400,
    error: 'invalid_request',
    text: 'The client has requested a token for personal accounts from the v1.0 endpoint, which does not support them.',
  },
  90094: {
    status: 400,
    error: 'access_denied',
    text: "Admin consent is required for the permissions requested by application '{name}'.",
  },
  900023: {
    status: 400,
    error: 'invalid_request',
    text: "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.",
  },
  900144: {
    status: 400,
    error: 'invalid_request',
    text: "The request body must contain the following parameter: '{parameter}'.",
  },
  900561: {
    status: 400,
    error: 'invalid_request',
    text: 'The endpoint only accepts POST requests. Received a {method} request.',
    unconfirmed: true,
  },
  240002: {
    status: 400,
    error: 'invalid_request',
    text: "Input id_token cannot be used as 'urn:ietf:params:oauth:grant-type:jwt-bearer' grant.",
  },
  28000: {
    status: 400,
    error: 'invalid_request',
    text: "Provided value for the input parameter 'scope' is not valid because it contains more than one resource.",
    unconfirmed: true,
  },
  50059: {
    status: 400,
    error: 'invalid_request',
    text: 'No tenant-identifying information found in either the request or implied by any provided credentials.',
    unconfirmed: true,
  },
  1000502: {
    status: 401,
    error: 'invalid_client',
    text: 'The provided certificate is not within its specified validity period.',
    unconfirmed: true,
  },
  1002012: {
    status: 400,
    error: 'invalid_scope',
    text: 'The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).',
  },
  1100001: {
    status: 400,
    error: 'invalid_request',
    text: 'Non-retryable error has occurred.',
    unconfirmed: true,
  },
  1003031: {
    status: 400,
    error: 'access_denied',
    text: 'Misconfigured required resource access in client application registration.',
  },
  9000411: {
    status: 400,
    error: 'invalid_request',
    text: "The request is not properly formatted. The parameter '{parameter}' is duplicated.",
    unconfirmed: true,
  },
  9001023: {
    status: 400,
    error: 'invalid_request',
    text: 'The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.',
    unconfirmed: true,
  },
  9002313: {
    status: 400,
    error: 'invalid_request',
    text: 'Invalid request. Request is malformed or invalid.',
  },
  9002331: {
    status: 400,
    error: 'invalid_request',
    text: "Application '{client}' is configured for use by Microsoft Account users only. Please use the /consumers endpoint to serve this request.",
    unconfirmed: true,
  },
  9002325: {
    status: 400,
    error: 'invalid_request',
    text: 'Proof Key for Code Exchange is required for cross-origin authorization code redemption.',
    unconfirmed: true,
  },
  9002326: {
    status: 400,
    error: 'invalid_request',
    text: "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type.",
    unconfirmed: true,
  },
  9002327: {
    status: 400,
    error: 'invalid_request',
    text: "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests.",
    unconfirmed: true,
  },
  9002332: {
    status: 400,
    error: 'invalid_request',
    text: "Application '{client}' is configured for use by work or school accounts only.",
    unconfirmed: true,
  },
  9010010: {
    status: 400,
    error: 'invalid_target',
    text: "The resource parameter provided in the request doesn't match with the requested scopes.",
    unconfirmed: true,
  },
} as const

/** The code of a refusal that the emulator knows: the number after `AADSTS`. */
export type AadstsCode = keyof typeof table

/** Every refusal the emulator knows, by its AADSTS code. */
export const aadsts: Readonly<Record<AadstsCode, AadstsEntry>> = table

/** The JSON body of a refusal; `trace_id` is also the response's `x-ms-request-id`. */
export interface ErrorBody {
  readonly error: string
  readonly error_description: string
  readonly error_codes: readonly number[]
  readonly timestamp: string
  readonly trace_id: string
  readonly correlation_id: string
  readonly error_uri?: string
  readonly suberror?: string
  /** What the client must send back as `claims`: JSON in a string. */
  readonly claims?: string
}

/** A refusal, thrown from the place that finds the fault. The endpoint turns it into a body, a page or a redirect. */
export class EntraError extends Error {
  readonly code: AadstsCode
  readonly status: number
  readonly error: string
  readonly suberror: string | undefined
  readonly claims: string | undefined

  /**
   * A name of the text without a value is written in brackets. `error` replaces that of the table, for an endpoint that answers this
   * code with another one.
   */
  constructor(
    code: AadstsCode,
    values: Readonly<Record<string, string>> = {},
    { error, claims }: { error?: string | undefined; claims?: string | undefined } = {},
  ) {
    const entry = aadsts[code]
    super(
      `AADSTS${code}: ${entry.text.replaceAll(/\{(\w+)\}/g, (_, name: string) => printable(values[name] ?? `(${name})`))}`,
    )
    this.name = 'EntraError'
    this.code = code
    this.status = entry.status
    this.error = error ?? entry.error
    this.suberror = entry.suberror
    this.claims = claims
  }

  /** The JSON body of this refusal, member for member as the token endpoint writes it. */
  body(request: { origin: string; traceId: string; correlationId: string; now: number }): ErrorBody {
    const timestamp = `${new Date(request.now * 1000).toISOString().slice(0, 19).replace('T', ' ')}Z`
    return {
      error: this.error,
      error_description: `${this.message} Trace ID: ${request.traceId} Correlation ID: ${request.correlationId} Timestamp: ${timestamp}`,
      error_codes: [this.code],
      timestamp,
      trace_id: request.traceId,
      correlation_id: request.correlationId,
      ...(aadsts[this.code].withoutErrorUri
        ? {}
        : { error_uri: `${request.origin}/error?code=${this.code}` }),
      ...(this.suberror === undefined ? {} : { suberror: this.suberror }),
      ...(this.claims === undefined ? {} : { claims: this.claims }),
    }
  }
}

/** Error texts quote values of the caller: a quoted value is short and has no control characters. */
function printable(value: string): string {
  return value.slice(0, 200).replaceAll(/[^\x20-\x7e]/g, '?')
}

/** A time in the form that the texts of refusals use. */
export function printedTime(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? 'out of range' : date.toISOString()
}
