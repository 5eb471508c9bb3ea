// Where the time of a hit and of a miss goes: what V8's sampling profiler sees, summed by function.
import { verify } from 'node:crypto'
import { Session } from 'node:inspector/promises'
import { setImmediate } from 'node:timers/promises'
import { createTokenValidator, entra } from '@countersign/core'
import { clientId, createKey, createToken, requestView, startIssuer, tenantId } from '../material.mjs'

const shown = 14

export async function profile({ quick, progress }) {
  const key = createKey('RS256')
  const issuer = await startIssuer([key])
  const tokens = Array.from({ length: 1000 }, (_, index) =>
    createToken(key, issuer.issuer, { sub: `user-${index}` }),
  )
  const headers = tokens.map((token) => Buffer.from(`Bearer ${token}`))
  const decoded = tokens.map((token) => {
    const at = token.lastIndexOf('.')
    return [Buffer.from(token.slice(0, at)), Buffer.from(token.slice(at + 1), 'base64url')]
  })
  const validating = async (tokenCache) => {
    const { ready, authenticate } = createTokenValidator({
      issuer: entra({ tenantId, clientId, cloud: issuer.cloud }),
      tokenCache,
    })
    await ready()
    return () => {
      for (const header of headers) void authenticate(requestView(header.latin1Slice()))
    }
  }
  const passes = {
    'a hit': await validating({}),
    'a miss': await validating(false),
    'a bare crypto.verify': () => {
      for (const [data, signature] of decoded) verify('sha256', data, key.publicKey, signature)
    },
  }
  const tables = []
  for (const [name, pass] of Object.entries(passes)) {
    progress(name)
    for (let warmUp = 0; warmUp < 20; warmUp++) pass()
    const microseconds = await sampled(pass, quick ? 300 : 4000)
    tables.push({ title: `Profile of ${name}`, facts: sharesOf(microseconds) })
  }
  issuer.stop()
  return tables
}

/** Self time by function, in microseconds. */
async function sampled(pass, milliseconds) {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 100 })
  await session.post('Profiler.start')
  const until = performance.now() + milliseconds
  while (performance.now() < until) {
    pass()
    // As a server would: what the collector has to finish is finished between turns of the loop.
    await setImmediate()
  }
  const { profile: taken } = await session.post('Profiler.stop')
  session.disconnect()
  const frames = new Map(taken.nodes.map(({ id, callFrame }) => [id, callFrame]))
  const spent = new Map()
  for (const [index, id] of taken.samples.entries()) {
    const frame = frames.get(id)
    if (isProfiler(frame)) continue
    const name = nameOf(frame)
    spent.set(name, (spent.get(name) ?? 0) + taken.timeDeltas[index])
  }
  return spent
}

/** What starting and stopping the profiler itself takes. */
function isProfiler({ functionName, url }) {
  return url.startsWith('node:inspector') || (functionName === 'dispatch' && url === '')
}

function nameOf({ functionName, url }) {
  const file = url.startsWith('node:') ? url : (url.split('/').at(-1) ?? '')
  // The native half of `crypto.verify`: OpenSSL itself.
  if (functionName === 'run' && url === '') return 'signature verification (OpenSSL)'
  return [functionName || '(the loop around it)', file].filter((part) => part !== '').join(', ')
}

function sharesOf(spent) {
  const total = [...spent.values()].reduce((sum, one) => sum + one, 0)
  const ordered = [...spent].sort(([, a], [, b]) => b - a)
  const rest = ordered.slice(shown).reduce((sum, [, one]) => sum + one, 0)
  return Object.fromEntries(
    [...ordered.slice(0, shown), ['everything else', rest]].map(([name, one]) => [
      name,
      `${((100 * one) / total).toFixed(1)} %`,
    ]),
  )
}
