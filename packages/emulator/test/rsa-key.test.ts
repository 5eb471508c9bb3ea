import { execFileSync, spawnSync } from 'node:child_process'
import { constants, sign, verify } from 'node:crypto'
import { CompactSign, compactVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { areFit, generateRsaKeys, keysFromPrimes } from '../src/keys/rsa-key.js'

const data = Buffer.from('what is signed')
const hasOpenssl = spawnSync('sh', ['-c', 'command -v openssl']).status === 0
if (!hasOpenssl && process.env['CI'] === 'true') throw new Error('openssl is not installed')
const makers = { generateRsaKeys, keysFromPrimes }

describe.each(Object.entries(makers))('a key of %s', async (_, make) => {
  const keys = await Promise.all(Array.from({ length: 10 }, () => make()))

  test('has a modulus of exactly 2048 bits and the exponent 65537', () => {
    for (const { publicKey, privateKey } of keys) {
      const details = { modulusLength: 2048, publicExponent: 65_537n }
      expect(publicKey.asymmetricKeyDetails).toEqual(details)
      expect(privateKey.asymmetricKeyDetails).toEqual(details)
      const modulus = Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url')
      expect({ length: modulus.length, top: (modulus[0] ?? 0) >> 7 }).toEqual({ length: 256, top: 1 })
    }
  })

  test('is another each time, and shares no prime with another', () => {
    const primes = keys.flatMap(({ privateKey }) => {
      const { p, q } = privateKey.export({ format: 'jwk' })
      return [p, q]
    })
    expect(new Set(primes).size).toBe(20)
  })

  test('signs with both paddings of RSA what only its own public half verifies', () => {
    for (const [index, { publicKey, privateKey }] of keys.entries()) {
      const other = keys[(index + 1) % keys.length]?.publicKey ?? publicKey
      const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
      for (const padding of [{ padding: constants.RSA_PKCS1_PADDING }, pss]) {
        const signature = sign('sha256', data, { key: privateKey, ...padding })
        expect(verify('sha256', data, { key: publicKey, ...padding }, signature)).toBe(true)
        expect(verify('sha256', data, { key: other, ...padding }, signature)).toBe(false)
      }
    }
  })

  test('signs and verifies with jose, RS256 and PS256', async () => {
    for (const { publicKey, privateKey } of keys) {
      for (const alg of ['RS256', 'PS256']) {
        const token = await new CompactSign(data).setProtectedHeader({ alg }).sign(privateKey)
        expect(Buffer.from((await compactVerify(token, publicKey)).payload)).toEqual(data)
      }
    }
  })

  test.skipIf(!hasOpenssl)('is found consistent by OpenSSL: primes, exponents and coefficient', () => {
    for (const { privateKey } of keys.slice(0, 3)) {
      const input = privateKey.export({ type: 'pkcs8', format: 'pem' })
      const output = execFileSync('sh', ['-c', 'openssl rsa -check -noout'], { input, stdio: 'pipe' })
      expect(String(output)).toContain('RSA key ok')
    }
  })
})

describe('two numbers are fit for a key', () => {
  // No primes: that they are is not asked here.
  const [large, less] = [(1n << 1024n) - 105n, (3n << 1022n) + 1n]

  test('when they are of full length, far apart, and one less than each shares nothing with the exponent', () => {
    expect(areFit(large, less)).toBe(true)
  })

  test('not when they are one, or less than 2^924 apart, whichever is the larger', () => {
    const [nearest, near] = [large - (1n << 924n), large - (1n << 924n) + 1n]
    expect([areFit(large, nearest), areFit(nearest, large)]).toEqual([true, true])
    expect([areFit(large, near), areFit(near, large)]).toEqual([false, false])
    expect(areFit(large, large)).toBe(false)
  })

  test('not when their product has 2047 bits, though each has 1024', () => {
    expect(areFit((1n << 1023n) + 1n, less)).toBe(false)
  })

  test('not when the exponent divides one less than either', () => {
    const unfit = large - ((large - 1n) % 65_537n)
    expect([areFit(unfit + 1n, less), areFit(less, unfit + 1n)]).toEqual([true, true])
    expect([areFit(unfit, less), areFit(less, unfit)]).toEqual([false, false])
  })
})
