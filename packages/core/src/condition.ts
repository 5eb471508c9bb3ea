import { withinTime } from './deadline.js'
import { conditionProgress, createCondition, type Condition, type Lack } from './permission.js'
import type { ValidatedToken } from './validated-token.js'

/**
 * A condition of the application: `allow` decides about a token that passed every other check. It can refuse a caller, and
 * never accept one that a check refused. Only `true` passes; `false` is answered with 403. A function that throws, rejects,
 * answers with anything else, or does not answer within 5 seconds, is answered with 503.
 *
 * `request` is the framework's own: of Express and Fastify the request, of Koa the context, else a `Request`. It is
 * undefined where a token is validated without a request (`validateToken`, `explain`). `name` is written in events and
 * explanations, never in an answer. Throws a TypeError for an empty name or something that is not a function.
 *
 * @example
 * ```ts
 * import { allOf, condition } from '@countersign/core'
 *
 * const owners = new Map([['order-1', 'object-id-of-its-owner']])
 * const mayChange = allOf([
 *   { delegated: { scopes: 'Orders.Write' } },
 *   condition('owns-order', (token, request: { params: { order: string } }) => {
 *     return owners.get(request.params.order) === token.objectId
 *   }),
 * ])
 * ```
 */
export function condition<Request = unknown>(
  name: string,
  allow: (token: ValidatedToken, request: Request) => boolean | Promise<boolean>,
): Condition {
  const what = 'condition'
  if (typeof name !== 'string' || !/^[\x21-\x7E]{1,100}$/.test(name)) {
    throw new TypeError(`${what}: the name must be one word of at most 100 ASCII characters`)
  }
  if (typeof allow !== 'function') throw new TypeError(`${what}: expected a function after the name`)

  const refused: Lack = { code: 'condition_refused', reason: name, progress: conditionProgress }
  const unavailable: Lack = { code: 'check_unavailable', reason: name, progress: conditionProgress }
  const read = (answer: unknown): Lack | undefined => {
    if (answer === true) return undefined
    return answer === false ? refused : unavailable
  }

  return createCondition({
    text: `condition ${name}`,
    callsApplication: true,
    findLack(token, request) {
      let answer: unknown
      try {
        answer = allow(token, request as Request)
      } catch {
        return unavailable
      }
      if (typeof answer === 'boolean') return read(answer)
      return withinTime(answer).then(read, () => unavailable)
    },
  })
}
