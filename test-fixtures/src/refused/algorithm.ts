import { now } from '../clock.js'
import { invalid, type RefusedRequest } from './row.js'

/** Tokens that are refused for their header: algorithm, critical members, type. */
export const algorithmRows: readonly RefusedRequest[] = [
  invalid('algorithm_not_allowed', 'the algorithm none with an empty signature', {
    header: { alg: 'none' },
    signedWith: 'none',
  }),
  invalid('algorithm_not_allowed', 'the algorithm none over a valid signature', {
    header: { alg: 'none' },
    signedWith: 'RS256',
  }),
  invalid('algorithm_not_allowed', 'the algorithm None, in other letters', {
    header: { alg: 'None' },
    signedWith: 'none',
  }),
  invalid('algorithm_not_allowed', 'HMAC with the public key as its secret', { header: { alg: 'HS256' } }),
  invalid('algorithm_not_allowed', 'RS512 where Entra signs with RS256', { header: { alg: 'RS512' } }),
  invalid('algorithm_not_allowed', 'PS256 where Entra signs with RS256', { header: { alg: 'PS256' } }),
  invalid('algorithm_not_allowed', 'rs256 in lower case', { header: { alg: 'rs256' }, signedWith: 'RS256' }),
  invalid('algorithm_not_allowed', 'a header without an algorithm', { header: { alg: undefined } }),
  invalid('algorithm_not_allowed', 'an algorithm that is a list', { header: { alg: ['RS256'] } }),
  invalid('algorithm_not_allowed', 'an algorithm that is a name on every object', {
    header: { alg: 'constructor' },
    signedWith: 'RS256',
  }),
  invalid('algorithm_not_allowed', 'HMAC from a generic issuer', {
    from: 'generic',
    header: { alg: 'HS256' },
  }),
  invalid('algorithm_not_allowed', 'the algorithm none from a generic issuer', {
    from: 'generic',
    header: { alg: 'none' },
  }),
  invalid(
    'algorithm_not_allowed',
    'an algorithm that was left out of the list',
    { from: 'generic', key: 'p256' },
    { issuerOptions: { algorithms: ['RS256'] } },
  ),
  invalid(
    'header_unsupported',
    'an unknown critical header member',
    { header: { crit: ['exp'], exp: now + 60 } },
    { claim: 'crit' },
  ),
  invalid(
    'header_unsupported',
    'an empty list of critical members',
    { header: { crit: [] } },
    { claim: 'crit' },
  ),
  invalid(
    'header_unsupported',
    'a critical b64',
    { header: { crit: ['b64'], b64: true } },
    { claim: 'crit' },
  ),
  invalid('header_unsupported', 'a payload declared unencoded', { header: { b64: false } }, { claim: 'b64' }),
  invalid('token_type_mismatch', 'a logout token', { header: { typ: 'logout+jwt' } }),
  invalid('token_type_mismatch', 'a DPoP proof', { header: { typ: 'dpop+jwt' } }),
  invalid('token_type_mismatch', 'a logout token of a generic issuer', {
    from: 'generic',
    header: { typ: 'logout+jwt' },
  }),
  invalid('token_type_mismatch', 'a security event token of a generic issuer', {
    from: 'generic',
    header: { typ: 'application/secevent+jwt' },
  }),
  invalid('token_type_mismatch', 'a DPoP proof of a generic issuer', {
    from: 'rfc9068',
    header: { typ: 'dpop+jwt' },
  }),
  invalid('token_type_mismatch', 'a type that is a number', { from: 'rfc9068', header: { typ: 1 } }),
  invalid(
    'token_type_mismatch',
    'a plain JWT where RFC 9068 is required',
    { from: 'generic' },
    { issuerOptions: { tokenType: 'rfc9068' } },
  ),
  invalid(
    'token_type_mismatch',
    'a plain JWT in small letters where RFC 9068 is required',
    { from: 'generic', header: { typ: 'jwt' } },
    { issuerOptions: { tokenType: 'rfc9068' } },
  ),
  invalid(
    'token_type_mismatch',
    'a token without a type where RFC 9068 is required',
    { from: 'rfc9068', header: { typ: undefined } },
    { issuerOptions: { tokenType: 'rfc9068' } },
  ),
  invalid('graph_token', 'a Microsoft Graph token, by the nonce in its header', {
    header: { nonce: 'Xx3vGq1xVtYwT9' },
    claims: { aud: 'https://graph.microsoft.com' },
  }),
]
