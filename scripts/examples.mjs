// Compiles the `@example` of every exported name as a file of its own, in the package that it belongs to, with the strictest
// options a user may have. Names of the entry that an example uses without importing them are imported for it.
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { docOf, readSurface } from './lib/declarations.mjs'
import { publicEntries, readPackages, root } from './lib/packages.mjs'

const folderName = `.example-${process.pid}`
const folders = new Set()
const files = []

/** The code of each `@example` of a doc comment. */
function examplesIn(doc) {
  return doc
    .split(/^@/m)
    .filter((tag) => tag.startsWith('example'))
    .map((tag) => /```\w*\n([\s\S]*?)```/.exec(tag)?.[1] ?? tag.slice('example'.length))
}

function importsFor(code, specifier, names) {
  const imported = new Set(
    [...code.matchAll(/import\s[^;'"]*/g)].flatMap(([clause]) => clause.match(/[\w$]+/g) ?? []),
  )
  const used = names.filter(
    (name) => !imported.has(name) && new RegExp(`(?<![\\w$.'"])${name}\\b(?!['":])`).test(code),
  )
  return used.length === 0 ? 'export {}' : `import { ${used.join(', ')} } from '${specifier}'`
}

for (const { folder, manifest, name } of readPackages()) {
  for (const { specifier, file } of publicEntries({ manifest, name })) {
    const { exported } = readSurface(join(folder, 'dist', `${file}.d.ts`))
    for (const [exportedName, { module, statements }] of exported) {
      const docs = (statements ?? []).flatMap((statement) => docOf(module, statement) ?? [])
      for (const [index, code] of docs.flatMap(examplesIn).entries()) {
        const target = join(folder, folderName, file)
        folders.add(join(folder, folderName))
        mkdirSync(target, { recursive: true })
        // One line before the code: the numbers of lines are those of the example plus one.
        const path = join(target, `${exportedName}-${index + 1}.ts`)
        writeFileSync(path, `${importsFor(code, specifier, [...exported.keys()])}\n${code}`)
        files.push(path)
      }
    }
  }
}

const config = join(root, `${folderName}.json`)
try {
  if (files.length > 0) {
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable'],
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      verbatimModuleSyntax: false,
      skipLibCheck: true,
      noEmit: true,
    }
    writeFileSync(config, JSON.stringify({ compilerOptions, files }))
    execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', config, '--pretty', 'false'], { cwd: root })
  }
  console.log(`${files.length} examples compile`)
} catch ({ stdout, stack }) {
  console.error(
    `An @example does not compile (its path names the package, the entry and the export):\n${stdout ?? stack}`,
  )
  process.exitCode = 1
} finally {
  rmSync(config, { force: true })
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}
