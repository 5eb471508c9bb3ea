import type { CodeExplanation } from '@countersign/explanations/aadsts'
import { html, type Html } from './html.js'

export type { CodeExplanation }

/*
 * What a code means, who can mend it and how, from the tables that the command line reads as well. They are loaded when a
 * person asks.
 */

/** Of an AADSTS code, by its number; undefined for one that the table does not have. */
export async function aadstsMeaning(code: number): Promise<CodeExplanation | undefined> {
  const { aadstsExplanations } = await import('@countersign/explanations/aadsts')
  return own(aadstsExplanations, String(code))
}

/** Of a refusal of `@countersign/core`, by its code. */
export async function refusalMeaning(code: string): Promise<CodeExplanation | undefined> {
  const { refusalExplanations } = await import('@countersign/explanations/refusals')
  return own(refusalExplanations, code)
}

function own(table: Readonly<Record<string, CodeExplanation>>, code: string): CodeExplanation | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined
}

/** Cause, who can mend it, and how, in code and in the portal. */
export function meaningPart({ cause, whoCanFix, fix, code, portal, emulator }: CodeExplanation): Html {
  return html`<h2>What happened</h2>
    <p>${cause}</p>
    <h2>What to change</h2>
    <p>${fix} <span class="muted">Who can: the ${whoCanFix}.</span></p>
    ${code !== undefined && html`<pre>${code}</pre>`}
    ${portal !== undefined && html`<p><strong>In the Entra portal:</strong> ${portal}</p>`}
    ${emulator !== undefined && html`<p><strong>To see it in the emulator:</strong> ${emulator}</p>`}`
}
