import { apiUri, daemonClientId, userClientId } from '../identities.js'
import { invalid, type RefusedRequest } from './row.js'

/** Entra tokens whose version and claims contradict each other. */
export const versionRows: readonly RefusedRequest[] = [
  invalid('claim_missing', 'a token without a version', { claims: { ver: undefined } }, { claim: 'ver' }),
  invalid('claim_malformed', 'a version that is a number', { claims: { ver: 2 } }, { claim: 'ver' }),
  invalid(
    'claim_malformed',
    'version 1.0 under the v2.0 issuer',
    { claims: { ver: '1.0' } },
    { claim: 'ver' },
  ),
  invalid(
    'claim_malformed',
    'version 2.0 under the v1.0 issuer',
    { from: 'v1Delegated', claims: { ver: '2.0' } },
    { claim: 'ver' },
  ),
  invalid('claim_malformed', 'an unknown version', { claims: { ver: '3.0' } }, { claim: 'ver' }),
  invalid(
    'claim_missing',
    'a v2.0 token with the client claim of v1.0',
    { claims: { azp: undefined, appid: userClientId } },
    { claim: 'azp' },
  ),
  invalid(
    'claim_missing',
    'a v1.0 token with the client claim of v2.0',
    { from: 'v1Application', claims: { appid: undefined, azp: daemonClientId } },
    { claim: 'appid' },
  ),
  invalid(
    'audience_mismatch',
    'a v2.0 token with the audience of v1.0',
    { claims: { aud: apiUri } },
    { claim: 'aud' },
  ),
]
