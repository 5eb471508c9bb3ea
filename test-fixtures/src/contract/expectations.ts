import { expect } from 'vitest'
import {
  daemonClientId,
  daemonObjectId,
  foreignTenantId,
  tenantId,
  userClientId,
  userObjectId,
  userSubject,
} from '../identities.js'
import type { Answer } from '../send-request.js'
import type { Adapter, Contract } from './harness.js'

/** The challenge of RFC 6750 section 3, from the table of refusals. */
export function challengeOf(
  { refusals }: Pick<Adapter<unknown>, 'refusals'>,
  code: string,
  more: Readonly<Record<string, string | undefined>> = {},
): string {
  const refusal = refusals[code]
  if (refusal === undefined) throw new Error(`The table of refusals has no ${code}`)
  const { error, phrase } = refusal
  const members = Object.entries({
    error,
    error_description: error === undefined ? undefined : phrase,
    ...more,
  }).filter(([, value]) => value !== undefined)
  if (members.length === 0) return 'Bearer'
  return `Bearer ${members.map(([name, value]) => `${name}="${value}"`).join(', ')}`
}

/** Sends what must be refused, and expects this refusal, and that the handler did not run. */
export async function expectRefusal(
  { adapter, handlerRuns }: Pick<Contract<unknown>, 'adapter' | 'handlerRuns'>,
  send: () => Promise<Answer>,
  code: string,
  more: Readonly<Record<string, string | undefined>> = {},
): Promise<Answer> {
  const runsBefore = handlerRuns()
  const answer = await send()
  const status = adapter.refusals[code]?.status
  expect(answer.status).toBe(status)
  expect(answer.header('www-authenticate')).toEqual(status === 503 ? [] : [challengeOf(adapter, code, more)])
  expect(answer.header('retry-after')).toEqual(status === 503 ? [expect.stringMatching(/^[1-9]\d*$/)] : [])
  expect(handlerRuns()).toBe(runsBefore)
  return answer
}

const personalValues = [
  foreignTenantId,
  userClientId,
  daemonClientId,
  userObjectId,
  daemonObjectId,
  userSubject,
  'Lindqvist',
  'mara@contoso.example',
]

/** Nothing of a token, its claims or another credential may be in the text. */
export function expectNoSecret(text: string, authorization: readonly string[]): void {
  expectNothingPersonal(text, authorization)
  expect(text).not.toContain(tenantId)
}

/** The same, where the configuration may be quoted: it names the tenant. */
export function expectNothingPersonal(text: string, authorization: readonly string[]): void {
  expectNoToken(text, authorization)
  for (const value of personalValues) expect(text).not.toContain(value)
}

export function expectNoToken(text: string, authorization: readonly string[]): void {
  for (const part of authorization.flatMap((value) => value.split(/[\s.,]+/))) {
    // Shorter words, such as the scheme, are no secret.
    if (part.length >= 12) expect(text).not.toContain(part.slice(0, 200))
  }
}
