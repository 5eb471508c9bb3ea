import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readChallenges, readClaimsChallenge } from '../src/fetch/claims-challenge.js'

const claims = '{"access_token":{"nbf":{"essential":true,"value":"1800000000"},"u":{"value":"é>?"}}}'
const standard = Buffer.from(claims).toString('base64')
const login = 'https://login.example'
const isOwnAddress = (uri: URL) => uri.origin === login

function plain(header: string): unknown {
  return readChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])
}

describe('a WWW-Authenticate header', () => {
  it.each([
    ['is one challenge', 'Bearer realm="a, b=c", error="e"', [['bearer', { realm: 'a, b=c', error: 'e' }]]],
    [
      'holds several challenges',
      'Negotiate, Basic realm="x", Bearer error=e',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
        ['bearer', { error: 'e' }],
      ],
    ],
    [
      'holds a token68 with padding',
      'Negotiate YII==, Bearer a="1"',
      [
        ['negotiate', {}],
        ['bearer', { a: '1' }],
      ],
    ],
    ['has spaces around its equals signs', 'Bearer a = "1" , b= 2', [['bearer', { a: '1', b: '2' }]]],
    ['has escapes in a value', String.raw`Bearer a="q\"q\\"`, [['bearer', { a: 'q"q\\' }]]],
    ['separates its parameters by spaces alone', 'Bearer a="1" b="2"', [['bearer', { a: '1', b: '2' }]]],
    ['names a parameter twice', 'Bearer a="1", A="2", b="3"', [['bearer', { b: '3' }]]],
    ['is no challenge', '=;="', []],
    ['is empty', '', []],
    ['is too long', `Bearer a="${'a'.repeat(16_384)}"`, []],
  ])('that %s is read', (_name, header, expected) => {
    expect(plain(header)).toEqual(expected)
  })

  it('of any text is read without throwing', () => {
    const piece = fc.constantFrom('Bearer', ' ', ',', '=', '"', '\\', '{', '}', 'claims', '"{"a":', 'é', '==')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        readChallenges(pieces.join(''))
        readClaimsChallenge(pieces.join(''), isOwnAddress)
      }),
      { numRuns: 5000 },
    )
  })

  // If the time grew with the square of the length, these would exceed the timeout of the test.
  it.each(['a="{', '"\\', 'a="{"\\"', 'a,', 'Bearer '])(
    'made of thousands of %j is read in linear time',
    (piece) => {
      for (let turn = 0; turn < 50; turn++) {
        const challenges = readChallenges(`Bearer ${piece.repeat(16_000 / piece.length)}`)
        expect(challenges[0]?.scheme).toBe('bearer')
      }
    },
  )
})

describe('a claims challenge', () => {
  const challenge = (value: string, more = '') => `Bearer error="insufficient_claims", claims=${value}${more}`

  it.each([
    ['in standard base64', challenge(`"${standard}"`)],
    ['in base64url', challenge(`"${Buffer.from(claims).toString('base64url')}"`)],
    ['without its padding', challenge(`"${standard.replaceAll('=', '')}"`)],
    ['without quotes', challenge(standard)],
    ['as JSON, escaped', challenge(`"${claims.replaceAll('"', String.raw`\"`)}"`)],
    ['as JSON with its own quotes', challenge(`"${claims}"`)],
    ['as JSON without quotes around it', challenge(claims)],
    ['before other parameters', challenge(`"${claims}"`, ', realm="x"')],
    ['beside its own login host', challenge(`"${standard}"`, `, authorization_uri="${login}/common"`)],
    ['after other challenges', `Basic realm="claims", Bearer error="invalid_token", ${challenge(standard)}`],
    // As seen from Azure Resource Manager: the claims decide, not the `error` parameter.
    ['beside another error', `Bearer error="invalid_token", claims="${standard}"`],
  ])('%s is read', (_name, header) => {
    expect(readClaimsChallenge(header, isOwnAddress)).toBe(claims)
  })

  it.each([
    ['of a strange login host', challenge(standard, ', authorization_uri="https://login.evil.example/"')],
    ['of a login host that is no address', challenge(standard, ', authorization_uri="login"')],
    ['of another scheme', `PoP error="insufficient_claims", claims="${standard}"`],
    ['named twice', challenge(standard, `, claims="${standard}"`)],
    ['that is a list', challenge(`"${Buffer.from('[]').toString('base64')}"`)],
    ['that is no JSON', challenge('"YWJj"')],
    ['that is no base64', challenge('"***"')],
    ['that is no text', challenge('"//79"')],
    ['of no claims', 'Bearer error="insufficient_claims"'],
  ])('%s is not one', (_name, header) => {
    expect(readClaimsChallenge(header, isOwnAddress)).toBeUndefined()
  })
})
