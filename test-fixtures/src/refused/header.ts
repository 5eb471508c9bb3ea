import { tokenWith } from '../tokens.js'
import { header, type RefusedRequest } from './row.js'

/** Requests whose `Authorization` header is refused before any token is looked at. */
export const headerRows: readonly RefusedRequest[] = [
  header(401, 'credentials_missing', 'a request without an Authorization header', () => []),
  header(401, 'scheme_unsupported', 'the Basic scheme', () => ['Basic bWFyYTpvcGVuLXNlc2FtZS0xMjM0']),
  header(401, 'scheme_unsupported', 'a valid token under the scheme DPoP', () => [`DPoP ${tokenWith()}`]),
  header(401, 'scheme_unsupported', 'a scheme that only begins with Bearer', () => [
    `BearerToken ${tokenWith()}`,
  ]),
  header(400, 'authorization_repeated', 'the same valid token in two Authorization headers', () => [
    `Bearer ${tokenWith()}`,
    `Bearer ${tokenWith()}`,
  ]),
  header(400, 'authorization_repeated', 'a valid token after a header of another scheme', () => [
    'Basic bWFyYTpvcGVuLXNlc2FtZS0xMjM0',
    `Bearer ${tokenWith()}`,
  ]),
  header(400, 'authorization_malformed', 'an empty Authorization header', () => ['']),
  header(400, 'authorization_malformed', 'Bearer without a token', () => ['Bearer']),
  header(400, 'authorization_malformed', 'a tab between Bearer and the token', () => [
    `Bearer\t${tokenWith()}`,
  ]),
  header(400, 'authorization_malformed', 'a token with a tab inside', () => [
    `Bearer ${tokenWith().replace('.', '\t.')}`,
  ]),
  header(400, 'authorization_malformed', 'a token with a space inside', () => [
    `Bearer ${tokenWith().replace('.', ' .')}`,
  ]),
  header(400, 'authorization_malformed', 'two tokens in one header', () => [
    `Bearer ${tokenWith()} ${tokenWith({ from: 'v1Delegated' })}`,
  ]),
  header(400, 'authorization_malformed', 'parameters in place of a token', () => [
    'Bearer realm="files", token="opensesame"',
  ]),
  header(400, 'authorization_malformed', 'a value that begins with a comma', () => [
    `,Bearer ${tokenWith()}`,
  ]),
  header(401, 'scheme_unsupported', 'a token without a scheme', () => [tokenWith()]),
]
