// The second half of `npm run build`, after `tsc -b` has checked the types and written the declarations: bundles each
// package's sources into the files that its manifest names, as ES modules in `dist` and as CommonJS in `dist/cjs`. A
// package that did not change since its last bundle is skipped. Arguments: the folders of the packages; default: all.
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { builtFiles, readPackages, root } from './lib/packages.mjs'

/** Dependencies that exist as ES modules only. Jest cannot `require` one, so the CommonJS build contains them. */
const esmOnly = ['jose', 'oauth4webapi']
const licenceFile = 'dist/THIRD-PARTY-LICENSES.txt'
/** Marks a path relative to the package, between the two steps that keep URLs right. */
const marker = 'countersign-package:'

const named = process.argv.slice(2)
const changed = readPackages().filter(
  (published) => (named.length === 0 || named.includes(basename(published.folder))) && !isUpToDate(published),
)
if (changed.length > 0) {
  const { rolldown } = await import('rolldown')
  for (const published of changed) await build(rolldown, published)
}

async function build(rolldown, published) {
  const { folder, manifest, name } = published
  const { esm, cjs, cts } = builtFiles(manifest)
  const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
  removeBundles(folder)
  const contained = new Set([
    ...(await bundle(rolldown, folder, { names: esm, format: 'esm', external: dependencies })),
    ...(await bundle(rolldown, folder, {
      names: cjs,
      format: 'cjs',
      external: dependencies.filter((dependency) => !esmOnly.includes(dependency)),
    })),
  ])
  writeCommonJsDeclarations(folder, cts)
  writeLicences(folder, contained)
  writeFileSync(stampFile(folder), `${fingerprint(published)}\n${outputs(folder)}`)
  console.log(`bundled ${name}`)
}

/** Writes one bundle and returns the folders of the foreign packages it contains. */
async function bundle(rolldown, folder, { names, format, external }) {
  if (names.length === 0) return []
  const dir = join(folder, format === 'esm' ? 'dist' : 'dist/cjs')
  const extension = format === 'esm' ? 'js' : 'cjs'
  const build = await rolldown({
    cwd: folder,
    platform: 'node',
    input: Object.fromEntries(names.map((name) => [name, join(folder, 'src', `${name}.ts`)])),
    external: (id) =>
      /^(node:|#)/.test(id) || external.some((name) => id === name || id.startsWith(`${name}/`)),
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    transform: { target: 'es2023' },
    plugins: [markPackageUrls(folder)],
    onLog(level, log) {
      throw new Error(`${format}: ${log.message}`)
    },
  })
  const { output } = await build.write({
    dir,
    format,
    sourcemap: true,
    sourcemapExcludeSources: true,
    // Jest has no `import()` in CommonJS without a flag of Node's.
    dynamicImportInCjs: false,
    entryFileNames: `[name].${extension}`,
    chunkFileNames: `[name]-[hash].${extension}`,
  })
  await build.close()
  for (const chunk of output) replaceMarkers(folder, dir, chunk)
  const modules = output.flatMap((chunk) => chunk.moduleIds ?? [])
  const contained = modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id)?.[0] ?? [])
  const unwanted = contained.find((dependency) => !isContainedOnPurpose(dependency, format))
  if (unwanted !== undefined) throw new Error(`${folder}: ${unwanted} is not among its dependencies`)
  return contained
}

function isContainedOnPurpose(dependency, format) {
  return format === 'cjs' && esmOnly.some((name) => dependency.endsWith(`/node_modules/${name}`))
}

/**
 * Keeps `new URL('../package.json', import.meta.url)` right, wherever the module ends up: the path in the source is
 * relative to the source file, the path in a bundle to the bundle.
 */
