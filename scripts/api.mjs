// The public surface of every package as text, in `packages/*/api.txt`, so that a change of it is a change that a reviewer
// sees. `npm run api` writes the files; with `--check` a difference is an error, and so are names that the declarations
// promise and a build lacks, and missing doc comments where they are required.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { docOf, isValue, readSurface, textOf, walk } from './lib/declarations.mjs'
import { publicEntries, readPackages, root } from './lib/packages.mjs'

/** Packages whose every exported name, option and member must have a doc comment. */
const documented = [
  '@countersign/core',
  '@countersign/explanations',
  '@countersign/express',
  '@countersign/fastify',
  '@countersign/koa',
  '@countersign/mcp',
  '@countersign/token-client',
]

const isCheck = process.argv.includes('--check')
const packages = readPackages().map((published) => ({
  ...published,
  entries: publicEntries(published).map((entry) => ({
    ...entry,
    surface: readSurface(join(published.folder, 'dist', `${entry.file}.d.ts`)),
  })),
}))
const problems = []

for (const published of packages) {
  const { folder, name, entries } = published
  // A package that is a command alone has none.
  if (entries.length === 0) continue
  compareReport(join(folder, 'api.txt'), reportOf(entries))
  for (const entry of entries) await compareNames(folder, entry)
  const missing = undocumented(entries)
  if (missing.length === 0) continue
  if (documented.includes(name)) problems.push(`${name}: no doc comment on\n  ${missing.join('\n  ')}`)
  else console.log(`${name}: ${missing.length} names and members have no doc comment`)
  if (process.argv.includes('--list')) console.log(`  ${missing.join('\n  ')}`)
}
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1

function reportOf(entries) {
  const seen = new Map()
  const lines = ['The public surface, as `npm run api` writes it. A change here is a change for users.', '']
  for (const { specifier, surface } of entries) {
    lines.push(`# ${specifier}`, '')
    for (const source of surface.stars.toSorted(byName)) lines.push(`export * from '${source}'`, '')
    for (const [name, target] of [...surface.exported].toSorted(([a], [b]) => byName(a, b))) {
      const source = target.external ?? seen.get(target)
      if (source !== undefined) {
        lines.push(`export { ${name} } from '${source}'`, '')
        continue
      }
      seen.set(target, specifier)
      if (name !== target.name) lines.push(`export { ${target.name} as ${name} }`)
      lines.push(...declarationText(target), '')
    }
  }
  const mentioned = new Set(
    entries.flatMap(({ surface }) => [...surface.mentioned, ...surface.augmentations]),
  )
  const others = [...mentioned].filter((target) => !seen.has(target))
  if (others.length > 0) lines.push('# Not exported, but mentioned by the above', '')
  for (const target of others.toSorted((a, b) => byName(a.name, b.name))) {
    lines.push(...declarationText(target).map((text) => text.replace(/^export /, '')), '')
  }
  return lines.join('\n')
}

function declarationText({ module, statements }) {
  return statements.map((statement) =>
    textOf(module, statement).replace(/^(export )?declare (?!global|module)/, '$1'),
  )
}

function compareReport(file, report) {
  const recorded = existsSync(file) ? readFileSync(file, 'utf8') : ''
  if (recorded === report) return
  if (!isCheck) {
    writeFileSync(file, report)
    console.log(`written: ${relative(root, file)}`)
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'countersign-api-'))
  try {
    const now = join(folder, 'now.txt')
    writeFileSync(now, report)
    const { stdout } = spawnSync(
      'git',
      ['diff', '--no-index', '--', existsSync(file) ? file : '/dev/null', now],
      {
        encoding: 'utf8',
      },
    )
    const changes = stdout.split('\n').slice(4).join('\n')
    problems.push(
      `${relative(root, file)} differs; if that is meant, run \`npm run api\` and commit it:\n${changes}`,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Both builds must have every value that the declarations promise, and no other. */
async function compareNames(folder, { specifier, file, surface }) {
  const promised = valuesOf(surface).toSorted(byName)
  const cjs = join(folder, 'dist/cjs', `${file}.cjs`)
  const builds = { import: await import(join(folder, 'dist', `${file}.js`)) }
  if (existsSync(cjs)) builds.require = createRequire(import.meta.url)(cjs)
  for (const [kind, build] of Object.entries(builds)) {
    const names = Object.keys(build).toSorted(byName)
    const lacking = promised.filter((name) => !names.includes(name))
    const unknown = names.filter((name) => !promised.includes(name))
    if (lacking.length > 0) problems.push(`${specifier} by ${kind} lacks ${lacking.join(', ')}`)
    if (unknown.length > 0) problems.push(`${specifier} by ${kind} has, undeclared, ${unknown.join(', ')}`)
  }
}

function valuesOf({ exported, types, stars }) {
  const own = [...exported].filter(([name, target]) => {
    if (types.has(name)) return false
    return target.external === undefined
      ? isValue(target)
      : valuesOf(surfaceOf(target.external)).includes(name)
  })
  return [...own.map(([name]) => name), ...stars.flatMap((specifier) => valuesOf(surfaceOf(specifier)))]
}

function surfaceOf(specifier) {
  const entry = packages
    .flatMap(({ entries }) => entries)
    .find((candidate) => candidate.specifier === specifier)
  if (entry === undefined) throw new Error(`what ${specifier} exports is unknown here`)
  return entry.surface
}

/** What has no doc comment, as `Type.member`. */
function undocumented(entries) {
  const targets = new Set(
    entries.flatMap(({ surface }) => [
      ...[...surface.exported.values()].filter(({ external }) => external === undefined),
      ...surface.mentioned,
      ...surface.augmentations,
    ]),
  )
  return [...targets].flatMap((target) => [...undocumentedIn(target)]).toSorted(byName)
}

function* undocumentedIn({ module, name, nodes, statements }) {
  const isNamed = name !== ''
  if (isNamed && statements.every((statement) => docOf(module, statement) === undefined)) yield name
  // The members of a constant are its value: a table of codes is documented as a whole.
  for (const node of nodes.filter(({ type }) => type !== 'VariableDeclaration')) {
    const missing = []
    walk(node, (member) => {
      if (isPublicMember(member) && docOf(module, member) === undefined) {
        missing.push(`${isNamed ? `${name}.` : ''}${module.text.slice(member.key.start, member.key.end)}`)
      }
    })
    yield* new Set(missing)
  }
}

function isPublicMember({ type, accessibility, kind, key }) {
  const isMember = [
    'TSPropertySignature',
    'TSMethodSignature',
    'PropertyDefinition',
    'MethodDefinition',
  ].includes(type)
  return isMember && accessibility !== 'private' && kind !== 'constructor' && key.type !== 'PrivateIdentifier'
}

function byName(a, b) {
  return a < b ? -1 : a > b ? 1 : 0
}
