import { constants, createHmac, generateKeyPair, sign, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { algorithmRules, signingAlgorithms, type SigningAlgorithm } from '../src/algorithms.js'
import { readJwk, type SigningKey } from '../src/jwk.js'
import { platform as node } from '../src/platform-node.js'
import { platform as web } from '../src/platform-web.js'

/*
 * Two engines, one verdict: node:crypto, which checks little, and jose, which checks much. Where policy above them leaves
 * room for a difference, one of these finds it.
 */

const curves = { 'P-256': 'P-256', 'P-384': 'P-384', 'P-521': 'P-521', Ed25519: undefined } as const

const generate = promisify(generateKeyPair)

function pairFor(algorithm: SigningAlgorithm): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  const { keyType, curve } = algorithmRules[algorithm]
  if (keyType === 'RSA') return generate('rsa', { modulusLength: 2048 })
  if (keyType === 'OKP') return generate('ed25519')
  return generate('ec', { namedCurve: curves[curve as 'P-256'] })
}

function signingKey(publicKey: KeyObject): SigningKey {
  const read = readJwk({ ...publicKey.export({ format: 'jwk' }), kid: 'k' }, 0, Infinity)
  if ('skipped' in read) throw new Error(read.skipped)
  return read.key
}

function signatureOf(
  algorithm: SigningAlgorithm,
  key: KeyObject,
  input: string,
  saltLength?: number,
): Buffer {
  const rule = algorithmRules[algorithm]
  const data = Buffer.from(input)
  if (rule.pss) {
    return sign(rule.hash, data, {
      key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: saltLength ?? constants.RSA_PSS_SALTLEN_DIGEST,
    })
  }
  return sign(rule.hash, data, { key, dsaEncoding: 'ieee-p1363' })
}

const pairs = Object.fromEntries(
  await Promise.all(signingAlgorithms.map(async (alg) => [alg, await pairFor(alg)])),
) as Record<SigningAlgorithm, Awaited<ReturnType<typeof pairFor>>>
const keys = Object.fromEntries(
  signingAlgorithms.map((alg) => [alg, signingKey(pairs[alg].publicKey)]),
) as Record<SigningAlgorithm, SigningKey>

function inputFor(algorithm: SigningAlgorithm, payload = '{"a":1}'): string {
  const header = Buffer.from(JSON.stringify({ alg: algorithm })).toString('base64url')
  return `${header}.${Buffer.from(payload).toString('base64url')}`
}

async function verdicts(
  key: SigningKey,
  algorithm: SigningAlgorithm,
  input: string,
  signature: Uint8Array,
): Promise<[boolean, boolean]> {
  const token = `${input}.${Buffer.from(signature).toString('base64url')}`
  const signed = { token, signedLength: input.length, signature }
  return [await node.verify(key, algorithm, signed), await web.verify(key, algorithm, signed)]
}

describe.each(signingAlgorithms)('both engines with %s', (algorithm) => {
  const { privateKey } = pairs[algorithm]
  const key = keys[algorithm]
  const input = inputFor(algorithm)
  const signature = signatureOf(algorithm, privateKey, input)

  it('accept a valid signature over any payload', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (payload) => {
        const signed = inputFor(algorithm, payload)
        expect(await verdicts(key, algorithm, signed, signatureOf(algorithm, privateKey, signed))).toEqual([
          true,
          true,
        ])
      }),
      { numRuns: 20 },
    )
  })

  it('refuse a signature with any bit changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(signature.length - 1), fc.nat(7), async (index, bit) => {
        const changed = Buffer.from(signature)
        changed[index] = (changed[index] as number) ^ (1 << bit)
        expect(await verdicts(key, algorithm, input, changed)).toEqual([false, false])
      }),
      { numRuns: 60 },
    )
  })

  it('refuse a signature of any other length', async () => {
    const lengths = [0, 1, signature.length - 1, signature.length + 1, 2 * signature.length]
    for (const length of lengths) {
      const changed = Buffer.alloc(length)
      signature.copy(changed)
      expect(await verdicts(key, algorithm, input, changed)).toEqual([false, false])
    }
  })

  it('refuse a signature over anything else', async () => {
    expect(await verdicts(key, algorithm, inputFor(algorithm, '{"a":2}'), signature)).toEqual([false, false])
  })

  it('refuse every signature made with another algorithm of the same key type', async () => {
    for (const other of signingAlgorithms) {
      if (algorithmRules[other].keyType !== algorithmRules[algorithm].keyType) continue
      if (algorithmRules[other].curve !== algorithmRules[algorithm].curve) continue
      if (other === algorithm || (isEd25519(other) && isEd25519(algorithm))) continue
      const foreign = signatureOf(other, privateKey, input)
      expect(await verdicts(key, algorithm, input, foreign)).toEqual([false, false])
    }
  })

  it('refuse an HMAC keyed with the public key', async () => {
    const pem = pairs[algorithm].publicKey.export({ format: 'pem', type: 'spki' })
    const mac = createHmac('sha256', pem).update(input).digest()
    expect(await verdicts(key, algorithm, input, mac)).toEqual([false, false])
  })

  it('refuse a signature of another key', async () => {
    const stranger = signatureOf(algorithm, (await pairFor(algorithm)).privateKey, input)
    expect(await verdicts(key, algorithm, input, stranger)).toEqual([false, false])
  })
})

