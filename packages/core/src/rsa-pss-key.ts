import { Buffer } from 'node:buffer'
import { createPublicKey, type KeyObject } from 'node:crypto'

/** The last octet of the hash's object identifier (RFC 4055 section 2.1), and the length of the salt (RFC 7518 section 3.5). */
const hashes = { sha256: ['01', '20'], sha384: ['02', '30'], sha512: ['03', '40'] } as const

/**
 * An RSA key for RSASSA-PSS alone, with hash, mask generation and salt length fixed by its type (RFC 4055 section 3.1):
 * OpenSSL then verifies nothing else with it. On Node 24 it also needs two thirds of the time of a plain key with a
 * separate padding parameter.
 */
export function pssKeyOf(key: KeyObject, hash: keyof typeof hashes): KeyObject {
  const [last, saltLength] = hashes[hash]
  const hashAlgorithm = `300d06096086480165030402${last}0500`
  const algorithm =
    '304106092a864886f70d01010a3034' +
    `a00f${hashAlgorithm}` +
    `a11c301a06092a864886f70d010108${hashAlgorithm}` +
    `a2030201${saltLength}`
  const bits = Buffer.concat([Buffer.of(0), key.export({ type: 'pkcs1', format: 'der' })])
  const info = Buffer.concat([Buffer.from(algorithm, 'hex'), element(0x03, bits)])
  return createPublicKey({ key: element(0x30, info), format: 'der', type: 'spki' })
}

/** An element of DER with a length of two octets: a key of 2,048 bits and more is never shorter. */
function element(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag, 0x82, content.length >> 8, content.length & 0xff), content])
}
