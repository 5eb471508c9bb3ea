// D. What an issuer is asked, and what callers get, when everybody comes at once, when keys are forged, and when they change.
import { createTokenValidator, entra } from '@countersign/core'
import { setTimeout as delay } from 'node:timers/promises'
import { clientId, createKey, createToken, startIssuer, tenantId } from '../material.mjs'
import { peers } from './keys-of-peers.mjs'

export async function keys({ quick, progress }) {
  const count = quick ? 100 : 1000
  progress('counting fetches')
  const [key, next] = [createKey('RS256'), createKey('RS256', 'key-next')]
  const facts = {}
  let time = Date.now() / 1000
  const start = async (tokenCache = false) => {
    const issuer = await startIssuer([key], { latencyMilliseconds: 20 })
    const validator = createTokenValidator({
      issuer: entra({ tenantId, clientId, cloud: issuer.cloud }),
      clock: () => time,
      tokenCache,
    })
    const codeOf = (token) =>
      validator.validateToken(token).then(
        () => 'accepted',
        ({ code }) => code,
      )
    return { issuer, validator, codeOf, token: createToken(key, issuer.issuer, { exp: time + 9e6 }) }
  }

  {
    const { issuer, codeOf, token } = await start()
    const codes = await Promise.all(Array.from({ length: count }, () => codeOf(token)))
    facts[`${count.toLocaleString('en')} first requests at once`] =
      `${fetches(issuer.keyFetches())}, ${tally(codes)}`
    issuer.stop()
  }
  {
    const { issuer, codeOf, token } = await start()
    await codeOf(token)
    const codes = await Promise.all(Array.from({ length: count }, (_, index) => codeOf(forged(token, index))))
    facts[`${count.toLocaleString('en')} forged key ids at once`] =
      `${fetches(issuer.keyFetches() - 1, 'further ')}, ${tally(codes)}`
    issuer.list([key, next])
    const rotated = createToken(next, issuer.issuer)
    const during = await codeOf(rotated)
    time += 30
    await codeOf(forged(token, 1001))
    facts['a real new key during that flood'] = `${during}; 30 s later ${await codeOf(rotated)}`
    issuer.stop()
  }
  {
    const { issuer, codeOf, token } = await start()
    await codeOf(token)
    issuer.list([key, next])
    facts['a real new key, no flood'] = await codeOf(createToken(next, issuer.issuer))
    issuer.set('down')
    const startedAt = time
    time = startedAt + 23 * 3600
    const within = await codeOf(token)
    time = startedAt + 25 * 3600
    facts['issuer down for 23 hours, for 25'] = `${within}, ${await codeOf(token)}`
    time = startedAt
    issuer.stop()
  }
  {
    const { issuer, validator, codeOf, token } = await start({})
    await codeOf(token)
    issuer.list([next])
    const startedAt = time
    time = startedAt + 3601
    const absent = await codeOf(token)
    await delay(200)
    time = startedAt + 24 * 3600 + 1
    const after = await codeOf(token)
    time = startedAt
    facts['a key withdrawn: an hour later, a day later'] = `${absent}, ${after}`
    validator.forgetKeys()
    facts['a key withdrawn, after forgetKeys()'] = await codeOf(token)
    issuer.stop()
  }
  const tables = [{ title: 'D. Keys: what the issuer is asked, what callers get', facts }]
  for (const [name, make] of Object.entries(peers)) {
    progress(`counting fetches of ${name}`)
    tables.push({ title: `D. Keys: the same with ${name}`, facts: await factsOfPeer(make, key, next, count) })
  }
  return tables
}

const maxAgeMilliseconds = 150

/** What the peers can be asked of all this: they have no clock to move, so their keys are kept for a moment only. */
async function factsOfPeer(make, key, next, count) {
  const facts = {}
  const start = async (keptForMilliseconds) => {
    const issuer = await startIssuer([key], { latencyMilliseconds: 20 })
    const verify = make(issuer, keptForMilliseconds)
    const codeOf = async (token) => {
      try {
        await verify(token)
        return 'accepted'
      } catch {
        return 'refused'
      }
    }
    return { issuer, codeOf, token: createToken(key, issuer.issuer) }
  }
  const hour = 3_600_000
  {
    const { issuer, codeOf, token } = await start(hour)
    const codes = await Promise.all(Array.from({ length: count }, () => codeOf(token)))
    facts[`${count.toLocaleString('en')} first requests at once`] =
      `${fetches(issuer.keyFetches())}, ${tally(codes)}`
    const before = issuer.keyFetches()
    const flood = await Promise.all(Array.from({ length: count }, (_, index) => codeOf(forged(token, index))))
    facts[`${count.toLocaleString('en')} forged key ids at once`] =
      `${fetches(issuer.keyFetches() - before, 'further ')}, ${tally(flood)}`
    issuer.list([key, next])
    facts['a real new key during that flood'] = await codeOf(createToken(next, issuer.issuer))
    issuer.stop()
  }
  {
    const { issuer, codeOf, token } = await start(hour)
    await codeOf(token)
    issuer.list([key, next])
    facts['a real new key, no flood'] = await codeOf(createToken(next, issuer.issuer))
    issuer.stop()
  }
  {
    const { issuer, codeOf, token } = await start(maxAgeMilliseconds)
    await codeOf(token)
    issuer.set('down')
    await delay(2 * maxAgeMilliseconds)
    facts['issuer down, keys past their age'] = await codeOf(token)
    issuer.stop()
  }
  {
    const { issuer, codeOf, token } = await start(maxAgeMilliseconds)
    await codeOf(token)
    issuer.list([next])
    await delay(2 * maxAgeMilliseconds)
    await codeOf(token)
    await delay(2 * maxAgeMilliseconds)
    facts['a key withdrawn, past its age'] = await codeOf(token)
    issuer.stop()
  }
  return facts
}

/** Of another key's id; whoever wants the key first need not have a signature worth the name. */
function forged(token, index) {
  const header = JSON.stringify({ alg: 'RS256', typ: 'at+jwt', kid: `forged-${index}` })
  return [Buffer.from(header).toString('base64url'), ...token.split('.').slice(1)].join('.')
}

function fetches(count, which = '') {
  return `${count} ${which}key ${count === 1 ? 'fetch' : 'fetches'}`
}

function tally(codes) {
  return [...new Set(codes)].map((code) => `${codes.filter((one) => one === code).length} ${code}`).join(', ')
}
