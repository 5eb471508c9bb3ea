import type { TokenClientErrorCode } from '../base/errors.js'
import type { RequestedToken } from '../observers/observers.js'

type Grant = RequestedToken['grant']

/** What a number means for each grant, where the grants differ. */
type Meaning = TokenClientErrorCode | Readonly<Record<Grant, TokenClientErrorCode>>

// The assertion of an on-behalf-of request is the user's token. Any other assertion is the client's credential.
const assertionRefused: Meaning = {
  obo: 'user_token_refused',
  app: 'client_credential_refused',
  session: 'client_credential_refused',
}

// What has expired or was revoked: the user's token, or the refresh token of a session.
const grantRefused: Meaning = {
  obo: 'user_token_refused',
  app: 'request_refused',
  session: 'refresh_token_expired',
}

/**
 * What Entra's error numbers mean for a service that acquires tokens. Source: "Microsoft Entra authentication
 * and authorization error codes". For a number that is not listed, `suberror` decides, then `error`.
 */
const aadsts: Readonly<Record<number, Meaning>> = {
  // the user's token (the assertion)
  50013: assertionRefused,
  50027: assertionRefused,
  500131: { ...assertionRefused, obo: 'user_token_audience_mismatch' },
  500133: {
    obo: 'user_token_expired',
    app: 'client_credential_expired',
    session: 'client_credential_expired',
  },
  240002: 'user_token_is_id_token',
  7000114: { obo: 'user_token_is_application_token', app: 'client_refused', session: 'client_refused' },
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
  // the account is disabled, deleted, locked, or in another tenant
  50020: 'user_disabled',
  50034: 'user_disabled',
  50053: 'user_disabled',
  50057: 'user_disabled',
  // assignment
  50105: 'user_not_assigned',
  501051: 'user_not_assigned',
  // the refresh token; for an on-behalf-of request, the user's token
  50173: grantRefused,
  70000: grantRefused,
  70008: grantRefused,
  70043: grantRefused,
  700082: grantRefused,
  700084: grantRefused,
  // this client's credential
  70021: 'client_credential_refused',
  700021: 'client_credential_refused',
  700023: 'client_credential_refused',
  700024: 'client_credential_expired',
  700025: 'client_credential_refused',
  700027: 'client_credential_refused',
  700211: 'client_credential_refused',
  700212: 'client_credential_refused',
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
  700038: 'client_refused',
  7000112: 'client_refused',
  7000229: 'client_refused',
  90009: 'client_refused',
  // the target
  28000: 'target_refused',
  28002: 'target_refused',
  50146: 'target_refused',
  500011: 'target_refused',
  500014: 'target_refused',
  501461: 'target_refused',
  650053: 'target_refused',
  70011: 'target_refused',
  700022: 'target_refused',
  901002: 'target_refused',
  1002012: 'target_refused',
  9010010: 'target_refused',
  // the tenant
  50059: 'tenant_unknown',
  90002: 'tenant_unknown',
  900023: 'tenant_unknown',
  // the service
  50196: 'throttled',
  90033: 'service_unavailable',
}

/** The numbers that are distinguished, for the test of their documentation. */
export const knownNumbers: readonly number[] = Object.keys(aadsts).map(Number)

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

/** What a plain `invalid_grant` means. */
const invalidGrant: Readonly<Record<Grant, TokenClientErrorCode>> = {
  app: 'request_refused',
  obo: 'interaction_required',
  session: 'refresh_token_expired',
}

/** The code for a refusal of a grant. */
export function codeOfRefusal(
  words: {
    status: number
    error: string | undefined
    suberror: string | undefined
    codes: readonly number[]
    claims: string | undefined
  },
  grant: Grant,
): TokenClientErrorCode {
  if (words.status === 429) return 'throttled'
  if (words.status >= 500) return 'service_unavailable'
  // Older bodies begin with a general number (70002) and name the specific one after it.
  for (const number of words.codes) {
    const meaning = lookUp(aadsts, number)
    // `invalid_client` is about this client, whatever else the request holds.
    if (meaning !== undefined)
      return words.error === 'invalid_client' ? ofClient(meaning) : ofGrant(meaning, grant)
  }
  return (
    lookUp(suberrors, words.suberror) ??
    (words.claims === undefined ? undefined : 'interaction_required') ??
    lookUp(oauthErrors, words.error) ??
    (words.error === 'invalid_grant' ? invalidGrant[grant] : 'request_refused')
  )
}

function ofGrant(meaning: Meaning, grant: Grant): TokenClientErrorCode {
  return typeof meaning === 'string' ? meaning : meaning[grant]
}

function ofClient(meaning: Meaning): TokenClientErrorCode {
  return ofGrant(meaning, 'app')
}

function lookUp<T>(
  table: Readonly<Record<string | number, T>>,
  key: string | number | undefined,
): T | undefined {
  return key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined
}
