import { padJson, tokenOfLength, withSpareBit } from '../tokens.js'
import { invalid, type RefusedRequest } from './row.js'

/** Inserts text right after the opening brace of a JSON object. */
const prepend =
  (text: string) =>
  (json: string): string =>
    json.replace('{', `{${text},`)

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

/** Tokens that are refused for their form: size, parts, encoding, JSON. */
export const shapeRows: readonly RefusedRequest[] = [
  invalid('token_too_large', 'a token one byte above 16 KiB', () => tokenOfLength(16_384 + 1)),
  invalid('token_too_large', 'a token above a limit that is configured', () => tokenOfLength(2_001), {
    options: { maxTokenBytes: 2_000 },
  }),
  invalid('token_malformed', 'one word instead of a token', () => 'opensesame-opensesame', {
    reason: 'parts',
  }),
  invalid(
    'token_malformed',
    'a token without its signature part',
    { token: (t) => t.slice(0, t.lastIndexOf('.')) },
    { reason: 'parts' },
  ),
  invalid(
    'token_malformed',
    'a token with a fourth part',
    { token: (t) => `${t}.AAAA` },
    { reason: 'parts' },
  ),
  invalid(
    'token_malformed',
    'a token with six parts',
    { token: (t) => `${t}.AAAA.AAAA.AAAA` },
    { reason: 'parts' },
  ),
  invalid('token_encrypted', 'an encrypted token of five parts', { token: (t) => `${t}.AAAA.AAAA` }),
  invalid(
    'token_malformed',
    'a second token after a comma',
    { token: (t) => `${t},${t.slice(0, 20)}` },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a signature with padding',
    { signatureSegment: (s) => `${s}==` },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a header segment with padding',
    { headerText: padJson, headerSegment: (s) => s.padEnd(Math.ceil(s.length / 4) * 4, '=') },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a payload segment with padding',
    { payloadText: padJson, payloadSegment: (s) => s.padEnd(Math.ceil(s.length / 4) * 4, '=') },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a signature in the standard base64 alphabet',
    { signatureSegment: (s) => `+${s.slice(1)}` },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a payload in the standard base64 alphabet',
    {
      payloadText: (t) => padJson(t.replace('{', '{"filler":"???>>>",')),
      payloadSegment: (s) => Buffer.from(s, 'base64url').toString('base64').replaceAll('=', ''),
    },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a signature with a spare bit set',
    { signatureSegment: withSpareBit },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a header segment with a spare bit set',
    { headerText: padJson, headerSegment: withSpareBit },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a payload segment with a spare bit set',
    { payloadText: padJson, payloadSegment: withSpareBit },
    { reason: 'base64url' },
  ),
  invalid(
    'token_malformed',
    'a signature of an impossible length',
    { signatureSegment: (s) => `${s}AAA` },
    { reason: 'base64url' },
  ),
  invalid('token_malformed', 'an empty header segment', { headerText: () => '' }, { reason: 'json' }),
  invalid('token_malformed', 'an empty payload segment', { payloadText: () => '' }, { reason: 'json' }),
  invalid(
    'token_malformed',
    'a header with an invalid UTF-8 byte',
    { headerText: (t) => withBadByte(t) },
    { reason: 'utf8' },
  ),
  invalid(
    'token_malformed',
    'a payload with an invalid UTF-8 byte',
    { payloadText: (t) => withBadByte(t) },
    { reason: 'utf8' },
  ),
  invalid(
    'token_malformed',
    'a payload with an overlong UTF-8 sequence',
    { payloadText: (t) => withBadByte(t, [0xc0, 0xaf]) },
    { reason: 'utf8' },
  ),
  invalid(
    'token_malformed',
    'a payload with a lone surrogate in UTF-8',
    { payloadText: (t) => withBadByte(t, [0xed, 0xa0, 0x80]) },
    { reason: 'utf8' },
  ),
  invalid(
    'token_malformed',
    'a payload that is not JSON',
    { payloadText: (t) => t.slice(0, -1) },
    { reason: 'json' },
  ),
  invalid(
    'token_malformed',
    'a payload with a comma too many',
    { payloadText: (t) => t.replace(/\}$/, ',}') },
    { reason: 'json' },
  ),
  invalid(
    'token_malformed',
    'a payload followed by a second object',
    { payloadText: (t) => `${t}{}` },
    { reason: 'json' },
  ),
  invalid(
    'token_malformed',
    'a payload that is an array',
    { payloadText: (t) => `[${t}]` },
    { reason: 'json' },
  ),
  invalid(
    'token_malformed',
    'a payload that is a string',
    { payloadText: () => '"payload"' },
    { reason: 'json' },
  ),
  invalid('token_malformed', 'a payload that is null', { payloadText: () => 'null' }, { reason: 'json' }),
  invalid(
    'token_malformed',
    'a header that is an array',
    { headerText: (t) => `[${t}]` },
    { reason: 'json' },
  ),
  invalid(
    'token_malformed',
    'a payload after a byte order mark',
    { payloadText: (t) => `\uFEFF${t}` },
    { reason: 'json' },
  ),
  invalid(
    'token_malformed',
    'a header after a byte order mark',
    { headerText: (t) => `\uFEFF${t}` },
    { reason: 'json' },
  ),
  invalid(
    'token_malformed',
    'a header name given twice',
    { headerText: prepend('"alg":"none"') },
    { reason: 'duplicate_name' },
  ),
  invalid(
    'token_malformed',
    'a claim name given twice',
    { payloadText: prepend('"aud":"another"') },
    { reason: 'duplicate_name' },
  ),
  invalid(
    'token_malformed',
    'a claim given twice with the same value',
    { payloadText: prepend('"ver":"2.0"') },
    { reason: 'duplicate_name' },
  ),
  invalid(
    'token_malformed',
    'a claim name repeated by way of an escape',
    { payloadText: prepend('"\\u0061ud":"another"') },
    { reason: 'duplicate_name' },
  ),
  invalid(
    'token_malformed',
    'a name given twice deep inside a claim',
    { payloadText: prepend('"x":[{"y":{"z":1,"z":2}}]') },
    { reason: 'duplicate_name' },
  ),
  invalid(
    'token_malformed',
    'a claim with a backslash in its name, which some engines confuse with an escaped name',
    { payloadText: prepend('"a\\\\b":1') },
    { reason: 'backslash_in_name' },
  ),
  invalid(
    'token_malformed',
    'a member named __proto__ in the payload',
    { payloadText: prepend('"__proto__":{"aud":"x"}') },
    { reason: 'prototype' },
  ),
  invalid(
    'token_malformed',
    'a member named __proto__ by way of an escape',
    { payloadText: prepend('"__pr\\u006fto__":1') },
    { reason: 'prototype' },
  ),
  invalid(
    'token_malformed',
    'a member named __proto__ in the header',
    { headerText: prepend('"__proto__":{"b64":true}') },
    { reason: 'prototype' },
  ),
  invalid(
    'token_malformed',
    'a member named __proto__ deep inside a claim',
    { payloadText: prepend('"x":{"y":{"__proto__":{}}}') },
    { reason: 'prototype' },
  ),
  invalid(
    'token_malformed',
    'a payload nested a thousand times',
    { payloadText: prepend(`"x":${nested(1000)}`) },
    { reason: 'nesting' },
  ),
  invalid(
    'token_malformed',
    'a header nested a hundred times',
    { headerText: prepend(`"x":${nested(100)}`) },
    { reason: 'nesting' },
  ),
]

function withBadByte(json: string, bytes: readonly number[] = [0xff]): Uint8Array {
  const [before = '', after = ''] = prepend('"x":"|"')(json).split('|')
  return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)])
}
