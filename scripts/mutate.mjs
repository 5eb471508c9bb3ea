// `npm run mutate`: changes one thing in a check, and looks whether a test fails. A change that no test notices survives: it is a
// missing test, or the code does nothing. Works in a copy of the last commit, in a temporary folder.
//   --minutes 5        when to stop (default: 3)
//   --seed 7           which changes come first (default: of the day)
//   packages/core/src/claims.ts …   the files (default: those that decide in core, adapters and token client)
// What survives on purpose is in scripts/mutants-accepted.json, with its reason.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { parseSync } from 'oxc-parser'
import { root } from './lib/packages.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: new Date().toISOString().slice(0, 10) },
  },
})
const defaults = [
  'bearer',
  'checks',
  'claims',
  'condition',
  'step-up',
  'permission',
  'sender-proof',
  'dpop-proof',
  'mutual-tls',
  'forwarded-certificate',
  'revocation',
  'revocation-list',
  'security-events',
  'security-event-subject',
  'entra',
  'entra-identity',
  'generic-identity',
  'token',
  'token-type',
  'validation',
  'key-set',
  'adapter',
  'shape',
].map((name) => `packages/core/src/${name}.ts`)
const others = [
  'packages/express/src/index.ts',
  'packages/koa/src/index.ts',
  'packages/fastify/src/index.ts',
  'packages/mcp/src/mcp-auth.ts',
]
const files = positionals.length > 0 ? positionals : [...defaults, ...others]
const run = promisify(execFile)
const deadline = Date.now() + Number(values.minutes) * 60_000
const accepted = JSON.parse(readFileSync(new URL('mutants-accepted.json', import.meta.url), 'utf8'))

const opposite = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '&&': '||',
  '||': '&&',
}

/** Every change that is tried in a file: where, and what takes its place. */
function mutantsOf(file, text) {
  const found = []
  const add = (node, replacement) => found.push({ file, start: node.start, end: node.end, replacement })
  walk(parseSync(file, text).program, (node) => {
    if (node.type === 'IfStatement' || node.type === 'ConditionalExpression') {
      add(node.test, 'false')
      add(node.test, 'true')
    }
    if (node.type === 'BinaryExpression' || node.type === 'LogicalExpression') {
      const replacement = opposite[node.operator]
      if (replacement === undefined) return
      const between = text.slice(node.left.end, node.right.start)
      const at = node.left.end + between.indexOf(node.operator)
      found.push({ file, start: at, end: at + node.operator.length, replacement })
    }
    if (node.type === 'ThrowStatement') add(node, ';')
    if (node.type === 'ExpressionStatement' && node.expression.type === 'CallExpression') add(node, ';')
    if (node.type === 'Literal' && typeof node.value === 'boolean') add(node, String(!node.value))
  })
  return found
}

function walk(node, visit) {
  if (typeof node?.type === 'string') visit(node)
  for (const value of Object.values(node ?? {})) {
    if (Array.isArray(value)) for (const each of value) walk(each, visit)
    else if (typeof value === 'object' && value !== null) walk(value, visit)
  }
}

/** A random order that a seed repeats. */
function shuffled(list, seed) {
  let state = Buffer.from(seed).reduce((sum, byte) => Math.imul(sum, 31) + byte, 7) >>> 0
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state
  }
  return list
    .map((value) => [next(), value])
    .sort(([a], [b]) => a - b)
    .map(([, value]) => value)
}

const folder = mkdtempSync(join(tmpdir(), 'countersign-mutate-'))
const scores = new Map()
const survivors = []
try {
  await run('git', ['worktree', 'add', '--detach', folder, 'HEAD'], { cwd: root })
  await run('npm', ['run', '-s', 'bootstrap'], { cwd: folder })
  const texts = new Map(files.map((file) => [file, readFileSync(join(folder, file), 'utf8')]))
  const mutants = shuffled(
    [...texts].flatMap(([file, text]) => mutantsOf(file, text)),
    values.seed,
  )
  console.log(
    `${mutants.length} changes in ${files.length} files; until ${new Date(deadline).toISOString().slice(11, 19)} UTC`,
  )
  let tried = 0
  for (const mutant of mutants) {
    if (Date.now() > deadline) break
    const text = texts.get(mutant.file)
    const line = text.slice(0, mutant.start).split('\n').length
    const source = text.split('\n')[line - 1].trim()
    writeFileSync(
      join(folder, mutant.file),
      text.slice(0, mutant.start) + mutant.replacement + text.slice(mutant.end),
    )
    const isKilled = await fails(mutant.file)
    writeFileSync(join(folder, mutant.file), text)
    tried++
    const reason = accepted[mutant.file]?.[source]
    const score = scores.get(mutant.file) ?? { tried: 0, killed: 0, accepted: 0 }
    score.tried++
    if (isKilled) score.killed++
    else if (reason !== undefined) score.accepted++
    else
      survivors.push(
        `${mutant.file}:${line}  ${source}\n      → ${text.slice(mutant.start, mutant.end).split('\n')[0]} becomes ${mutant.replacement}`,
      )
    scores.set(mutant.file, score)
    if (process.stderr.isTTY) process.stderr.write(`\r${tried} tried, ${survivors.length} survived `)
  }
} finally {
  await run('git', ['worktree', 'remove', '--force', folder], { cwd: root }).catch(() =>
    rmSync(folder, { recursive: true, force: true }),
  )
}

console.log('\nfile, tried, killed, survived on purpose')
for (const file of [...scores.keys()].toSorted((a, b) => a.localeCompare(b))) {
  const score = scores.get(file)
  console.log(`${file.padEnd(50)} ${score.tried} ${score.killed} ${score.accepted}`)
}
for (const survivor of survivors) console.log(`survived  ${survivor}`)
process.exitCode = survivors.length === 0 ? 0 : 1

/** Whether a test of the package, or of an adapter, fails. A change that makes tests hang is noticed, too. */
async function fails(file) {
  const name = file.split('/')[1]
  const tests = name === 'core' ? ['packages/core/test'] : [`packages/${name}/test`]
  try {
    await run(
      'npx',
      ['vitest', 'run', '--bail', '1', '--project', 'sources', ...tests, '--exclude', '**/examples.test.ts'],
      {
        cwd: folder,
        timeout: 120_000,
        killSignal: 'SIGKILL',
        maxBuffer: 1e8,
      },
    )
    return false
  } catch {
    return true
  }
}
