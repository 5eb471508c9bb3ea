import type { Operation } from 'rfc6902'
import { Instance } from '../instance/instance.js'
import { loadDirectory } from '../load/directory.js'
import { hideSecrets, restoreSecrets } from '../registration/hidden-secrets.js'
import { checkRegistration, RegistrationError } from '../registration/read.js'
import type { Registration } from '../registration/types.js'

/** One step of a JSON patch (RFC 6902). `copy` is not there: it makes a small patch a huge registration. */
export type RegistrationPatch = Exclude<Operation, { op: 'copy' }>

/**
 * The registration of a running emulator. Secrets are shown as `[hidden]`, and `[hidden]` in what is sent stands for the
 * secret that is there. A change keeps consents, keys and sign-ins, is not written to the file, and ends with `reset`.
 * Each method throws a RegistrationError, which names the place, for what cannot be used, and changes nothing then.
 */
export interface EmulatorRegistration {
  /** As it is in force, without its secrets. */
  read(): Registration
  /** Checks a registration and returns it as it would be in force, without its secrets. */
  check(registration: Registration): Registration
  /** Replaces the whole registration. Returns it as it is in force, without its secrets. */
  replace(registration: Registration): Registration
  /** Changes parts of it by a JSON patch (RFC 6902) without `copy`. Returns it as it is in force, without its secrets. */
  patch(operations: readonly RegistrationPatch[]): Promise<Registration>
}

export function createRegistration(instance: Instance): EmulatorRegistration {
  const completed = (registration: unknown): Registration => {
    // Data alone: a text is never the path of a file here.
    return restoreSecrets(checkRegistration(registration), instance.registration)
  }
  const replace = (registration: unknown): Registration => {
    const next = completed(registration)
    instance.edit(next)
    return hideSecrets(next)
  }
  return {
    read: () => hideSecrets(instance.registration),
    check(registration) {
      const next = completed(registration)
      loadDirectory(next)
      return hideSecrets(next)
    },
    replace,
    async patch(operations) {
      const { applyPatch } = await import('rfc6902')
      const next: unknown = JSON.parse(JSON.stringify(hideSecrets(instance.registration)))
      for (const [index, operation] of operations.entries()) {
        const isCopy = Object(operation).op === 'copy'
        const [problem] = isCopy ? [new Error('copy')] : applyPatch(next, [operation])
        if (problem !== null && problem !== undefined) {
          throw new RegistrationError('', `step ${index} of the patch cannot be applied`)
        }
      }
      return replace(next)
    },
  }
}
