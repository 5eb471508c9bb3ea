import { readDocument, runCode } from '@countersign/test-fixtures'
import type { TrustedIssuer } from '@countersign/core'

/** The page that has a configuration for each issuer. */
export const document: string = await readDocument('docs/issuers.md')

/** One section of the page. */
interface Section {
  readonly title: string
  readonly text: string
  /** The configuration; undefined where there is none. */
  readonly code: string | undefined
}

function readSection(section: string): Section {
  const [title = ''] = section.split('\n', 1)
  return { title, text: section.slice(title.length), code: /\n```js\n(.*?)```/s.exec(section)?.[1] }
}

/** The sections of the issuers, and not the last one, which says what is not offered. */
export const sections: readonly Section[] = document.split(/^## /m).slice(1, -1).map(readSection)

/** Runs a configuration of the page. Its value is one issuer or a list. */
export async function runConfiguration(code: string): Promise<TrustedIssuer | readonly TrustedIssuer[]> {
  const run = await runCode(`${code}\nexport { issuer }\n`, new URL('./', import.meta.url))
  return run['issuer'] as TrustedIssuer | readonly TrustedIssuer[]
}

/** The title of the section of an issuer in the table of tokens: its name, without whose token it is. */
export function titleOf(name: string): string {
  return name.split(', ')[0] as string
}

/** The one issuer that a section configures. Throws where there is none. */
export async function documentedIssuer(title: string): Promise<TrustedIssuer> {
  const code = sections.find((section) => section.title === title)?.code
  if (code === undefined) throw new Error(`docs/issuers.md has no configuration under ${title}`)
  return (await runConfiguration(code)) as TrustedIssuer
}
