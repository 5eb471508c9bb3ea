// Packs core, installs the tarball in an empty folder, and has every runtime that npm can deliver validate and refuse with
// it: `npm run test:runtimes`. The first run fetches the runtimes, some hundred megabytes.
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const folder = await mkdtemp(join(tmpdir(), 'countersign-runtimes-'))
const npx = (...command) => run('npx', ['-y', '--prefer-offline', ...command], { cwd: folder })

const rolldown = fileURLToPath(new URL('../node_modules/.bin/rolldown', import.meta.url))
const bundle = ['worker.mjs', '--file', 'bundle.mjs', '--format', 'esm', '--platform', 'neutral']
const conditions = ['workerd', 'worker', 'import', 'default'].flatMap((name) => [
  '--resolve.condition-names',
  name,
])

const runtimes = {
  'Node 20.19': () => npx('node@20.19.0', 'run.mjs'),
  'Node 20.19, require': () => npx('node@20.19.0', 'require.cjs'),
  'Node 20': () => npx('node@20', 'run.mjs'),
  'Node 22': () => npx('node@22', 'run.mjs'),
  'Node 24': () => npx('node@24', 'run.mjs'),
  'Node 26': () => npx('node@26', 'run.mjs'),
  Deno: () => npx('deno@2', 'run', '--node-modules-dir=manual', '--allow-read', '--allow-env', 'run.mjs'),
  Bun: () => npx('bun@1', 'run.mjs'),
  'Bun, require': () => npx('bun@1', 'require.cjs'),
  async workerd() {
    await run(rolldown, [...bundle, ...conditions], { cwd: folder })
    await writeFile(
      join(folder, 'config.capnp'),
      `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = (
  modules = [(name = "worker", esModule = embed "bundle.mjs")], compatibilityDate = "2026-01-01"))]);
`,
    )
    const { stdout, stderr } = await npx('workerd@1', 'test', 'config.capnp')
    return { stdout: `${stdout}${stderr}` }
  },
}

let failures = 0
try {
  await run('npx', [
    '-y',
    '--prefer-offline',
    'pnpm@12.21.0',
    '--filter',
    '@countersign/core',
    'pack',
    '--pack-destination',
    folder,
  ])
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'))
  await cp(new URL('runtimes/', import.meta.url), folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', `./${tarball}`], {
    cwd: folder,
  })
  for (const [name, check] of Object.entries(runtimes)) {
    try {
      const { stdout } = await check()
      const passed = /\d+ checks? passed/.exec(stdout)?.[0]
      if (passed === undefined) throw new Error('it said nothing of checks')
      console.log(`${name.padEnd(22)} ${passed}`)
    } catch (error) {
      failures++
      console.log(`${name.padEnd(22)} FAILED: ${error.stderr || error.message}`)
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
process.exitCode = failures === 0 ? 0 : 1
