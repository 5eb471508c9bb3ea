import type { Version } from '../directory/types.js'
import type { IssuedToken } from '../tokens/access-token.js'

/** What the token endpoint answers; on v1.0 every number is a string. */
export type TokenAnswer = Readonly<Record<string, string | number>>

interface AnswerParts {
  readonly issued: IssuedToken
  /** The API as the client named it: echoed on v1.0. */
  readonly identifier: string
  readonly scope?: string
  readonly refreshToken?: string | undefined
  readonly idToken?: string | undefined
  readonly clientInfo?: string | undefined
}

/** The members of a successful answer, in the types and the order of the endpoint's version. */
export function tokenAnswer(version: Version, parts: AnswerParts): TokenAnswer {
  const { issued, identifier, scope, refreshToken, idToken, clientInfo } = parts
  const { expiresIn, expiresAt, notBefore, token } = issued
  return {
    token_type: 'Bearer',
    ...(scope === undefined ? {} : { scope }),
    ...(version === '1.0'
      ? {
          expires_in: String(expiresIn),
          ext_expires_in: String(expiresIn),
          expires_on: String(expiresAt),
          not_before: String(notBefore),
          resource: identifier,
        }
      : { expires_in: expiresIn, ext_expires_in: expiresIn }),
    access_token: token,
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    ...(idToken === undefined ? {} : { id_token: idToken }),
    ...(clientInfo === undefined ? {} : { client_info: clientInfo }),
  }
}
