import { now } from '../clock.js'
import { invalid, type RefusedRequest } from './row.js'

/** Replaces the value of a member in JSON text by any text. */
const rawMember = (name: string, value: string) => (json: string) =>
  json.replace(new RegExp(`"${name}":("[^"]*"|[^,}]*)`), `"${name}":${value}`)

/** Tokens that are not valid at this time. */
export const timeRows: readonly RefusedRequest[] = [
  invalid(
    'token_expired',
    'a token on the second its tolerance ends',
    { claims: { exp: now - 60 } },
    { claim: 'exp' },
  ),
  invalid(
    'token_expired',
    'a token on its expiry without tolerance',
    { claims: { exp: now } },
    { claim: 'exp', options: { clockToleranceSeconds: 0 } },
  ),
  invalid('token_expired', 'a token that expired at the epoch', { claims: { exp: 0 } }, { claim: 'exp' }),
  invalid(
    'token_expired',
    'a token that expired before the epoch',
    { claims: { exp: -1 } },
    { claim: 'exp' },
  ),
  invalid(
    'token_expired',
    'an expired application token',
    { from: 'v1Application', claims: { exp: now - 60 } },
    { claim: 'exp' },
  ),
  invalid(
    'token_expired',
    'an expired token of a generic issuer',
    { from: 'rfc9068', claims: { exp: now - 60 } },
    { claim: 'exp' },
  ),
  invalid('claim_missing', 'a token without an expiry', { claims: { exp: undefined } }, { claim: 'exp' }),
  invalid(
    'claim_missing',
    'a generic token without an expiry',
    { from: 'generic', claims: { exp: undefined } },
    { claim: 'exp' },
  ),
  invalid(
    'claim_malformed',
    'an expiry given as a string',
    { claims: { exp: String(now + 3600) } },
    { claim: 'exp' },
  ),
  invalid('claim_missing', 'an expiry that is null', { claims: { exp: null } }, { claim: 'exp' }),
  invalid('claim_malformed', 'an expiry that is true', { claims: { exp: true } }, { claim: 'exp' }),
  invalid('claim_malformed', 'an expiry in a list', { claims: { exp: [now + 3600] } }, { claim: 'exp' }),
  invalid(
    'claim_malformed',
    'an expiry of 1e999',
    { payloadText: rawMember('exp', '1e999') },
    { claim: 'exp' },
  ),
  invalid(
    'token_not_yet_valid',
    'a token one second before its tolerance',
    { claims: { nbf: now + 61 } },
    { claim: 'nbf' },
  ),
  invalid(
    'token_not_yet_valid',
    'a token valid from tomorrow',
    { claims: { nbf: now + 86_400 } },
    { claim: 'nbf' },
  ),
  invalid(
    'claim_malformed',
    'a start of validity given as a string',
    { claims: { nbf: '0' } },
    { claim: 'nbf' },
  ),
  invalid(
    'claim_malformed',
    'a start of validity of -1e999',
    { payloadText: rawMember('nbf', '-1e999') },
    { claim: 'nbf' },
  ),
  invalid(
    'token_issued_in_future',
    'a token issued one second after its tolerance',
    { claims: { iat: now + 61 } },
    { claim: 'iat' },
  ),
  invalid(
    'claim_malformed',
    'an issue time given as a date',
    { claims: { iat: '2026-03-01T12:00:00Z' } },
    { claim: 'iat' },
  ),
  invalid(
    'token_too_old',
    'a token on the second it is too old',
    { claims: { iat: now - 660 } },
    { claim: 'iat', options: { maxTokenAgeSeconds: 600 } },
  ),
  invalid(
    'claim_missing',
    'a token without an issue time where its age is limited',
    { claims: { iat: undefined } },
    { claim: 'iat', options: { maxTokenAgeSeconds: 600 } },
  ),
]
