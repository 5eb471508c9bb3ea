// `npm run supply-chain`: what stands in for trust in what is installed and published. Writes nothing outside a temporary
// folder, except with `--sbom <folder>`: a software bill of materials (CycloneDX) for each package.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { readPackages, root } from './lib/packages.mjs'

const { values } = parseArgs({ options: { sbom: { type: 'string' } } })
const run = promisify(execFile)
const pnpm = (...words) =>
  run('npx', ['-y', '--prefer-offline', 'pnpm@12.21.0', ...words], { cwd: root, maxBuffer: 1e8 })
const problems = []
const packages = readPackages()

checkReasons()
checkLockfile()
checkInstallScripts()
await checkReproducible()
await writeSboms()
await audit()

for (const problem of problems) console.error(`✗ ${problem}`)
process.exitCode = problems.length === 0 ? 0 : 1

function note(name, text) {
  console.log(`${name.padEnd(24)} ${text}`)
}

/** Every production dependency has its reason in the README of its package. */
function checkReasons() {
  let count = 0
  for (const { folder, manifest, name } of packages) {
    const dependencies = Object.keys(manifest.dependencies ?? {})
    const readme = readFileSync(join(folder, 'README.md'), 'utf8')
    const section = readme.split(/^## Dependencies$/m)[1]?.split(/^## /m)[0] ?? ''
    for (const dependency of dependencies) {
      count++
      const isNamed = section.includes(`\`${dependency}\``)
      if (!isNamed) problems.push(`${name}: README.md gives no reason for ${dependency} under "Dependencies"`)
    }
  }
  note('reasons', `${count} production dependencies, each with its reason in a README`)
}

/** Whatever is fetched is compared with a digest. */
function checkLockfile() {
  const lockfile = readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8')
  const [, list = ''] = lockfile.split(/^packages:$/m)
  const entries = (list.split(/^snapshots:$/m)[0] ?? '').split(/^ {2}(?=\S)/m).slice(1)
  const without = entries.filter((entry) => !/integrity: sha512-/.test(entry))
  for (const entry of without) problems.push(`pnpm-lock.yaml: ${entry.split('\n')[0]} has no digest`)
  note('lockfile', `${entries.length} packages, ${entries.length - without.length} of them with a digest`)
}

/** Nothing runs when a package is installed: neither of ours, nor of what this repository installs. */
function checkInstallScripts() {
  for (const { manifest, name } of packages) {
    const scripts = Object.keys(manifest.scripts ?? {}).filter((script) => /install|prepare/.test(script))
    if (scripts.length > 0) problems.push(`${name} runs ${scripts.join(', ')} when it is installed`)
  }
  const workspace = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')
  if (!/^strictDepBuilds: true$/m.test(workspace) || /^ {2}\S+: true$/m.test(workspace)) {
    problems.push('pnpm-workspace.yaml lets a dependency run a script when it is installed')
  }
  note('install scripts', 'none of ours, none of a dependency')
}

/** The same sources give the same bytes: two builds from nothing are packed and compared. */
async function checkReproducible() {
  const digests = []
  for (let round = 0; round < 2; round++) {
    for (const { folder } of packages) {
      rmSync(join(folder, 'dist'), { recursive: true, force: true })
      rmSync(join(folder, 'node_modules/.cache'), { recursive: true, force: true })
    }
    await run('npm', ['run', '-s', 'build'], { cwd: root })
    const folder = mkdtempSync(join(tmpdir(), 'countersign-pack-'))
    await pnpm('-r', '--filter', './packages/*', 'pack', '--pack-destination', folder)
    digests.push(
      new Map(
        readdirSync(folder).map((file) => [
          file,
          createHash('sha256')
            .update(readFileSync(join(folder, file)))
            .digest('hex'),
        ]),
      ),
    )
    rmSync(folder, { recursive: true })
  }
  const [first, second] = digests
  const different = [...first].filter(([file, digest]) => second.get(file) !== digest)
  for (const [file] of different) problems.push(`${file} differs between two builds of the same sources`)
  note(
    'reproducible',
    `${first.size} tarballs, ${first.size - different.length} with the same bytes in two builds`,
  )
}

async function writeSboms() {
  const { stdout } = await pnpm(
    '--filter',
    './packages/*',
    'sbom',
    '--sbom-format',
    'cyclonedx',
    '--prod',
    '--lockfile-only',
  )
  const { components = [] } = JSON.parse(stdout)
  if (components.length === 0) problems.push('the software bill of materials is empty')
  if (values.sbom !== undefined) {
    const out = join(values.sbom, '%s.json')
    const words = [
      '--filter',
      './packages/*',
      'sbom',
      '--sbom-format',
      'cyclonedx',
      '--prod',
      '--lockfile-only',
      '--split',
    ]
    await pnpm(...words, '--out', out)
  }
  note(
    'bill of materials',
    `CycloneDX, ${components.length} components${existsSync(values.sbom ?? '') ? `, in ${values.sbom}` : ''}`,
  )
}

/** Known vulnerabilities of production dependencies. A registry that cannot be asked is said, and is no success. */
async function audit() {
  try {
    await pnpm('audit', '--prod')
    note('audit', 'no known vulnerability of a production dependency')
  } catch ({ stdout = '', stderr = '' }) {
    const found = /(\d+) vulnerabilities found/.exec(stdout)
    if (found === null)
      note('audit', `NOT DONE: no registry answered (${/ERR_\w+/.exec(stderr)?.[0] ?? 'unknown'})`)
    else problems.push(`${found[1]} known vulnerabilities of production dependencies: run pnpm audit --prod`)
  }
}
