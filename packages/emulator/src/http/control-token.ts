import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { wrongValue } from '../base/options.js'

/** The token of the control API, and of the page of an emulator that other machines can reach. */
export interface ControlToken {
  /** A secret: anyone who has it can change everything. */
  readonly value: string
  /** Whether that is the token; takes the same time for every text. */
  matches(text: string | undefined): boolean
}

/** The configured token, or a random one of this run. Throws a TypeError for one that is short or not visible ASCII. */
export function createControlToken(configured?: string): ControlToken {
  if (configured !== undefined && !(typeof configured === 'string' && /^[!-~]{16,256}$/.test(configured))) {
    throw wrongValue('startEmulator', 'controlToken', '16 to 256 visible ASCII characters')
  }
  const value = configured ?? randomBytes(32).toString('base64url')
  const expected = digestOf(value)
  return {
    value,
    matches: (text) => text !== undefined && timingSafeEqual(digestOf(text), expected),
  }
}

/** Of equal length for every text. */
function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
