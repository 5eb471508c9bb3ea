import { BearerError, type ChallengeParameters, type RefusalCode, type RefusalDetail } from './errors.js'

/** Makes the error of a refusal, with the challenge parameters of the validator it belongs to. */
export type Refuse = (code: RefusalCode, detail?: RefusalDetail) => BearerError

export function createRefuse(challenge: ChallengeParameters): Refuse {
  return (code, detail) => new BearerError(code, detail, challenge)
}
