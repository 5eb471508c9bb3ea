import type { CheckName } from './checks.js'
import type { BearerError } from './errors.js'

/** The option that decides a refusal, by code and reason or by code: what an operator looks at first. */
const settings: Readonly<Record<string, string>> = {
  'claim_missing aud': 'audienceClaim, or acceptMissingAudience with requiredClaims',
  'id_token nonce_without_scope': 'tokenType.allowNonce',
  'token_type_mismatch at_jwt_required': 'tokenType',
  'token_type_mismatch token_type_rule': 'tokenType',
  'claim_missing rfc9068': 'tokenType',
  'key_unknown algorithm': 'algorithms',
  'key_id_missing too_many_keys': 'jwksUri',
  'check_unavailable allowed_tenants': 'allowedTenants',
  'check_unavailable kind': 'kind',
  'check_unavailable expectation': 'requiredClaims',
  'check_unavailable clock': 'clock',
  'check_unavailable replay_store': 'replayStore',
  'token_type_mismatch opaque_expected': 'tokens',
  introspection_unavailable: 'introspectionUrl, authentication',
  sender_binding_unproven: 'senderProofs',
  sender_binding_missing: 'senderProofs',
  dpop_proof_invalid: 'senderProofs',
  dpop_nonce_required: 'senderProofs',
  id_token: 'tokenType',
  algorithm_not_allowed: 'algorithms',
  issuer_not_trusted: 'issuer',
  issuer_ambiguous: 'issuer',
  tenant_not_allowed: 'allowedTenants',
  key_denied: 'deniedKeys',
  audience_mismatch: 'audience',
  'check_unavailable revocation': 'revocation',
  token_revoked: 'revocation',
  token_life_too_long: 'revocation.maxTokenLifeSeconds',
  'claims_required revoked': 'revocation',
  claims_required: 'permission',
  auth_context_missing: 'permission',
  authentication_insufficient: 'permission',
  condition_refused: 'permission',
  token_expired: 'clockToleranceSeconds',
  token_not_yet_valid: 'clockToleranceSeconds',
  token_issued_in_future: 'clockToleranceSeconds',
  token_too_old: 'maxTokenAgeSeconds',
  token_too_large: 'maxTokenBytes',
  client_not_allowed: 'allowedClients',
  claim_not_allowed: 'requiredClaims',
  permissions_missing: 'allowedClients',
  kind_not_allowed: 'permission',
  scope_insufficient: 'permission',
  role_insufficient: 'permission',
}

/** The name of the option; undefined where no option decides. */
export function settingOf({ code, claim, reason }: BearerError, check: CheckName): string | undefined {
  const detail = reason ?? (check === 'audience' ? claim : undefined)
  // The reason is then the name of a condition of the application.
  if (code === 'check_unavailable' && check === 'permission') return 'permission'
  return settings[`${code} ${detail}`] ?? settings[code]
}
