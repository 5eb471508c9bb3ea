import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  generatePrime,
  type KeyObject,
} from 'node:crypto'
import { promisify } from 'node:util'

/*
 * Keys are made per run and are worth nothing outside it; but every start of an emulator waits for one.
 */

const modulusBits = 2048
const primeBits = modulusBits / 2
const exponent = 65_537n

/** Both halves of a key pair. */
export interface RsaKeys {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

const generate = promisify(generateKeyPair)

/** OpenSSL makes RSA keys in a quarter of the time since 3.5, which Node 24 has and late ones of Node 22. */
const isQuick = openSslVersion() >= 3.05

function openSslVersion(): number {
  const [major = 0, minor = 0] = process.versions.openssl.split('.').map(Number)
  return major + minor / 100
}

/** An RSA key of 2048 bits with the exponent 65537, made in the thread pool. */
export function generateRsaKeys(): Promise<RsaKeys> {
  return isQuick ? generate('rsa', { modulusLength: modulusBits }) : keysFromPrimes()
}

/**
 * The same from two primes that OpenSSL makes: half the time where its own way to a key (FIPS 186-5 A.1.6, with
 * auxiliary primes) is the slow one.
 */
export async function keysFromPrimes(): Promise<RsaKeys> {
  // One after the other: two at once would use both cores of a small machine, on which other code is loading.
  const p = await makePrime()
  const q = await makePrime()
  return areFit(p, q) ? keysOf(p, q) : keysFromPrimes()
}

/**
 * Whether two primes make a key (FIPS 186-5 A.1.1 and A.1.3): a modulus of the full length, not near each other, and
 * each with an inverse of the exponent. That they are primes is not checked: OpenSSL tested that in 64 rounds.
 */
export function areFit(p: bigint, q: bigint): boolean {
  const distance = p > q ? p - q : q - p
  return (
    (p * q) >> BigInt(modulusBits - 1) === 1n &&
    distance >> BigInt(primeBits - 100) > 0n &&
    // The exponent is a prime: it shares a divisor with what it divides, and with nothing else.
    (p - 1n) % exponent !== 0n &&
    (q - 1n) % exponent !== 0n
  )
}

/** Its two topmost bits are set, so that two of them make a modulus of the full length. */
function makePrime(): Promise<bigint> {
  return new Promise((resolve, reject) => {
    generatePrime(primeBits, { bigint: true }, (error, prime) => {
      if (error) reject(error)
      else resolve(prime)
    })
  })
}

/** RFC 8017 §3.2, in the members of RFC 7518 §6.3. */
function keysOf(p: bigint, q: bigint): RsaKeys {
  const [pLess1, qLess1] = [p - 1n, q - 1n]
  const d = inverse(exponent, (pLess1 * qLess1) / greatestDivisor(pLess1, qLess1))
  const privateKey = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'RSA',
      n: encoded(p * q, modulusBits),
      e: encoded(exponent, 24),
      d: encoded(d, modulusBits),
      p: encoded(p, primeBits),
      q: encoded(q, primeBits),
      dp: encoded(d % pLess1, primeBits),
      dq: encoded(d % qLess1, primeBits),
      qi: encoded(inverse(q, p), primeBits),
    },
  })
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

function greatestDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestDivisor(b, a % b)
}

/** The extended Euclidean algorithm, with the coefficient of `value` alone. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [remainder, next] = [modulus, value % modulus]
  let [share, nextShare] = [0n, 1n]
  while (next !== 0n) {
    const quotient = remainder / next
    ;[remainder, next] = [next, remainder - quotient * next]
    ;[share, nextShare] = [nextShare, share - quotient * nextShare]
  }
  return share < 0n ? share + modulus : share
}

function encoded(value: bigint, bits: number): string {
  return Buffer.from(value.toString(16).padStart(bits / 4, '0'), 'hex').toString('base64url')
}
