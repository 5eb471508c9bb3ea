/*
 * As much of DER (X.690) as certificates take.
 */

function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  const bytes = content.length.toString(16).length / 2
  const size = Buffer.from(content.length.toString(16).padStart(Math.ceil(bytes) * 2, '0'), 'hex')
  const length = content.length < 0x80 ? [content.length] : [0x80 | size.length, ...size]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

export const der = {
  sequence: (...contents: readonly Uint8Array[]): Buffer => element(0x30, ...contents),
  set: (...contents: readonly Uint8Array[]): Buffer => element(0x31, ...contents),
  /** An explicit tag, or with `primitive` the bytes of an implicit one. */
  context: (number: number, content: Uint8Array, primitive = false): Buffer =>
    element((primitive ? 0x80 : 0xa0) | number, content),
  /** A positive integer, given as its bytes without a leading bit. */
  integer: (bytes: Uint8Array): Buffer => element(0x02, bytes),
  true: element(0x01, Buffer.from([0xff])),
  null: element(0x05),
  /** An object identifier by its encoded bytes, in hexadecimal. */
  oid: (hex: string): Buffer => element(0x06, Buffer.from(hex, 'hex')),
  utf8: (text: string): Buffer => element(0x0c, Buffer.from(text, 'utf8')),
  octets: (content: Uint8Array): Buffer => element(0x04, content),
  bits: (content: Uint8Array): Buffer => element(0x03, Buffer.from([0]), content),
  /** RFC 5280 §4.1.2.5: two digits for the year up to 2049, four after. */
  time(epochSeconds: number): Buffer {
    const last = Date.UTC(9999, 11, 31) / 1000
    const text = new Date(Math.min(epochSeconds, last) * 1000).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
    const isShort = text >= '1950' && text < '2050'
    return element(isShort ? 0x17 : 0x18, Buffer.from(isShort ? text.slice(2) : text))
  },
} as const
