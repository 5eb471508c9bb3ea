// Packs every package, installs the tarballs outside the repository, and uses them as their users do: TypeScript in every
// kind of module resolution, Jest without configuration, `require` and `import` on every Node that is supported.
// `npm run test:consumers`; with `-- --short` a few of them, for every change. The first run fetches what it installs.
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { publicEntries, readPackages, root } from './lib/packages.mjs'

const isShort = process.argv.includes('--short')
const run = promisify(execFile)
const folder = await mkdtemp(join(tmpdir(), 'countersign-consumers-'))
const npx = (cwd, ...command) => run('npx', ['-y', '--prefer-offline', ...command], { cwd })

/** What applications have beside the packages. */
const frameworks = {
  express: '^5.0.0',
  '@types/express': '^5.0.0',
  fastify: '^5.0.0',
  koa: '^3.0.0',
  '@types/koa': '^3.0.0',
  '@types/node': '^20.19.0',
}
const compilers = isShort
  ? { 5.4: 'npm:typescript@5.4.5' }
  : { 5.4: 'npm:typescript@5.4.5', 5.9: 'npm:typescript@5.9', 7: 'npm:typescript@7' }
const jests = isShort ? ['30'] : ['29', '30']
const nodes = isShort ? [] : ['20.19.0', '20', '22', '24']

/** Kinds of module resolution; `node10` ended with TypeScript 5. */
const resolutions = {
  node10: { module: 'commonjs', moduleResolution: 'node10', files: ['app.ts', 'entries.ts'] },
  node16: { module: 'node16', moduleResolution: 'node16', files: ['app.mts', 'app.cts'] },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext', files: ['app.mts', 'app.cts'] },
  bundler: { module: 'esnext', moduleResolution: 'bundler', files: ['app.ts', 'entries.ts'] },
}
for (const name of ['node16', 'nodenext']) {
  resolutions[name].files.push('entries.mts', 'entries.cts', 'guard.cts', 'mix.mts')
}

/** Imports every entry of every package. Of a module without types any name could be used. */
function entriesText() {
  const specifiers = readPackages().flatMap((published) =>
    publicEntries(published).map(({ specifier }) => specifier),
  )
  return specifiers
    .map(
      (specifier, index) => `import * as entry${index} from '${specifier}'
// @ts-expect-error No such name.
void entry${index}.nothing
`,
    )
    .join('\n')
}

async function prepare(name, tarballs, dependencies, manifest = {}) {
  const project = join(folder, name)
  await mkdir(project)
  await cp(join(root, 'scripts/consumers'), project, { recursive: true })
  const packed = Object.fromEntries(tarballs.map(({ name, file }) => [name, `file:${file}`]))
  await writeFile(
    join(project, 'package.json'),
    JSON.stringify({
      private: true,
      ...manifest,
      dependencies: { ...frameworks, ...dependencies, ...packed },
    }),
  )
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: project })
  return project
}

async function compileChecks(tarballs) {
  const aliases = Object.entries(compilers).map(([version, source]) => [`typescript-${version}`, source])
  const project = await prepare('programs', tarballs, Object.fromEntries(aliases))
  const app = await readFile(join(project, 'app.ts'))
  for (const extension of ['ts', 'mts', 'cts']) {
    await writeFile(join(project, `app.${extension}`), app)
    await writeFile(join(project, `entries.${extension}`), entriesText())
  }
  const checks = []
  for (const version of Object.keys(compilers).sort(Number)) {
    for (const [name, { files, ...options }] of Object.entries(resolutions)) {
      if (name === 'node10' && version === '7') continue
      if (isShort && !['node10', 'node16'].includes(name)) continue
      for (const skipLibCheck of isShort ? [false] : [false, true]) {
        const config = `tsconfig.${version}-${name}-${skipLibCheck}.json`
        const compilerOptions = {
          ...options,
          skipLibCheck,
          target: 'es2022',
          lib: ['es2022'],
          types: ['node'],
          strict: true,
          exactOptionalPropertyTypes: true,
          esModuleInterop: true,
          noEmit: true,
        }
        await writeFile(join(project, config), JSON.stringify({ compilerOptions, files }))
        const compiler = join(project, `node_modules/typescript-${version}/bin/tsc`)
        checks.push({
          name: `TypeScript ${version}, ${name}, ${skipLibCheck ? 'skipping libraries' : 'libraries too'}`,
          check: () => compile(compiler, config, project),
        })
      }
    }
  }
  for (const [kind, file] of [
    ['import', 'import.mjs'],
    ['require', 'require.cjs'],
  ]) {
    checks.push({
      name: `Node ${process.versions.node}, ${kind}`,
      check: () => run(process.execPath, [file], { cwd: project }),
    })
    for (const version of nodes) {
      checks.push({ name: `Node ${version}, ${kind}`, check: () => npx(project, `node@${version}`, file) })
    }
  }
  checks.push({ name: 'npx countersign', check: () => explainCode(project) })
  return checks
}

