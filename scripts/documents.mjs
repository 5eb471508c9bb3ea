// Checks every document: relative links lead to a file and a heading that are there, and every block of code compiles (`ts`),
// parses (`js`, `json`). A block that needs names of its surroundings has them in an HTML comment right before it:
//   <!-- ts
//   declare const app: import('express').Express
//   -->
// `<!-- not compiled: why -->` before a block leaves it out.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './lib/packages.mjs'

const ignored = new Set(['node_modules', 'dist', '.git', '.changeset', 'benchmarks'])
const problems = []
const blocks = []

function documentsIn(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return ignored.has(entry.name) ? [] : documentsIn(path)
    return entry.name.endsWith('.md') && entry.name !== 'CHANGELOG.md' ? [path] : []
  })
}

/** The anchors of a document, as GitHub makes them of its headings. */
function anchorsOf(path) {
  const found = new Map()
  const withoutCode = readFileSync(path, 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '')
  return new Set(
    [...withoutCode.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading]) => {
      const anchor = heading
        .toLowerCase()
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .trim()
        .replaceAll(' ', '-')
      const count = found.get(anchor) ?? 0
      found.set(anchor, count + 1)
      return count === 0 ? anchor : `${anchor}-${count}`
    }),
  )
}

function checkLinks(path, text) {
  const withoutCode = text.replaceAll(/^```[\s\S]*?^```/gm, '').replaceAll(/`[^`]*`/g, '')
  for (const [, target] of withoutCode.matchAll(/\]\(([^)\s]+)[^)]*\)/g)) {
    if (/^[a-z]+:/.test(target)) continue
    const [file, anchor] = target.split('#')
    const full = file === '' ? join(root, path) : join(root, dirname(path), decodeURI(file))
    if (!existsSync(full)) problems.push(`${path}: links to ${target}, which is not there`)
    else if (anchor !== undefined && full.endsWith('.md') && !anchorsOf(full).has(anchor)) {
      problems.push(`${path}: links to ${target}, and no heading has that anchor`)
    }
  }
}

function collectBlocks(path, text) {
  const pattern = /(?:<!-- ts\n([\s\S]*?)-->\s*\n)?^( *)```(\w+)\n([\s\S]*?)^ *```/gm
  for (const { 1: prelude = '', 2: indent, 3: language, 4: code, index } of text.matchAll(pattern)) {
    const line = text.slice(0, index).split('\n').length
    const own = code.replaceAll(new RegExp(`^${indent}`, 'gm'), '')
    if (language === 'json') {
      try {
        JSON.parse(own)
      } catch {
        problems.push(`${path}:${line}: the JSON does not parse`)
      }
    }
    if (/<!-- not compiled: .* -->\s*$/.test(text.slice(0, index))) continue
    if (['ts', 'js', 'typescript', 'javascript'].includes(language)) {
      blocks.push({
        where: `${path}:${line}`,
        isTyped: language.startsWith('t'),
        text: `${prelude}\n${own}\nexport {}\n`,
      })
    }
  }
}

for (const path of documentsIn('.')) {
  const text = readFileSync(join(root, path), 'utf8')
  checkLinks(path, text)
  collectBlocks(path, text)
}

const folder = join(root, 'docs', `.check-${process.pid}`)
mkdirSync(folder)
try {
  const files = blocks.map(({ text, isTyped }, index) => {
    const file = `block-${index}.${isTyped ? 'ts' : 'mjs'}`
    writeFileSync(join(folder, file), text)
    return file
  })
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    allowJs: true,
    noEmit: true,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  execFileSync(process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'),
    '-p',
    folder,
    '--pretty',
    'false',
  ])
} catch ({ stdout }) {
  for (const line of String(stdout ?? '')
    .split('\n')
    .filter(Boolean)) {
    const named = line.replace(
      /^.*?block-(\d+)\.\w+\((\d+),/,
      (_, index, at) => `${blocks[index].where} (line ${at - 1} of the block,`,
    )
    problems.push(named)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

for (const problem of problems) console.error(problem)
if (problems.length === 0)
  console.log(`${blocks.length} blocks of code in documents compile, and every link leads somewhere`)
process.exitCode = problems.length === 0 ? 0 : 1
