import type { Introspector } from './introspection.js'
import type { KeyStore } from './key-store.js'
import type { IssuerEntry } from './options.js'

/** A trusted issuer with what the API requires of its tokens, and its keys. */
export interface IssuerWithKeys extends IssuerEntry {
  readonly keys: KeyStore
  /** Asks the issuer about a token, where its tokens are introspected. */
  readonly introspector: Introspector | undefined
  /** When its settings have to be asked for again: epoch seconds, infinite for settings of the configuration. */
  readonly validUntil: number
}