function isEd25519(algorithm: SigningAlgorithm): boolean {
  return algorithmRules[algorithm].curve === 'Ed25519'
}

describe.each(['PS256', 'PS384', 'PS512'] as const)('both engines with %s', (algorithm) => {
  it.each([0, 8, 20, 222 - 32])('refuse a salt of %i bytes', async (saltLength) => {
    const { privateKey } = pairs[algorithm]
    const input = inputFor(algorithm)
    const signature = signatureOf(algorithm, privateKey, input, Math.min(saltLength, 256 - 2 - 64))
    expect(await verdicts(keys[algorithm], algorithm, input, signature)).toEqual([false, false])
  })
})

describe.each(['ES256', 'ES384', 'ES512'] as const)('both engines with %s', (algorithm) => {
  const { privateKey } = pairs[algorithm]
  const size = (algorithmRules[algorithm].signatureBytes ?? 0) / 2

  it('refuse a signature in DER', async () => {
    const input = inputFor(algorithm)
    const der = sign(algorithmRules[algorithm].hash, Buffer.from(input), privateKey)
    expect(await verdicts(keys[algorithm], algorithm, input, der)).toEqual([false, false])
  })

  it('refuse a signature whose halves have zeros in front, though they are the same numbers', async () => {
    const input = inputFor(algorithm)
    const signature = signatureOf(algorithm, privateKey, input)
    const halves = [signature.subarray(0, size), signature.subarray(size)]
    for (const zeros of [1, 2, 8]) {
      const padded = Buffer.concat(halves.flatMap((half) => [Buffer.alloc(zeros), half]))
      expect(await verdicts(keys[algorithm], algorithm, input, padded)).toEqual([false, false])
    }
  })

  it('refuse a signature of zeros, and of values beyond the order', async () => {
    const zeros = Buffer.alloc(2 * size)
    const large = Buffer.alloc(2 * size, 0xff)
    for (const bytes of [zeros, large]) {
      expect(await verdicts(keys[algorithm], algorithm, inputFor(algorithm), bytes)).toEqual([false, false])
    }
  })

  it('accept signatures whose numbers begin with zeros', async () => {
    for (let tries = 0, found = 0; found < 2 && tries < 3000; tries++) {
      const input = inputFor(algorithm, String(tries))
      const signature = signatureOf(algorithm, privateKey, input)
      if (signature[0] !== 0 && signature[size] !== 0) continue
      found++
      expect(await verdicts(keys[algorithm], algorithm, input, signature)).toEqual([true, true])
    }
  })
})

it('both engines refuse a point that is not on its curve', async () => {
  const { jwk } = keys.ES256
  const offCurve = { ...keys.ES256, jwk: { ...jwk, x: (jwk as { y: string }).y } as typeof jwk }
  const input = inputFor('ES256')
  const signature = signatureOf('ES256', pairs.ES256.privateKey, input)
  expect(await verdicts(offCurve, 'ES256', input, signature)).toEqual([false, false])
})

