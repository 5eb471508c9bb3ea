// Packs every published package and looks at the tarballs as their users will: publint reads the manifest, and
// arethetypeswrong resolves the types.
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const folder = await mkdtemp(join(tmpdir(), 'countersign-pack-'))
const npx = (...command) => run('npx', ['-y', '--prefer-offline', ...command])

async function check(name) {
  const tarball = join(folder, name)
  await run('node_modules/.bin/publint', ['run', tarball, '--strict'])
  await run('node_modules/.bin/attw', [tarball, '--format', 'table-flipped'])
  console.log(`packed well: ${name}`)
}

try {
  await npx('pnpm@12.21.0', '-r', '--filter', './packages/*', 'pack', '--pack-destination', folder)
  const tarballs = (await readdir(folder)).filter((name) => name.endsWith('.tgz')).sort()
  if (tarballs.length === 0) throw new Error('nothing was packed')
  // Two at a time: most of it is one process computing.
  const worker = async () => {
    for (let name = tarballs.shift(); name !== undefined; name = tarballs.shift()) await check(name)
  }
  await Promise.all([worker(), worker()])
} catch (error) {
  console.error(error.stdout || error.stderr || error.message)
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
