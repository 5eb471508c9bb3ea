import { createPrivateKey, KeyObject } from 'node:crypto'
import { badOption, readGroup } from '../base/options-reader.js'
import { DpopKey } from './dpop-key.js'

/** How tokens are bound to a key (RFC 9449). */
export interface DpopOptions {
  /**
   * The private key, P-256: PEM or a `KeyObject`. Several processes with one store need the same one. Default: a new key
   * for each client.
   */
  readonly privateKey?: string | KeyObject | undefined
  /** `session`: each session has a key of its own, which is stored with it. Default: `client`. */
  readonly keyPer?: 'client' | 'session' | undefined
}

/** The options after they were read. */
export interface DpopSettings {
  readonly key: DpopKey
  readonly isPerSession: boolean
}

/** Throws `TypeError`. */
export function readDpop(what: string, option: boolean | DpopOptions | undefined, clock: () => number) {
  if (option === undefined || option === false) return undefined
  const { privateKey, keyPer = 'client' } =
    option === true ? {} : readGroup(what, 'dpop', option, ['privateKey', 'keyPer'])
  if (keyPer !== 'client' && keyPer !== 'session')
    throw badOption(what, 'dpop.keyPer', 'must be client or session')
  const key =
    privateKey === undefined ? DpopKey.generate(clock) : new DpopKey(readKey(what, privateKey), clock)
  return { key, isPerSession: keyPer === 'session' } satisfies DpopSettings
}

function readKey(what: string, given: string | KeyObject): KeyObject {
  let key: KeyObject | undefined
  try {
    key = given instanceof KeyObject ? given : createPrivateKey(given)
  } catch {
    // OpenSSL's messages could contain parts of it.
  }
  if (key?.type === 'private' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  throw badOption(what, 'dpop.privateKey', 'must be a P-256 private key: PEM or a KeyObject')
}
