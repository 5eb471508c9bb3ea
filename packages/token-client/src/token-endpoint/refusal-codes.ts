import type { TokenClientErrorCode } from '../base/errors.js'

/**
 * What Entra's error numbers mean for a service that acquires tokens. Source: "Microsoft Entra authentication
 * and authorization error codes". For a number that is not listed, `suberror` decides, then `error`.
 */
const aadsts: Readonly<Record<number, TokenClientErrorCode>> = {
  // the user's token (the assertion)
  50013: 'user_token_refused',
  500131: 'user_token_audience_mismatch',
  500133: 'user_token_expired',
  240002: 'user_token_is_id_token',
  7000114: 'user_token_is_application_token',
  // the user must do something
  50058: 'interaction_required',
  50072: 'interaction_required',
  50074: 'interaction_required',
  50076: 'interaction_required',
  50079: 'interaction_required',
  50097: 'interaction_required',
  50131: 'interaction_required',
  50132: 'interaction_required',
  50144: 'interaction_required',
  50158: 'interaction_required',
  53000: 'interaction_required',
  53001: 'interaction_required',
  53003: 'interaction_required',
  // consent
  65001: 'consent_required',
  65004: 'consent_required',
  90094: 'consent_required',
  // the account is disabled, deleted or locked
  50034: 'user_disabled',
  50053: 'user_disabled',
  50057: 'user_disabled',
  // assignment
  50105: 'user_not_assigned',
  501051: 'user_not_assigned',
  // the refresh token
  50173: 'refresh_token_expired',
  70000: 'refresh_token_expired',
  70008: 'refresh_token_expired',
  70043: 'refresh_token_expired',
  700082: 'refresh_token_expired',
  700084: 'refresh_token_expired',
  // this client's credential
  50027: 'client_credential_refused',
  70021: 'client_credential_refused',
  700024: 'client_credential_expired',
  700025: 'client_credential_refused',
  700027: 'client_credential_refused',
  700213: 'client_credential_refused',
  700229: 'client_credential_refused',
  1000502: 'client_credential_expired',
  7000214: 'client_credential_refused',
  7000215: 'client_credential_refused',
  7000216: 'client_credential_refused',
  7000218: 'client_credential_refused',
  7000222: 'client_credential_expired',
  7000274: 'client_credential_refused',
  7000277: 'client_credential_refused',
  // this client
  50194: 'client_refused',
  65005: 'client_refused',
  650057: 'client_refused',
  700016: 'client_refused',
  7000112: 'client_refused',
  7000229: 'client_refused',
  90009: 'client_refused',
  // the target
  28002: 'target_refused',
  500011: 'target_refused',
  500014: 'target_refused',
  650053: 'target_refused',
  70011: 'target_refused',
  700022: 'target_refused',
  901002: 'target_refused',
  1002012: 'target_refused',
  9010010: 'target_refused',
  // the tenant
  90002: 'tenant_unknown',
  900023: 'tenant_unknown',
  // the service
  50196: 'throttled',
  90033: 'service_unavailable',
}

const suberrors: Readonly<Record<string, TokenClientErrorCode>> = {
  consent_required: 'consent_required',
  additional_action: 'interaction_required',
  bad_token: 'interaction_required',
  basic_action: 'interaction_required',
  interrupted_user: 'interaction_required',
  message_only: 'interaction_required',
  ui_not_allowed: 'interaction_required',
  user_password_expired: 'interaction_required',
}

/** RFC 6749 section 5.2, OpenID Connect Core section 3.1.2.6, RFC 8693 section 2.2.2, and Entra's own words. */
const oauthErrors: Readonly<Record<string, TokenClientErrorCode>> = {
  interaction_required: 'interaction_required',
  login_required: 'interaction_required',
  consent_required: 'consent_required',
  invalid_client: 'client_credential_refused',
  unauthorized_client: 'client_refused',
  invalid_scope: 'target_refused',
  invalid_resource: 'target_refused',
  invalid_target: 'target_refused',
  invalid_tenant: 'tenant_unknown',
  slow_down: 'throttled',
  temporarily_unavailable: 'service_unavailable',
  server_error: 'service_unavailable',
}

/** The code for a refusal. `invalidGrant` is what a plain `invalid_grant` means for this grant. */
export function codeOfRefusal(
  words: {
    status: number
    error: string | undefined
    suberror: string | undefined
    codes: readonly number[]
    claims: string | undefined
  },
  invalidGrant: TokenClientErrorCode,
): TokenClientErrorCode {
  if (words.status === 429) return 'throttled'
  if (words.status >= 500) return 'service_unavailable'
  // Older bodies begin with a general number (70002) and name the specific one after it.
  for (const number of words.codes) {
    const code = lookUp(aadsts, number)
    if (code !== undefined) return code
  }
  return (
    lookUp(suberrors, words.suberror) ??
    (words.claims === undefined ? undefined : 'interaction_required') ??
    lookUp(oauthErrors, words.error) ??
    (words.error === 'invalid_grant' ? invalidGrant : 'request_refused')
  )
}

function lookUp<T>(
  table: Readonly<Record<string | number, T>>,
  key: string | number | undefined,
): T | undefined {
  return key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined
}
