// F. What a process pays before its first request: each import in a process of its own, in turn.
import { execFileSync } from 'node:child_process'
import { spread } from '../measure.mjs'

const packages = [
  'jose',
  '@countersign/core',
  'fast-jwt',
  'aws-jwt-verify',
  'express-oauth2-jwt-bearer',
  '@azure/msal-node',
  '@countersign/token-client',
]

export async function imports({ quick, progress }) {
  const rounds = quick ? 3 : 15
  const taken = new Map(packages.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`)
    for (const name of packages) {
      const script = `const t = performance.now(); await import(${JSON.stringify(name)}); process.stdout.write(String(performance.now() - t))`
      const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        cwd: new URL('..', import.meta.url),
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      taken.get(name).push(Number(output))
    }
  }
  const against = (baseline, names) => {
    const base = taken.get(baseline)
    return names.map((name) => ({
      name,
      micros: spread(taken.get(name).map((milliseconds) => milliseconds * 1000)),
      ratio: spread(taken.get(name).map((value, round) => value / base[round])),
    }))
  }
  return [
    { title: 'F. Import', unit: '× jose', lowerIsBetter: true, rows: against('jose', packages.slice(0, 5)) },
    {
      title: 'F. Import of the token client',
      unit: '× @azure/msal-node',
      lowerIsBetter: true,
      rows: against('@azure/msal-node', packages.slice(5)),
    },
  ]
}
