import { checkOneOf } from '../base/options.js'
import { findApplication } from '../directory/find.js'
import type { Service } from '../instance/service.js'
import type { KeyDescription, KeyFlapping } from '../keys/types.js'

/** The life of signing keys, step by step. Every step that names a key it cannot be done with throws a TypeError. */
export interface EmulatorKeys {
  /** All keys of this run, oldest first, also those that are no longer listed. */
  list(): Promise<readonly KeyDescription[]>
  /** Lists a new key that does not sign yet. Answers its `kid`. */
  publish(): Promise<string>
  /** Signs with a listed key from now on. */
  use(kid: string): Promise<void>
  /** Takes a key that does not sign out of the set. Tokens it signed are not changed by that. */
  withdraw(kid: string): Promise<void>
  /** Publishes a key and signs with it: a calm rollover in one step. */
  rotate(): Promise<string>
  /** Emergency: a new key signs, and all others are withdrawn at once. */
  replaceAll(): Promise<string>
  /**
   * A key that vanishes from the set and comes back, as live front ends show it: it is in so many answers, then missing
   * from so many, over and over.
   */
  flap(kid: string, flapping: KeyFlapping): Promise<void>
  /** Ends the flapping. */
  steady(kid: string): Promise<void>
  /**
   * Lists a foreign key, as Entra's sets have them: of personal accounts (in the sets of `common` and `consumers`), or
   * of the US Government cloud. Tokens signed by them are made with `issueToken` and its flaws.
   */
  publishForeign(owner: 'microsoftAccounts' | 'usGovernment'): Promise<string>
  /** Gives an API a signing key of its own: found with `?appid=`, and used for its access tokens from now on. */
  publishForApplication(application: string): Promise<string>
}

export function createEmulatorKeys(service: Service): EmulatorKeys {
  const { keys } = service
  /** Whatever changes the keys is kept, if anything is. */
  const kept = async <T>(change: Promise<T>): Promise<T> => {
    const result = await change
    service.changed()
    return result
  }
  return {
    list: () => keys.list(),
    publish: () => kept(keys.publish()),
    use: (kid) => kept(keys.use(kid)),
    withdraw: (kid) => kept(keys.withdraw(kid)),
    async rotate() {
      const kid = await keys.publish()
      await kept(keys.use(kid))
      return kid
    },
    replaceAll: () => kept(keys.replaceAll()),
    flap: (kid, flapping) => keys.flap(kid, flapping),
    steady: (kid) => keys.steady(kid),
    async publishForeign(owner) {
      checkOneOf('keys.publishForeign', 'owner', owner, ['microsoftAccounts', 'usGovernment'])
      return kept(keys.publish(owner))
    },
    async publishForApplication(reference) {
      const { appId } = findApplication(
        service.directory,
        reference,
        'keys.publishForApplication',
        'application',
      )
      const kid = await keys.publish(`application ${appId}`)
      await kept(keys.use(kid))
      return kid
    },
  }
}