function markPackageUrls(folder) {
  return {
    name: 'mark-package-urls',
    transform(code, id) {
      if (!code.includes('import.meta.url') || id.includes('/node_modules/')) return null
      const marked = code.replace(
        /new URL\((['"])(\.[^'"]+)\1, import\.meta\.url\)/g,
        (_, _quote, path) =>
          `new URL('${marker}${relative(folder, resolve(dirname(id), path))}', import.meta.url)`,
      )
      return { code: marked, map: lineByLine(id, code) }
    },
  }
}

function replaceMarkers(folder, dir, chunk) {
  if (!chunk.code?.includes(marker)) return
  const file = join(dir, chunk.fileName)
  writeFileSync(file, chunk.code.replaceAll(marker, `${relative(dirname(file), folder)}/`))
}

/** The source map of a text whose lines are where they were. */
function lineByLine(id, code) {
  const mappings = code.split('\n').map((_, line) => (line === 0 ? 'AAAA' : 'AACA'))
  return { version: 3, sources: [id], sourcesContent: [code], names: [], mappings: mappings.join(';') }
}

/** The declarations that the entries reach once more as `.d.cts`, with the paths they import changed accordingly. */
function writeCommonJsDeclarations(folder, entries) {
  const dist = join(folder, 'dist')
  const reached = new Set(entries)
  // A set also visits what is added to it meanwhile.
  for (const name of reached) {
    const file = join(dist, `${name}.d.ts`)
    if (!existsSync(file)) continue
    const text = readFileSync(file, 'utf8')
    for (const [, path] of text.matchAll(/['"](\.\.?\/[^'"]*)\.js['"]/g)) {
      reached.add(relative(dist, resolve(dirname(file), path)))
    }
    const target = join(dist, 'cjs', `${name}.d.cts`)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, commonJsDeclaration(text))
  }
}

function commonJsDeclaration(text) {
  const packages = esmOnly.join('|')
  return (
    text
      .replace(/(['"])(\.\.?\/[^'"]*)\.js\1/g, '$1$2.cjs$1')
      .replace(/\n\/\/# sourceMappingURL=.*/, '')
      // TypeScript refuses types of an ES module in a CommonJS file unless the import says how to resolve them.
      .replace(
        new RegExp(`(import type [^;]*? from (['"])(?:${packages})(?:/[^'"]*)?\\2)(?! with )`, 'g'),
        `$1 with { 'resolution-mode': 'import' }`,
      )
      .replace(
        new RegExp(`import\\((['"])((?:${packages})(?:/[^'"]*)?)\\1\\)`, 'g'),
        `import('$2', { with: { 'resolution-mode': 'import' } })`,
      )
  )
}

/** The licences of the packages that a bundle contains travel with it. */
function writeLicences(folder, contained) {
  if (contained.size === 0) return
  const texts = [...contained].map((dependency) => {
    const { name, version } = JSON.parse(readFileSync(join(dependency, 'package.json'), 'utf8'))
    const file = readdirSync(dependency).find((candidate) => /^licen[cs]e(\.|$)/i.test(candidate))
    if (file === undefined) throw new Error(`${name} has no licence text`)
    return `${name} ${version}\n\n${readFileSync(join(dependency, file), 'utf8').trim()}\n`
  })
  writeFileSync(join(folder, licenceFile), texts.join(`\n${'-'.repeat(80)}\n\n`))
}

/** Leaves in `dist` what tsc wrote for the sources of today, and nothing else. */
function removeBundles(folder) {
  const sources = new Set(filesOf(join(folder, 'src')))
  const isDeclaration = (file) =>
    /\.d\.ts(\.map)?$/.test(file) && sources.has(file.replace(/\.d\.ts(\.map)?$/, '.ts'))
  for (const file of filesOf(join(folder, 'dist'))) {
    if (!isDeclaration(file)) unlinkSync(join(folder, 'dist', file))
  }
  rmSync(join(folder, 'dist/cjs'), { recursive: true, force: true })
}

function isUpToDate(published) {
  const { folder } = published
  if (!existsSync(stampFile(folder))) return false
  return readFileSync(stampFile(folder), 'utf8') === `${fingerprint(published)}\n${outputs(folder)}`
}

/** Of everything that decides what the bundles look like. */
function fingerprint({ folder }) {
  const hash = createHash('sha256')
  const inputs = [
    import.meta.filename,
    join(root, 'pnpm-lock.yaml'),
    join(folder, 'package.json'),
    ...filesOf(join(folder, 'src')).map((file) => join(folder, 'src', file)),
    ...filesOf(join(folder, 'dist'))
      .filter((file) => file.endsWith('.d.ts'))
      .map((file) => join(folder, 'dist', file)),
  ]
  for (const input of inputs) hash.update(`${relative(root, input)}\n`).update(readFileSync(input))
  return hash.digest('hex')
}

/** What is in `dist`, by name and size: a file that is missing, left over or half written calls for a new bundle. */
function outputs(folder) {
  const dist = join(folder, 'dist')
  const list = filesOf(dist).map((file) => `${file} ${statSync(join(dist, file)).size}`)
  return list.join('\n')
}

function stampFile(folder) {
  return join(folder, 'node_modules/.cache/bundle.txt')
}

function filesOf(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)\./.test(file))
    .sort()
}
