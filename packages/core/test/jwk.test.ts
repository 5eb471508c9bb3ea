import { createPublicKey, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { signingKey } from '@countersign/test-fixtures'
import { describe, expect, it } from 'vitest'
import { fits, readJwk, type SigningKey } from '../src/jwk.js'

const { n, e } = signingKey('generic').publicKey.export({ format: 'jwk' }) as { n: string; e: string }
const rsa = { kty: 'RSA', n, e, kid: 'k' }
const ec = { ...signingKey('p256').publicKey.export({ format: 'jwk' }) }
const ed = { ...signingKey('ed25519').publicKey.export({ format: 'jwk' }) }
const ed448 = { ...(await promisify(generateKeyPair)('ed448')).publicKey.export({ format: 'jwk' }) }

/** Bytes of a modulus or an exponent, as a JWK spells them. */
const bytes = (...list: number[]): string => Buffer.from(list).toString('base64url')
const modulus = (bits: number): string => {
  const whole = Buffer.alloc(Math.ceil(bits / 8), 0xff)
  if (bits % 8 !== 0) whole[0] = 0xff >> (8 - (bits % 8))
  return whole.toString('base64url')
}

describe('a JWK', () => {
  it.each<[string, object]>([
    ['of RSA', rsa],
    ['without a key id', { kty: 'RSA', n, e }],
    ['for signatures', { ...rsa, use: 'sig' }],
    ['for verifying', { ...rsa, key_ops: ['verify'] }],
    ['for signing and verifying', { ...rsa, key_ops: ['sign', 'verify'] }],
    ['bound to an algorithm that fits', { ...rsa, alg: 'PS384' }],
    ['of 2048 bits', { ...rsa, n: modulus(2048) }],
    ['of 2048 bits after a zero byte', { ...rsa, n: bytes(0, ...Buffer.from(modulus(2048), 'base64url')) }],
    ['of 8192 bits', { ...rsa, n: modulus(8192) }],
    ['with a larger odd exponent', { ...rsa, e: bytes(0xff, 0xff, 0xff, 0xff) }],
    ['with unknown members', { ...rsa, x5t: 'x', x5c: ['x'], ext: true }],
    ['with a long key id', { ...rsa, kid: 'k'.repeat(1024) }],
    ['of P-256', ec],
    ['of Ed25519', ed],
  ])('%s is a usable key', (_, jwk) => {
    expect(readJwk(jwk, 1, 2)).toMatchObject({ key: { lastListed: 1, servesUntil: 2 } })
  })

  it.each<[string, unknown, string]>([
    ['that is text', 'jwk', 'not_an_object'],
    ['that is null', null, 'not_an_object'],
    ['that is a list', [rsa], 'not_an_object'],
    ['without a type', { n, e }, 'kty'],
    ['of another type', { ...rsa, kty: 'rsa' }, 'kty'],
    ['that is symmetric', { kty: 'oct', k: 'AAAA' }, 'symmetric'],
    ['that is symmetric without its secret', { kty: 'oct' }, 'symmetric'],
    ['of RSA with a symmetric secret', { ...rsa, k: 'AAAA' }, 'symmetric'],
    ...['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'].map((member): [string, unknown, string] => [
      `with the private member ${member}`,
      { ...rsa, [member]: 'AAAA' },
      'private',
    ]),
    ['for encryption', { ...rsa, use: 'enc' }, 'use'],
    ['whose use is a list', { ...rsa, use: ['sig'] }, 'use'],
    ['for signing alone', { ...rsa, key_ops: ['sign'] }, 'key_ops'],
    ['for nothing', { ...rsa, key_ops: [] }, 'key_ops'],
    ['whose operations are text', { ...rsa, key_ops: 'verify' }, 'key_ops'],
    ['whose operations are a number', { ...rsa, key_ops: 1 }, 'key_ops'],
    ['bound to encryption', { ...rsa, alg: 'RSA-OAEP' }, 'alg'],
    ['bound to a symmetric algorithm', { ...rsa, alg: 'HS256' }, 'alg'],
    ['bound to an algorithm of another type', { ...rsa, alg: 'ES256' }, 'alg'],
    ['bound to an algorithm of another curve', { ...ec, alg: 'ES384' }, 'alg'],
    ['bound to a list of algorithms', { ...rsa, alg: ['RS256'] }, 'alg'],
    ['whose key id is a number', { ...rsa, kid: 1 }, 'member'],
    ['whose key id is null', { ...rsa, kid: null }, 'member'],
    ['whose key id is beyond all measure', { ...rsa, kid: 'k'.repeat(1025) }, 'member'],
    ['whose issuer is a list', { ...rsa, issuer: ['https://a.example'] }, 'member'],
    ['whose cloud is a number', { ...rsa, cloud_instance_name: 1 }, 'member'],
    ['without a modulus', { kty: 'RSA', e }, 'member'],
    ['without an exponent', { kty: 'RSA', n }, 'member'],
    ['whose modulus is empty', { ...rsa, n: '' }, 'member'],
    ['whose modulus has a letter of no base64', { ...rsa, n: `${n}*` }, 'member'],
    ['whose modulus has padding in the middle', { ...rsa, n: `${n.slice(0, 9)}=${n.slice(9)}` }, 'member'],
    ['whose modulus is a number', { ...rsa, n: 7 }, 'member'],
    ['of 2047 bits', { ...rsa, n: modulus(2047) }, 'rsa_size'],
    ['of 8193 bits', { ...rsa, n: modulus(8193) }, 'rsa_size'],
    ['whose modulus is zero', { ...rsa, n: Buffer.alloc(256).toString('base64url') }, 'rsa_size'],
    [
      'of 1024 bits made long with zeros',
      { ...rsa, n: bytes(...Buffer.alloc(128), ...Buffer.alloc(128, 0xff)) },
      'rsa_size',
    ],
    ['with the exponent 1', { ...rsa, e: bytes(1) }, 'rsa_exponent'],
    ['with the exponent 3', { ...rsa, e: bytes(3) }, 'rsa_exponent'],
    ['with the exponent 65535', { ...rsa, e: bytes(0xff, 0xff) }, 'rsa_exponent'],
    ['with an even exponent', { ...rsa, e: bytes(1, 0, 2) }, 'rsa_exponent'],
    ['with an exponent that is too long', { ...rsa, e: bytes(1, 0, 0, 0, 1) }, 'rsa_exponent'],
    ['on an unknown curve', { ...ec, crv: 'secp256k1' }, 'crv'],
    ['on a curve that is a name on every object', { ...ec, crv: 'constructor' }, 'member'],
    ['whose point is too short', { ...ec, x: bytes(1) }, 'member'],
    ['whose point has half its numbers', { ...ec, y: undefined }, 'member'],
    ['whose point is of another curve', { ...ec, crv: 'P-384' }, 'member'],
    ['of Ed448', ed448, 'crv'],
    ['of X25519', { ...ed, crv: 'X25519' }, 'crv'],
    ['of Ed25519 with a byte too many', { ...ed, x: Buffer.alloc(33).toString('base64url') }, 'member'],
  ])('%s is skipped: %#', (_, jwk, reason) => {
    expect(readJwk(jwk, 0, 1)).toMatchObject({ skipped: reason })
  })

  it.each([
    ['n', { ...rsa, n: Buffer.from(n, 'base64url').toString('base64') }],
    [
      'n after a zero byte',
      { ...rsa, n: Buffer.from([0, ...Buffer.from(n, 'base64url')]).toString('base64') },
    ],
    ['e', { ...rsa, e: Buffer.from(e, 'base64url').toString('base64') }],
  ])('with %s in plain base64 is the same key as in base64url', (_, jwk) => {
    const { key } = readJwk(jwk, 0, 1) as { key: SigningKey }
    expect(key.jwk).toEqual({ kty: 'RSA', n, e })
    expect(key.identity).toBe((readJwk(rsa, 0, 1) as { key: SigningKey }).key.identity)
  })

  it('with x and y in plain base64 is the same key as in base64url', () => {
    const plain = (text: unknown): string => Buffer.from(String(text), 'base64url').toString('base64')
    const { key } = readJwk({ ...ec, x: plain(ec.x), y: plain(ec.y) }, 0, 1) as { key: SigningKey }
    expect(key.jwk).toEqual((readJwk(ec, 0, 1) as { key: SigningKey }).key.jwk)
  })

  it('keeps its public members and nothing else', () => {
    const { key } = readJwk({ ...rsa, x5c: ['x'], secret: 's' }, 0, 1) as { key: SigningKey }
    expect(key.jwk).toEqual({ kty: 'RSA', n, e })
    expect(createPublicKey({ key: { ...key.jwk }, format: 'jwk' }).asymmetricKeyType).toBe('rsa')
  })
})

describe('a key', () => {
  it.each([
    ['RS256', rsa, true],
    ['PS512', rsa, true],
    ['ES256', rsa, false],
    ['EdDSA', rsa, false],
    ['ES256', ec, true],
    ['ES384', ec, false],
    ['RS256', ec, false],
    ['EdDSA', ec, false],
    ['EdDSA', ed, true],
    ['Ed25519', ed, true],
    ['ES256', ed, false],
  ] as const)('under %s: %#', (algorithm, jwk, isFit) => {
    const { key } = readJwk(jwk, 0, 1) as { key: SigningKey }
    expect(fits(key.jwk, algorithm)).toBe(isFit)
  })
})
