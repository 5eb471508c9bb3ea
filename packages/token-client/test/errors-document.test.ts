import { aadsts } from '@countersign/emulator'
import { aadstsExplanations, type CodeExplanation } from '@countersign/explanations/aadsts'
import { expect, it } from 'vitest'
import { TokenClientError } from '@countersign/token-client'
import { codeOfRefusal, knownNumbers } from '../src/token-answers/refusal-codes.js'
import { expectSection } from './document-section.js'

const catalogue: Readonly<
  Record<string, { readonly error: string; readonly status: number; readonly suberror?: string }>
> = aadsts

it('explains every code that the emulator issues and that the token client distinguishes', () => {
  const known = new Set([...Object.keys(aadsts), ...knownNumbers.map(String)])
  expect([...known].filter((code) => !Object.hasOwn(aadstsExplanations, code))).toEqual([])
})

it('says for every code of the emulator how to provoke it there', () => {
  const without = Object.keys(aadsts).filter((code) => aadstsExplanations[code]?.emulator === undefined)
  expect(without).toEqual([])
})

it('has a page with every code of the table, word for word', async () => {
  const sections = Object.entries(aadstsExplanations).map(([code, explanation]) => section(code, explanation))
  await expectSection('docs/token-client-errors.md', 'codes', sections.join('\n\n'))
})

function section(
  code: string,
  { cause, whoCanFix, fix, code: line, portal, emulator }: CodeExplanation,
): string {
  return [
    `### AADSTS${code}`,
    '',
    cause,
    '',
    `- **Fix** (${whoCanFix}): ${fix}`,
    ...(line === undefined ? [] : [`- **Code**: \`${line}\``]),
    ...(portal === undefined ? [] : [`- **Portal**: ${portal}`]),
    ...(emulator === undefined ? [] : [`- **Emulator**: ${inCode(emulator)}`]),
    `- **Token client**: ${outcomes(Number(code))}`,
  ].join('\n')
}

/** A line of code as code. */
function inCode(text: string): string {
  return text.startsWith('emulator.') && text.endsWith(')') ? `\`${text}\`` : text
}

function outcomes(number: number): string {
  const { error = 'invalid_request', status = 400, suberror } = catalogue[number] ?? {}
  const words = { status, error, suberror, codes: [number], claims: undefined }
  const [app, obo, session] = (['app', 'obo', 'session'] as const).map((grant) => {
    const code = codeOfRefusal(words, grant)
    // A session that cannot be renewed asks for its user.
    const seen = grant === 'session' && code === 'refresh_token_expired' ? 'session_needs_user' : code
    return `\`${seen}\` (\`${new TokenClientError(seen).action}\`)`
  }) as [string, string, string]
  if (app === obo && obo === session) return obo
  return `on behalf of a user ${obo}; in a session ${session}; for the application ${app}`
}
