import { checkOneOf } from '../base/options.js'
import { findApplication } from '../directory/find.js'
import type { Service } from '../instance/service.js'
import type { KeyDescription, KeyFlapping } from '../keys/types.js'

/**
 * The life of signing keys, step by step. A step that cannot be done with the key it names rejects with a TypeError.
 */
export interface EmulatorKeys {
  /**
   * All keys of this run, oldest first, also those that are no longer listed. Not in it: the keys that only fill the set,
   * as live sets have several. They have no private half, and no step.
   */
  list(): Promise<readonly KeyDescription[]>
  /** Lists a new key that does not sign yet. Resolves to its `kid`. */
  publish(): Promise<string>
  /** Signs with a listed key from now on. */
  use(kid: string): Promise<void>
  /** Takes a key that does not sign out of the set. Tokens it signed are not changed by that. */
  withdraw(kid: string): Promise<void>
  /** Publishes a key and signs with it: a planned rollover in one step. Resolves to its `kid`. */
  rotate(): Promise<string>
  /** Emergency: a new key signs, and all others of the tenants are withdrawn at once. Resolves to its `kid`. */
  replaceAll(): Promise<string>
  /**
   * Makes a listed key disappear from the set and come back, as live front ends do: it is in `listed` answers, then
   * missing from `absent` answers, over and over.
   */
  flap(kid: string, flapping: KeyFlapping): Promise<void>
  /** Ends the flapping: the key is in every answer again. */
  steady(kid: string): Promise<void>
  /**
   * Lists a foreign key, as Entra's sets have them, and resolves to its `kid`: of personal accounts (in the sets of
   * `common` and `consumers`), or of the US Government cloud. Tokens signed by them are made with `issueToken` and its
   * flaws.
   */
  publishForeign(owner: 'microsoftAccounts' | 'usGovernment'): Promise<string>
  /**
   * Gives an API a signing key of its own, listed under `?appid=`, and signs its access tokens with it from now on.
   * `application` is its appId, identifier URI or displayName. Resolves to the `kid`.
   */
  publishForApplication(application: string): Promise<string>
}

export function createEmulatorKeys(service: Service): EmulatorKeys {
  const { keys } = service
  /** A change of the keys is saved, if there is a state file. */
  const kept = async <T>(change: Promise<T>): Promise<T> => {
    const result = await change
    await service.changed()
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