/** The command of the packed package, as a person runs it. */
async function explainCode(cwd) {
  const { stdout } = await run('npx', ['--no-install', 'countersign', 'explain', 'token_expired'], { cwd })
  if (!stdout.startsWith('token_expired  401  invalid_token'))
    throw Object.assign(new Error('output'), { stdout })
}

/** Errors inside the declarations of other packages are not ours to mend. */
async function compile(compiler, config, cwd) {
  try {
    await run(process.execPath, [compiler, '-p', config, '--pretty', 'false'], { cwd })
  } catch ({ stdout }) {
    const errors = stdout.match(/^(?!node_modules\/(?!@countersign\/)).*error TS\d+.*$/gm)
    if (errors !== null || !/error TS/.test(stdout)) throw Object.assign(new Error('tsc'), { stdout })
  }
}

async function jestChecks(version, tarballs) {
  const manifest = { jest: { transform: { '\\.ts$': 'ts-jest' } } }
  const dependencies = { jest: version, '@jest/globals': version, 'ts-jest': '29', typescript: '5.9' }
  const project = await prepare(`jest-${version}`, tarballs, dependencies, manifest)
  await writeFile(
    join(project, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { module: 'commonjs', target: 'es2022', strict: true, esModuleInterop: true },
      files: ['typed.test.ts'],
    }),
  )
  const jest = (...args) =>
    run(process.execPath, ['node_modules/jest/bin/jest.js', '--watchman=false', ...args], { cwd: project })
  return [
    // No configuration at all: not even the transform that TypeScript needs.
    { name: `Jest ${version}, JavaScript`, check: () => jest('plain.test.js', '--config', '{}') },
    { name: `Jest ${version}, ts-jest`, check: () => jest('typed.test.ts') },
  ]
}

let failures = 0
async function report({ name, check }) {
  const begun = performance.now()
  try {
    await check()
    console.log(`${name.padEnd(46)} passed  ${((performance.now() - begun) / 1000).toFixed(1)} s`)
  } catch (error) {
    failures += 1
    console.log(`${name.padEnd(46)} FAILED\n${error.stdout ?? ''}${error.stderr ?? error.stack}`)
  }
}

try {
  await npx(root, 'pnpm@12.21.0', '-r', '--filter', './packages/*', 'pack', '--pack-destination', folder)
  const files = await readdir(folder)
  const tarballs = readPackages().map(({ name, manifest }) => ({
    name,
    file: join(
      folder,
      files.find((file) => file === `${name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`),
    ),
  }))
  const checks = await compileChecks(tarballs)
  for (const version of jests) checks.push(...(await jestChecks(version, tarballs)))
  const next = checks.values()
  // Two at a time, each taking the next that is left.
  const worker = async () => {
    for (const check of next) await report(check)
  }
  await Promise.all([worker(), worker()])
  console.log(`${checks.length - failures} of ${checks.length} passed`)
} catch (error) {
  failures += 1
  console.error(error.stdout || error.stderr || error.stack)
} finally {
  await rm(folder, { recursive: true, force: true })
}
process.exitCode = failures === 0 ? 0 : 1
