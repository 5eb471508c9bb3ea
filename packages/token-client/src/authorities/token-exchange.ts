import { TokenClientError } from '../base/errors.js'
import { badOption, readFunction, readGroup } from '../base/options-reader.js'
import { obtain } from '../credentials/client-credential.js'
import type { GrantRequest } from './authority.js'

/** Token exchange (RFC 8693). A token type is a short name or a URI. */
export interface TokenExchangeOptions {
  /** What the user's token is (`subject_token_type`). Default: `access_token`. */
  readonly subjectTokenType?: TokenType | undefined
  /** What is requested (`requested_token_type`); `none` sends no such parameter. Default: `access_token`. */
  readonly requestedTokenType?: 'access_token' | 'jwt' | 'none' | undefined
  /**
   * What a session requests, which needs a refresh token. Keycloak issues one for `refresh_token`. Default: the same as
   * `requestedTokenType`, with the scope `offline_access`.
   */
  readonly sessionTokenType?: 'refresh_token' | undefined
  /**
   * The token of the party that acts for the user (`actor_token`), for services that put it into `act`. A function, called
   * for each request. What it throws is `client_credential_unavailable`.
   */
  readonly actorToken?: (() => string | Promise<string>) | undefined
  /** What the actor's token is (`actor_token_type`). Default: `access_token`. */
  readonly actorTokenType?: TokenType | undefined
}

/** A token type identifier (RFC 8693 section 3), by its short name or as a URI. */
export type TokenType = 'access_token' | 'id_token' | 'jwt' | 'saml1' | 'saml2' | (string & {})

const shortNames = ['access_token', 'id_token', 'jwt', 'refresh_token', 'saml1', 'saml2']
const optionNames = [
  'subjectTokenType',
  'requestedTokenType',
  'sessionTokenType',
  'actorToken',
  'actorTokenType',
]

/** Reads the options. Throws `TypeError`. */
export function readTokenExchange(options: TokenExchangeOptions | undefined): {
  readonly identity: readonly string[]
  readonly request: (userToken: string, offline?: 'offline') => GrantRequest
} {
  const what = 'oauthAuthority'
  const group = readGroup(what, 'tokenExchange', options, optionNames)
  const { requestedTokenType = 'access_token', sessionTokenType } = group
  if (!['access_token', 'jwt', 'none'].includes(requestedTokenType)) {
    throw badOption(what, 'tokenExchange.requestedTokenType', 'must be access_token, jwt or none')
  }
  if (sessionTokenType !== undefined && sessionTokenType !== 'refresh_token') {
    throw badOption(what, 'tokenExchange.sessionTokenType', 'must be refresh_token')
  }
  const typeOf = (name: 'subjectTokenType' | 'actorTokenType') => {
    const type: unknown = group[name] ?? 'access_token'
    if (typeof type === 'string' && shortNames.includes(type)) return urnOf(type)
    if (typeof type === 'string' && URL.canParse(type)) return type
    throw badOption(what, `tokenExchange.${name}`, `must be a URI, or one of ${shortNames.join(', ')}`)
  }
  const subjectTokenType = typeOf('subjectTokenType')
  const actorTokenType = typeOf('actorTokenType')
  const actorToken =
    group.actorToken === undefined
      ? undefined
      : readFunction<() => string | Promise<string>>(what, 'tokenExchange.actorToken', group.actorToken)
  if (actorToken === undefined && group.actorTokenType !== undefined) {
    throw badOption(what, 'tokenExchange.actorTokenType', 'must come with actorToken')
  }

  return {
    identity:
      options === undefined ? [] : ['exchange', subjectTokenType, requestedTokenType, sessionTokenType ?? ''],
    // RFC 8693 section 2.1
    request(userToken, offline) {
      const requested = offline === undefined ? requestedTokenType : (sessionTokenType ?? requestedTokenType)
      return {
        grantType: 'urn:ietf:params:oauth:grant-type:token-exchange',
        parameters: {
          subject_token: userToken,
          subject_token_type: subjectTokenType,
          ...(requested === 'none' ? {} : { requested_token_type: urnOf(requested) }),
        },
        obtainParameters:
          actorToken === undefined
            ? undefined
            : async () => ({
                actor_token: checkActorToken(await obtain(actorToken)),
                actor_token_type: actorTokenType,
              }),
      }
    },
  }
}

function checkActorToken(token: unknown): string {
  if (typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)) return token
  throw new TokenClientError('client_credential_unusable', { reason: 'actorToken' })
}

function urnOf(shortName: string): string {
  return `urn:ietf:params:oauth:token-type:${shortName}`
}
