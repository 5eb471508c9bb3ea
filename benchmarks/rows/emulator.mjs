// G. The emulator beside other token services for tests: tokens over HTTP, and what a test file waits for before its first.
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { shuffled, spread } from '../measure.mjs'

const script = fileURLToPath(new URL('../token-service.mjs', import.meta.url))
const env = { ...process.env, NODE_ENV: 'production' }
const ours = 'Countersign'
const underLoad = [ours, 'oidc-provider', 'oauth2-mock-server']
/** Two make an RSA key at their start, as the emulator does; the one with a built-in key signs with one that is public. */
const started = [...underLoad, 'oidc-provider, built-in key']

export async function emulator({ quick, progress }) {
  return [...(await throughput({ quick, progress })), ...start({ quick, progress })]
}

async function throughput({ quick, progress }) {
  const [rounds, seconds] = quick ? [1, 1] : [9, 2]
  const servers = new Map()
  for (const name of underLoad) {
    progress(`${name}: checking its token`)
    const server = await startService(name)
    await checkToken(server)
    await load(server, seconds)
    servers.set(name, server)
  }
  const results = new Map(underLoad.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    progress(`tokens: round ${round + 1} of ${rounds}`)
    for (const [name, server] of shuffled([...servers])) results.get(name).push(await load(server, seconds))
  }
  for (const server of servers.values()) server.stop()
  const figures = (name, figure) => results.get(name).map(figure)
  const perSecond = ({ total, duration }) => total / duration
  return [
    {
      title: 'G. Client-credentials tokens over HTTP, RS256',
      unit: `× tokens of ${ours}`,
      lowerIsBetter: false,
      rows: against(ours, underLoad, {
        micros: (name) => figures(name, (result) => 1e6 / perSecond(result)),
        ratio: (name) => figures(name, perSecond),
      }),
    },
    {
      title: "G'. Processor time of the service per token",
      facts: Object.fromEntries(
        underLoad.map((name) => [name, `${inWords(figures(name, ({ cpu }) => cpu))} µs`]),
      ),
    },
  ]
}

/** A service in a process of its own, which tells its addresses and, when asked, the processor time it has used. */
async function startService(name) {
  const child = fork(script, [name, 'stay'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env })
  const [addresses] = await once(child, 'message')
  return {
    ...addresses,
    async cpuMicros() {
      child.send('cpu')
      const [{ cpu }] = await once(child, 'message')
      return cpu
    },
    stop: () => child.kill(),
  }
}

const form = { 'content-type': 'application/x-www-form-urlencoded' }

/** Whoever answers something else than a JWT that its own keys verify is no contender. */
async function checkToken({ tokenEndpoint, jwksUri, body }) {
  const response = await fetch(tokenEndpoint, { method: 'POST', headers: form, body })
  const { access_token: token } = await response.json()
  await jwtVerify(token, createRemoteJWKSet(new URL(jwksUri)), { algorithms: ['RS256'] })
}

async function load(server, seconds) {
  const before = await server.cpuMicros()
  const { requests, duration, non2xx, errors } = await autocannon({
    url: server.tokenEndpoint,
    method: 'POST',
    headers: form,
    body: server.body,
    connections: 32,
    duration: seconds,
  })
  if (non2xx > 0 || errors > 0) throw new Error(`${non2xx} answers were not 200, ${errors} failed`)
  const { total } = requests
  return { total, duration, cpu: ((await server.cpuMicros()) - before) / total }
}

function start({ quick, progress }) {
  const rounds = quick ? 2 : 15
  const taken = new Map(started.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    progress(`start: round ${round + 1} of ${rounds}`)
    for (const name of shuffled(started)) {
      const output = execFileSync(process.execPath, [script, name, 'once'], {
        env,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      taken.get(name).push(JSON.parse(output))
    }
  }
  const figures = (name, figure) => taken.get(name).map((one) => one[figure])
  return [
    {
      title: 'G. From start to first token',
      unit: `× time of ${ours}`,
      lowerIsBetter: true,
      rows: against(ours, started, {
        micros: (name) => figures(name, 'firstToken').map((milliseconds) => milliseconds * 1000),
        ratio: (name) => figures(name, 'firstToken'),
      }),
    },
    {
      title: "G'. From import to ready; once more in the same process",
      facts: Object.fromEntries(
        started.map((name) => [
          name,
          `${inWords(figures(name, 'ready'))} ms; ${inWords(figures(name, 'readyAgain'))} ms`,
        ]),
      ),
    },
  ]
}

function against(baseline, names, { micros, ratio }) {
  const base = ratio(baseline)
  return names.map((name) => ({
    name,
    micros: spread(micros(name)),
    ratio: spread(ratio(name).map((value, round) => value / base[round])),
  }))
}

function inWords(values) {
  const { median, low, high } = spread(values)
  return `${median.toFixed(0)} [${low.toFixed(0)}-${high.toFixed(0)}]`
}