describe('both decoders of base64url', () => {
  it('read every canonical text alike', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = Buffer.from(bytes).toString('base64url')
        expect(Buffer.from(node.decodeBase64Url(text) ?? [256])).toEqual(Buffer.from(bytes))
        expect(Buffer.from(web.decodeBase64Url(text) ?? [256])).toEqual(Buffer.from(bytes))
      }),
    )
  })

  it('refuse alike what is not canonical', () => {
    const character = fc.constantFrom(...'ABab01-_+/= \n\t\u0000é\u{1F511}.'.split(''))
    fc.assert(
      fc.property(fc.array(character, { maxLength: 12 }), (characters) => {
        const text = characters.join('')
        const isCanonical =
          /^[\w-]*$/.test(text) && Buffer.from(text, 'base64url').toString('base64url') === text
        expect(node.decodeBase64Url(text) !== undefined).toBe(isCanonical)
        expect(web.decodeBase64Url(text) !== undefined).toBe(isCanonical)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('both decoders of long base64url', () => {
  // Long enough for the engines' wide paths, which work on whole blocks, and for what comes after the last of them.
  const bytes = fc.uint8Array({ minLength: 40, maxLength: 400 })
  const foreign = fc.constantFrom(
    ...'+/= \n\r\t\f\v\u0000\u007f.,~é\u00ad\u0141\u2028\u{1F511}'.split(''),
    '==',
  )

  it('read every canonical text of any length alike', () => {
    fc.assert(
      fc.property(bytes, (given) => {
        const text = Buffer.from(given).toString('base64url')
        expect(Buffer.from(node.decodeBase64Url(text) ?? [])).toEqual(Buffer.from(given))
        expect(Buffer.from(web.decodeBase64Url(text) ?? [])).toEqual(Buffer.from(given))
        expect(node.decodeText(text)).toBe(web.decodeText(text))
      }),
      { numRuns: 500 },
    )
  })

  it('refuse a single foreign character anywhere, inserted or in place of another', () => {
    fc.assert(
      fc.property(bytes, foreign, fc.nat(), fc.boolean(), (given, character, position, insert) => {
        const canonical = Buffer.from(given).toString('base64url')
        const at = position % canonical.length
        const text = canonical.slice(0, at) + character + canonical.slice(insert ? at : at + 1)
        for (const engine of [node, web]) {
          expect(engine.decodeBase64Url(text)).toBeUndefined()
          expect(engine.decodeText(text)).toBeUndefined()
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('refuse the alphabet of plain base64 in long text too', () => {
    const plain = Buffer.alloc(300, 0xff).toString('base64')
    expect(plain).toContain('/')
    expect([node.decodeText(plain), web.decodeText(plain)]).toEqual([undefined, undefined])
  })

  it.each([32_766, 32_767, 32_768, 32_769, 32_770, 32_771, 65_536, 1_000_000])(
    'read a text of %i digits alike',
    (length) => {
      const text = 'QUJD'.repeat(Math.ceil(length / 4)).slice(0, length)
      expect(node.decodeText(text)).toBe(web.decodeText(text))
      if (length % 4 !== 1) {
        const spare = `${text.slice(0, -1)}${length % 4 === 0 ? '+' : '_'}`
        expect([node.decodeText(spare), web.decodeText(spare)]).toEqual([undefined, undefined])
      }
    },
  )

  it('refuse bytes that are not UTF-8 in canonical base64url, and keep a byte order mark', () => {
    const broken = Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')
    const marked = Buffer.from('\uFEFF{}').toString('base64url')
    for (const engine of [node, web]) {
      expect(engine.decodeText(broken)).toBeUndefined()
      expect(engine.decodeText(marked)).toBe('\uFEFF{}')
    }
  })
})

it('both decoders of UTF-8 agree on every valid and every broken text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(node.decodeUtf8(bytes)).toBe(web.decodeUtf8(bytes))
    }),
    { numRuns: 2000 },
  )
  const mark = Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d)
  expect(node.decodeUtf8(mark)).toBe('\uFEFF{}')
  expect(web.decodeUtf8(mark)).toBe('\uFEFF{}')
})
