import { within } from '../base/deadline.js'
import { isTokenClientError, TokenClientError } from '../base/errors.js'
import { printableReason } from '../base/system-reason.js'
import { type Reporter, secondsSince } from '../observers/reporter.js'
import { type ClientCredential, keptAnswer, thrownObject } from './client-credential.js'

/**
 * A credential with a deadline, so that one that never settles does not block its target, and whose errors are ours: an
 * application's own function may throw anything, the secret included.
 */
export function guardCredential(
  credential: ClientCredential,
  timeoutSeconds: number,
  reporter: Reporter,
): ClientCredential {
  return async (...request) => {
    const startedAt = performance.now()
    const late = new TokenClientError('client_credential_unavailable', { reason: 'timeout' })
    try {
      await within(timeoutSeconds, (async () => credential(...request))(), () => late)
    } catch (error) {
      const own = ownErrorOf(error)
      const thrown = isTokenClientError(error) ? thrownObject(error) : { thrown: error }
      if (error === late || thrown !== undefined) {
        const fault = error === late ? 'timeout' : 'error'
        const reason = fault === 'timeout' || own.reason === undefined ? {} : { reason: own.reason }
        reporter.credentialFault({ fault, ...reason, durationSeconds: secondsSince(startedAt) }, thrown)
      }
      throw own
    }
  }
}

function ownErrorOf(error: unknown): TokenClientError {
  if (isTokenClientError(error)) {
    const { code, reason, retryAfterSeconds } = error
    return new TokenClientError(code, { reason, retryAfterSeconds, service: keptAnswer(error) })
  }
  return new TokenClientError('client_credential_unusable', { reason: printableReason(error) })
}
