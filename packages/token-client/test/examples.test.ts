import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as tokenClient from '@countersign/token-client'
import { describe, expect, it, onTestFinished } from 'vitest'

const sources = fileURLToPath(new URL('../src/', import.meta.url))
const index = readFileSync(join(sources, 'index.ts'), 'utf8')

/** The files that export a public name, each with its public names. */
const publicFiles = [...index.matchAll(/^export (?:type )?\{([^}]*)\} from '\.\/(.*)\.js'/gm)].map(
  ([, names, file]) => ({
    names: names!.split(',').flatMap((name) => name.replace(/^\s*type /, '').trim() || []),
    file: `${file}.ts`,
    lines: readFileSync(join(sources, `${file}.ts`), 'utf8').split('\n'),
  }),
)

interface Example {
  /** `file:line` of the line before the code. */
  readonly place: string
  readonly code: string
  /** Whether it belongs to a method of the client, and uses one. */
  readonly isMember: boolean
}

function readExamples(): Example[] {
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((one) =>
    one.endsWith('.ts'),
  )
  return files.sort().flatMap((file) => {
    const text = readFileSync(join(sources, file), 'utf8')
    const pattern = /^( *) \* @example\n *\* ```ts\n((?: *\*(?! ```).*\n)*)/gm
    return [...text.matchAll(pattern)].map(({ 1: indent, 2: lines, index: at }) => ({
      place: `${file}:${text.slice(0, at).split('\n').length}`,
      code: lines!.replaceAll(/^ *\* ?/gm, ''),
      isMember: indent !== '',
    }))
  })
}

/** What the example of a method does not repeat. */
const prelude = `import type { TokenClient } from '@countersign/token-client'
declare const client: TokenClient
declare const userToken: string
`

/** Compiles modules with the strictest settings. What the compiler reports is returned. */
async function compile(modules: ReadonlyMap<string, string>, parent = tmpdir()): Promise<string> {
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'examples-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of modules) writeFileSync(join(folder, name), text)
  const require = createRequire(import.meta.url)
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    noEmit: true,
    customConditions: ['countersign-source'],
    types: [dirname(require.resolve('@types/node/package.json'))],
    paths: { '@countersign/token-client': [join(sources, 'index.ts')] },
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc')
  return promisify(execFile)(process.execPath, [compiler, '-p', folder]).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  )
}

function moduleOf({ code, isMember }: Example): string {
  return isMember ? prelude + code : code
}

describe('an @example', () => {
  const examples = readExamples()

  it('compiles, each one', async () => {
    const modules = new Map(
      examples.map((example) => [`${example.place.replaceAll(/\W/g, '-')}.ts`, moduleOf(example)]),
    )
    expect(modules.size).toBe(18)
    expect(await compile(modules)).toBe('')
  })

  it('that does not compile is reported', async () => {
    const code = "import { clientSecret } from '@countersign/token-client'\nclientSecret(1)\n"
    const wrong = { place: 'x.ts:1', code, isMember: false }
    expect(await compile(new Map([['x.ts', moduleOf(wrong)]]))).toMatch(/x\.ts.*TS2345/)
  })

  it.each(Object.keys(tokenClient).filter((name) => name !== 'TokenClientError'))('shows %s', (name) => {
    expect(examples.filter(({ code }) => code.includes(`${name}(`))).not.toEqual([])
  })

  it.each(['acquireForApp', 'acquireOnBehalfOf', 'startSession', 'createFetch'])(
    'shows client.%s',
    (name) => {
      expect(examples.filter(({ code }) => code.includes(`client.${name}(`))).not.toEqual([])
    },
  )
})

/** What the blocks of documents leave out. A block may declare the same names for itself. */
const documentGlobals = `
import type * as tokenClient from '@countersign/token-client'
declare global {
  const client: tokenClient.TokenClient
  const authority: tokenClient.Authority
  const credential: tokenClient.ClientCredential
  const keyv: tokenClient.KeyvLike
  const tenantId: string
  const clientId: string
  const secret: string
  const userToken: string
}
`

describe('a block of code of a document', () => {
  const documents = [
    'packages/token-client/README.md',
    ...[
      'agent-identities',
      'bound-tokens',
      'managed-identity',
      'middle-tier-mfa',
      'pfx',
      'token-client-keys',
      'token-client-networks',
      'token-client-workload-identity',
      'token-exchange',
    ].map((name) => `docs/recipes/${name}.md`),
  ]

  it('compiles, each one', async () => {
    const root = new URL('../../../', import.meta.url)
    const modules = new Map([['globals.d.ts', documentGlobals]])
    for (const document of documents) {
      const text = readFileSync(new URL(document, root), 'utf8')
      const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code!)
      blocks.forEach((code, index) => {
        modules.set(`${document.replaceAll(/\W/g, '-')}-${index}.ts`, `${code}\nexport {}\n`)
      })
      // Later blocks import the first one by the name of its recipe.
      const recipe = /token-client-([\w-]+)\.md$/.exec(document)?.[1]
      if (recipe !== undefined) modules.set(`${recipe}.ts`, blocks[0]!)
    }
    expect(modules.size).toBeGreaterThan(20)
    const here = fileURLToPath(new URL('../node_modules/.cache/documents', import.meta.url))
    expect(await compile(modules, here)).toBe('')
  })
})

describe('a doc comment', () => {
  const declarations = publicFiles.flatMap(({ file, names, lines }) =>
    names.map((name) => ({
      name,
      file,
      lines,
      at: lines.findIndex((line) =>
        new RegExp(`^export (?:function|interface|class|type) ${name}\\b`).test(line),
      ),
    })),
  )

  it.each(declarations)('precedes $name', ({ lines, at }) => {
    expect(at).toBeGreaterThan(0)
    expect(lines[at - 1]).toMatch(/\*\/$/)
  })

  it.each(declarations.filter(({ lines, at }) => /^export (interface|class)/.test(lines[at] ?? '')))(
    'precedes each member of $name',
    ({ lines, at }) => {
      const end = lines.indexOf('}', at)
      const bare = lines.slice(at + 1, end).filter((line, offset) => {
        const isMember =
          /^(?: {2}(?:declare |override |readonly |get )*(?:\w+\??[:(]|'[^']+':|\w+ =)| {4,}readonly )/.test(
            line,
          )
        return isMember && !lines[at + offset]!.endsWith('*/')
      })
      expect(bare).toEqual([])
    },
  )
})
