import { apiClientId, apiUri, genericAudience, otherApiClientId } from '../identities.js'
import { invalid, type RefusedRequest } from './row.js'

/** Tokens that are meant for another API. */
export const audienceRows: readonly RefusedRequest[] = [
  invalid(
    'audience_mismatch',
    "another API's audience",
    { claims: { aud: otherApiClientId } },
    { claim: 'aud' },
  ),
  invalid(
    'audience_mismatch',
    "another API's audience in a v1.0 token",
    { from: 'v1Delegated', claims: { aud: `api://${otherApiClientId}` } },
    { claim: 'aud' },
  ),
  invalid(
    'audience_mismatch',
    'the audience with a slash added',
    { from: 'v1Delegated', claims: { aud: `${apiUri}/` } },
    { claim: 'aud', reason: 'trailing_slash' },
  ),
  invalid(
    'audience_mismatch',
    'the audience in capitals',
    { claims: { aud: apiClientId.toUpperCase() } },
    { claim: 'aud', reason: 'letter_case' },
  ),
  invalid(
    'audience_mismatch',
    'the audience Microsoft Graph',
    { claims: { aud: 'https://graph.microsoft.com' } },
    { claim: 'aud', reason: 'graph' },
  ),
  invalid(
    'audience_mismatch',
    'an audience that begins like ours',
    { claims: { aud: `${apiClientId}0` } },
    { claim: 'aud' },
  ),
  invalid('audience_mismatch', 'an empty audience', { claims: { aud: '' } }, { claim: 'aud' }),
  invalid('audience_mismatch', 'an empty list of audiences', { claims: { aud: [] } }, { claim: 'aud' }),
  invalid(
    'audience_mismatch',
    'a list of foreign audiences',
    { from: 'generic', claims: { aud: ['https://other.example', 'https://third.example'] } },
    { claim: 'aud' },
  ),
  invalid('claim_missing', 'a token without an audience', { claims: { aud: undefined } }, { claim: 'aud' }),
  invalid('claim_malformed', 'an audience that is a number', { claims: { aud: 7 } }, { claim: 'aud' }),
  invalid(
    'claim_malformed',
    'a list of audiences with a number in it',
    { from: 'generic', claims: { aud: [genericAudience, 7] } },
    { claim: 'aud' },
  ),
  invalid(
    'claim_malformed',
    'an audience that is an object',
    { claims: { aud: { [apiClientId]: true } } },
    { claim: 'aud' },
  ),
]
