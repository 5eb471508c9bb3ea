// `npm run bench`: ours beside the peers and the limit, in one run. See docs/performance.md for what the figures mean.
//   npm run bench                     everything (about twenty minutes)
//   npm run bench -- --quick          everything in short
//   npm run bench -- cold hot         some rows
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { acquire } from './rows/acquire.mjs'
import { cold } from './rows/cold.mjs'
import { dpop } from './rows/dpop.mjs'
import { emulator } from './rows/emulator.mjs'
import { growth } from './rows/growth.mjs'
import { hot } from './rows/hot.mjs'
import { http } from './rows/http.mjs'
import { imports } from './rows/import.mjs'
import { keys } from './rows/keys.mjs'
import { page } from './rows/page.mjs'
import { profile } from './rows/profile.mjs'
import { start } from './rows/start.mjs'
import { chart } from './chart.mjs'

const rows = { cold, hot, dpop, http, start, keys, acquire, imports, emulator, page, growth, profile }
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false } },
})
const unknown = positionals.filter((name) => !Object.hasOwn(rows, name))
if (unknown.length > 0) {
  console.error(`no such row: ${unknown.join(', ')}; there are ${Object.keys(rows).join(', ')}`)
  process.exit(1)
}
const chosen = positionals.length === 0 ? Object.keys(rows) : positionals
const { dependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
const machine = `${cpus().length} × ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, OpenSSL ${process.versions.openssl}`
console.log(machine)

const tables = []
for (const name of chosen) {
  const progress = (text) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${name}: ${text}`)
  }
  if (!process.stderr.isTTY) process.stderr.write(`${name} …\n`)
  const found = await rows[name]({ quick: values.quick, progress })
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  for (const table of found) print(table)
  tables.push(...found.map((table) => ({ row: name, ...table })))
}

if (!values.quick) record()

/** Writes what was measured beside what was measured before: rows that were not run now stay as they were. */
function record() {
  const folder = new URL('../docs/benchmarks/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const name = `node-${process.versions.node.split('.')[0]}`
  const file = new URL(`${name}.json`, folder)
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { machine, tables: [] }
  if (before.machine !== machine && positionals.length > 0) {
    console.log('\nnot written: what is recorded is of another machine; run all rows')
    return
  }
  const date = new Date().toISOString().slice(0, 10)
  const all = Object.keys(rows).flatMap((row) =>
    (chosen.includes(row) ? tables : before.tables).filter((table) => table.row === row),
  )
  writeFileSync(file, `${JSON.stringify({ date, machine, packages: dependencies, tables: all }, null, 2)}\n`)
  // What grows is told in numbers: it has no contender.
  const drawn = all.filter(({ row, rows: list }) => list !== undefined && list.length > 1 && row !== 'growth')
  writeFileSync(new URL(`${name}.svg`, folder), chart(drawn, `${date}, ${machine}`))
  console.log(`\nwritten: docs/benchmarks/${name}.json and .svg`)
}

function print({ title, unit, rows: list, facts }) {
  console.log(`\n${title}`)
  if (facts !== undefined) {
    for (const [name, value] of Object.entries(facts)) console.log(`  ${name.padEnd(58)} ${value}`)
    return
  }
  console.log(`  ${''.padEnd(38)} ${'µs'.padStart(10)}   ${unit}`)
  for (const { name, micros, ratio } of list) {
    const share = `${format(ratio.median)} [${format(ratio.low)}-${format(ratio.high)}]`
    console.log(`  ${name.padEnd(38)} ${format(micros.median).padStart(10)}   ${share}`)
  }
}

function format(value) {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2)
}
