import type { CodeExplanation } from '../base/diagnosis.js'

/** The explanation of the most specific number that has one. */
export async function explanationOf(codes: readonly number[]): Promise<CodeExplanation | undefined> {
  if (codes.length === 0) return undefined
  const { aadstsExplanations } = await import('@countersign/explanations/aadsts')
  return codes
    .map((code) => (Object.hasOwn(aadstsExplanations, code) ? aadstsExplanations[`${code}`] : undefined))
    .findLast((explanation) => explanation !== undefined)
}
