import { BearerError } from './errors.js'
import { readJsonObject, type JsonFault, type JsonResult } from './json.js'
import { platform } from '#platform'
import type { SignedText } from './platform.js'

/** A token, split into its parts. Nothing in it is trusted yet. */
export interface UnverifiedToken extends SignedText {
  readonly headerSegment: string
  readonly unverifiedHeader: Readonly<Record<string, unknown>>
  readonly unverifiedClaims: Readonly<Record<string, unknown>>
  /** An estimate of the memory that token and claims use together. */
  readonly bytes: number
}

type JsonObjectRead = Extract<JsonResult, { fault?: undefined }>

const jsonReasons: Readonly<Record<JsonFault, string>> = {
  json: 'json',
  object: 'json',
  duplicate_name: 'duplicate_name',
  backslash_in_name: 'backslash_in_name',
  nesting: 'nesting',
  prototype: 'prototype',
}

/** Headers seen under a valid signature: an issuer signs all its tokens with one of a few headers. */
export type HeaderCache = Map<string, Readonly<Record<string, unknown>>>

/**
 * Reads a JWS in compact serialization (RFC 7515 section 7.1), strictly: exactly three parts of canonical base64url, header
 * and payload well-formed UTF-8 and JSON objects without repeated names. Refuses with `token_too_large`,
 * `token_encrypted` or `token_malformed`. It does not check the signature.
 */
export function readToken(token: string, maximumBytes: number, headers: HeaderCache): UnverifiedToken {
  if (token.length > maximumBytes) throw new BearerError('token_too_large')
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first === -1 || second === -1) throw new BearerError('token_malformed', { reason: 'parts' })
  const third = token.indexOf('.', second + 1)
  if (third !== -1) {
    // Five parts are a JWE (RFC 7516 section 7.1): a code of its own helps the person who registered an encryption key.
    const parts = token.split('.').length
    throw parts === 5
      ? new BearerError('token_encrypted')
      : new BearerError('token_malformed', { reason: 'parts' })
  }
  const headerSegment = token.slice(0, first)
  const unverifiedHeader = headers.get(headerSegment) ?? readSegment(headerSegment).object
  const { object: unverifiedClaims, bytes } = readSegment(token.slice(first + 1, second))
  const signature = platform.decodeBase64Url(token.slice(second + 1))
  if (signature === undefined) throw new BearerError('token_malformed', { reason: 'base64url' })
  return {
    token,
    signedLength: second,
    signature,
    headerSegment,
    unverifiedHeader,
    unverifiedClaims,
    bytes: estimateBytes(token, bytes),
  }
}

/**
 * Measured: a token as a string and the text of its claims use about the same memory each; many small values use more than
 * their text. The larger of both estimates is never below what was measured by more than a tenth.
 */
function estimateBytes(token: string, bytesOfValues: number): number {
  return 400 + token.length + Math.max(token.length, bytesOfValues)
}

function readSegment(segment: string): JsonObjectRead {
  const text = platform.decodeText(segment)
  if (text === undefined) {
    const reason = platform.decodeBase64Url(segment) === undefined ? 'base64url' : 'utf8'
    throw new BearerError('token_malformed', { reason })
  }
  const result = readJsonObject(text)
  if (result.object === undefined)
    throw new BearerError('token_malformed', { reason: jsonReasons[result.fault] })
  return result
}
