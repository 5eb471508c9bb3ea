// `npm run release:check`: is every package ready to publish? It writes nothing outside a temporary folder.
//   --final   what only an owner can fill in (docs/releasing.md) must be there, too
//   --fields  writes repository, homepage and bugs of the root's package.json into every package
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { readPackages, root } from './lib/packages.mjs'

const run = promisify(execFile)
const isFinal = process.argv.includes('--final')
const owner = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const packages = readPackages()
const problems = []
const forOwner = []

/** What npm shows beside a package, from the one place that has it. */
function ownerFields({ folder }) {
  const { repository, homepage, bugs } = owner
  if (repository === undefined) return {}
  const directory = relative(root, folder)
  return { homepage, bugs, repository: { type: 'git', url: repository.url ?? repository, directory } }
}

if (process.argv.includes('--fields')) {
  for (const each of packages) {
    const { license, ...manifest } = each.manifest
    const { name, version, description, keywords, ...rest } = manifest
    const text = { name, version, description, keywords, ...ownerFields(each), license, ...rest }
    writeFileSync(join(each.folder, 'package.json'), `${JSON.stringify(text, null, 2)}\n`)
  }
  process.exit(0)
}

function note(name, text) {
  console.log(`${name.padEnd(28)} ${text}`)
}

for (const each of packages) {
  const { name, manifest, folder } = each
  const wrong = [...manifestProblems(each), ...changelogProblems(each), ...linkProblems(folder)]
  problems.push(...wrong.map((problem) => `${name}: ${problem}`))
  note(
    name,
    `${manifest.version}, ${wrong.length === 0 ? 'manifest, changelog and links are right' : wrong.join('; ')}`,
  )
}
if (owner.repository === undefined) {
  forOwner.push(
    'the address of the repository: "repository", "homepage" and "bugs" of the root\'s package.json',
  )
}
forOwner.push('the npm scope @countersign, and the right to publish in it')

await step('licences of dependencies', checkLicences)
await step('changesets', () =>
  run('node_modules/.bin/changeset', ['status'], { cwd: root }).catch(withoutBase),
)
await step('public surface', () => run(process.execPath, ['scripts/api.mjs', '--check'], { cwd: root }))
await step('packed packages', () => run(process.execPath, ['scripts/pack-check.mjs'], { cwd: root }))
await step('publishing, as a dry run', dryRun)

console.log(`\nOnly an owner can fill in:\n${forOwner.map((text) => `  - ${text}`).join('\n')}`)
if (isFinal && owner.repository === undefined) problems.push('an owner has not filled in everything')
for (const problem of problems) console.error(`✗ ${problem}`)
console.log(problems.length === 0 ? '\nready to publish' : `\n${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1

async function step(name, check) {
  try {
    const text = await check()
    note(name, typeof text === 'string' ? text : 'ok')
  } catch (error) {
    problems.push(`${name}: ${error.stderr || error.stdout || error.message}`)
    note(name, 'FAILED')
  }
}

function manifestProblems(each) {
  const { manifest, folder } = each
  const wrong = []
  for (const field of ['description', 'license', 'engines', 'files', 'publishConfig']) {
    if (manifest[field] === undefined) wrong.push(`"${field}" is missing`)
  }
  if (!(manifest.keywords?.length >= 5)) wrong.push('"keywords" must have five words or more')
  if (manifest.publishConfig?.access !== 'public') wrong.push('"publishConfig.access" must be public')
  if (manifest.publishConfig?.provenance !== true) wrong.push('"publishConfig.provenance" must be true')
  if (Object.keys(manifest.scripts ?? {}).some((name) => /install|prepare/.test(name))) {
    wrong.push('a script runs when the package is installed')
  }
  for (const file of ['README.md', 'LICENSE', 'CHANGELOG.md']) {
    if (!existsSync(join(folder, file))) wrong.push(`${file} is missing`)
  }
  for (const [field, value] of Object.entries(ownerFields(each))) {
    if (JSON.stringify(manifest[field]) !== JSON.stringify(value)) {
      wrong.push(`"${field}" differs from the root's: run node scripts/release-check.mjs --fields`)
    }
  }
  return wrong
}

function changelogProblems({ folder, manifest }) {
  const file = join(folder, 'CHANGELOG.md')
  if (!existsSync(file)) return []
  const has = readFileSync(file, 'utf8').includes(`\n## ${manifest.version}\n`)
  return has ? [] : [`CHANGELOG.md has no section ${manifest.version}`]
}

/** npm resolves a relative link by the repository's address, so what it names must be in the repository. */
function linkProblems(folder) {
  const file = join(folder, 'README.md')
  if (!existsSync(file)) return []
  const targets = [...readFileSync(file, 'utf8').matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].map(
    ([, target]) => target,
  )
  return targets
    .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(dirname(file), target)))
    .map((target) => `README.md links to ${target}, which is not there`)
}

/** Licences of everything that is installed with a package. */
async function checkLicences() {
  const allowed = new Set([
    'MIT',
    'ISC',
    'BSD-2-Clause',
    'BSD-3-Clause',
    'Apache-2.0',
    '0BSD',
    'BlueOak-1.0.0',
  ])
  const found = new Map()
  const visit = (folder, dependency) => {
    const path = ['node_modules', '../node_modules', '../../node_modules']
      .map((base) => join(folder, base, dependency))
      .find((candidate) => existsSync(join(candidate, 'package.json')))
    if (path === undefined || found.has(dependency)) return
    const manifest = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))
    found.set(dependency, manifest.license)
    const real = readdirSync(path) && statSync(path).isDirectory() ? path : folder
    for (const next of Object.keys(manifest.dependencies ?? {})) visit(real, next)
  }
  for (const { folder, manifest } of packages) {
    for (const dependency of Object.keys(manifest.dependencies ?? {})) {
      if (!dependency.startsWith('@countersign/')) visit(folder, dependency)
    }
  }
  const wrong = [...found].filter(([, licence]) => !allowed.has(licence))
  if (wrong.length > 0) throw new Error(wrong.map(([name, licence]) => `${name}: ${licence}`).join(', '))
  return `${found.size} packages, all of a permissive licence`
}

/** There is nothing to compare with before the first commit of `main`. */
function withoutBase(error) {
  if (/Failed to find where HEAD diverged|ambiguous argument/.test(error.stderr))
    return 'no branch main to compare with'
  throw error
}

async function dryRun() {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-release-'))
  try {
    const pack = ['-y', '--prefer-offline', 'pnpm@12.21.0', '-r', '--filter', './packages/*', 'pack']
    await run('npx', [...pack, '--pack-destination', folder], { cwd: root })
    const sizes = []
    for (const file of readdirSync(folder).sort()) {
      // Provenance needs a build service: outside of one npm refuses it, also in a dry run.
      const provenance = process.env.GITHUB_ACTIONS === 'true' ? ['--provenance'] : ['--no-provenance']
      const { stderr } = await run('npm', [
        'publish',
        join(folder, file),
        '--dry-run',
        '--access',
        'public',
        ...provenance,
      ])
      const [, unpacked = '?'] = /unpacked size:\s*(.*)/.exec(stderr) ?? []
      sizes.push(`${file.replace(/-\d.*$/, '')} ${unpacked}`)
    }
    return `ok; unpacked: ${sizes.join(', ')}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
