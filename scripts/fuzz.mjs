// `npm run fuzz`: hostile input for everything that reads input. Inputs that reach new code are kept and changed further, by the
// coverage that Node itself takes. What is accepted, or fails in another way than documented, is a finding.
//   --minutes 10    when to stop (default: 1)
//   --seed 7        which inputs come first (default: of the day)
//   token header …  the targets (default: all)
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { Session } from 'node:inspector/promises'
import { json } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import {
  createRevocationList,
  createSecurityEventReceiver,
  createTokenValidator,
  dpop,
  forwardedCertificate,
  introspectedIssuer,
  isBearerError,
  mutualTls,
  oidcIssuer,
  staticIssuer,
} from '../packages/core/dist/index.js'
import { startEmulator } from '../packages/emulator/dist/index.js'
import {
  clientSecret,
  createTokenClient,
  isTokenClientError,
  oauthAuthority,
} from '../packages/token-client/dist/index.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: new Date().toISOString().slice(0, 10) },
  },
})
const now = 1_800_000_000
const clock = () => now
const issuer = 'https://issuer.example'
const audience = 'https://api.example'
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' }
const { kid: _kid, alg: _alg, use: _use, ...bareJwk } = jwk
const jkt = createHash('sha256')
  .update(JSON.stringify({ crv: 'P-256', kty: 'EC', x: jwk.x, y: jwk.y }))
  .digest('base64url')
const encode = (value) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

function signed(header, claims) {
  const text = `${encode(header)}.${encode(claims)}`
  return `${text}.${sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

const claims = {
  iss: issuer,
  aud: audience,
  iat: now - 10,
  exp: now + 600,
  sub: 'user',
  client_id: 'app',
  scope: 'read',
  jti: 'j',
}
const token = signed({ alg: 'ES256', kid: 'k1', typ: 'at+jwt' }, claims)
const bound = signed({ alg: 'ES256', kid: 'k1', typ: 'at+jwt' }, { ...claims, cnf: { jkt } })
const keys = { keys: [jwk] }
const validator = createTokenValidator({ issuer: staticIssuer({ issuer, jwks: keys }), audience, clock })
const viewOf = (headers, more = {}) => ({
  method: 'GET',
  url: '/',
  header: (name) => headers[name],
  peerCertificate: () => undefined,
  remoteAddress: '127.0.0.1',
  native: undefined,
  ...more,
})
const answering =
  (text, type = 'application/json') =>
  async () =>
    new Response(text, { headers: { 'content-type': type } })

/** Whether a refusal is one that is documented. Anything else that is thrown is a finding. */
async function refusedOr(run, isDocumented) {
  try {
    await run()
    return 'accepted'
  } catch (error) {
    if (isDocumented(error)) return 'refused'
    throw error
  }
}
const bearer = (run) => refusedOr(run, isBearerError)
const bearerOrSetUp = (run) => refusedOr(run, (error) => isBearerError(error) || error instanceof TypeError)

const proofOf = (content) => signed({ alg: 'ES256', typ: 'dpop+jwt', jwk: bareJwk }, content)
const ath = createHash('sha256').update(bound).digest('base64url')
let count = 0
const emulator = await startEmulator()
const agent = new Agent({ keepAlive: true })
const certificate = randomBytes(300)
const boundToCertificate = signed(
  { alg: 'ES256', kid: 'k1', typ: 'at+jwt' },
  { ...claims, cnf: { 'x5t#S256': createHash('sha256').update(certificate).digest('base64url') } },
)

/**
 * Of each target: an input that is good, and what is done with a changed one. `mustRefuse`: whether a change may never be
 * accepted; where the input is signed anew, or is a document, some changes are as good as before.
 */
const targets = {
  token: { seed: token, mustRefuse: true, run: (text) => bearer(() => validator.validateToken(text)) },
  header: {
    seed: `Bearer ${token}`,
    run: (text) => bearer(() => validator.authenticate(viewOf({ authorization: [text] }))),
  },
  claims: {
    seed: JSON.stringify(claims),
    run: (text) => bearer(() => validator.validateToken(signed({ alg: 'ES256', kid: 'k1' }, text))),
  },
  'key set': {
    seed: JSON.stringify(keys),
    run: (text) =>
      bearer(() =>
        createTokenValidator({
          issuer: oidcIssuer({ issuer, jwksUri: `${issuer}/keys` }),
          audience,
          clock,
          fetch: answering(text),
        }).validateToken(token),
      ),
  },
  discovery: {
    seed: JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }),
    run: (text) =>
      bearer(() =>
        createTokenValidator({
          issuer: oidcIssuer(issuer),
          audience,
          clock,
          fetch: (url) => answering(String(url).endsWith('/keys') ? JSON.stringify(keys) : text)(),
        }).validateToken(token),
      ),
  },
  introspection: {
    seed: JSON.stringify({
      active: true,
      iss: issuer,
      aud: audience,
      exp: now + 60,
      sub: 'a',
      scope: 'read',
      token_type: 'Bearer',
    }),
    run: (text) =>
      bearer(() =>
        createTokenValidator({
          issuer: introspectedIssuer({
            issuer,
            introspectionUrl: `${issuer}/introspect`,
            authentication: { clientId: 'api', clientSecret: 'secret' },
          }),
          audience,
          clock,
          fetch: answering(text),
        }).validateToken('opaque'),
      ),
  },
  'DPoP proof': {
    seed: JSON.stringify({ htm: 'GET', htu: 'https://api.example/', iat: now, ath, jti: 'p' }),
    run: (text) =>
      bearer(() =>
        createTokenValidator({
          issuer: staticIssuer({ issuer, jwks: keys }),
          audience,
          clock,
          senderProofs: dpop({ publicUrl: 'https://api.example' }),
        }).authenticate(
          viewOf({ authorization: [`DPoP ${bound}`], dpop: [text.startsWith('{') ? proofOf(text) : text] }),
        ),
      ),
  },
  'certificate header': {
    seed: `:${certificate.toString('base64')}:`,
    mustRefuse: true,
    run: (text) =>
      bearer(() =>
        createTokenValidator({
          issuer: staticIssuer({ issuer, jwks: keys }),
          audience,
          clock,
          senderProofs: mutualTls({
            certificateFrom: forwardedCertificate({
              trustedProxies: ['127.0.0.1'],
              header: 'client-cert',
              format: 'client-cert',
            }),
          }),
        }).authenticate(viewOf({ authorization: [`Bearer ${boundToCertificate}`], 'client-cert': [text] })),
      ),
  },
  'security event': {
    seed: JSON.stringify({
      iss: issuer,
      aud: audience,
      iat: now,
      jti: 'e',
      sub_id: { format: 'iss_sub', iss: issuer, sub: 'user' },
      events: {
        'https://schemas.openid.net/secevent/caep/event-type/session-revoked': { event_timestamp: now },
      },
    }),
    async run(text) {
      const receive = createSecurityEventReceiver({
        transmitter: staticIssuer({ issuer, jwks: keys, audience }),
        revokesFor: issuer,
        list: createRevocationList({ maxTokenLifeSeconds: 3600, clock }),
        clock,
      })
      const body = signed({ alg: 'ES256', kid: 'k1', typ: 'secevent+jwt' }, text)
      const { status } = await receive({ contentType: 'application/secevent+jwt', body })
      if (status === 503) throw new Error('a bad event was answered with 503')
      return status === 202 ? 'accepted' : 'refused'
    },
  },
  snapshot: {
    seed: JSON.stringify({ version: 1, issuers: [] }),
    run: (text) => bearerOrSetUp(async () => validator.importKeys(parsed(text))),
  },
  'revocation store': {
    seed: JSON.stringify([1, 'client', 'other', null, now + 3600]),
    async run(text) {
      let isFirst = true
      const list = createRevocationList({
        maxTokenLifeSeconds: 3600,
        clock,
        store: {
          append: async () => {},
          async readSince(cursor = '0') {
            const entries = isFirst ? [text] : []
            isFirst = false
            return { entries, cursor }
          },
        },
      })
      const verdict = await bearer(() =>
        createTokenValidator({
          issuer: staticIssuer({ issuer, jwks: keys }),
          audience,
          clock,
          revocation: list,
        }).validateToken(token),
      )
      list.close()
      return verdict
    },
  },
  'token response': {
    seed: JSON.stringify({ access_token: 'a', token_type: 'Bearer', expires_in: 3600 }),
    run: (text) =>
      refusedOr(async () => {
        const client = createTokenClient({
          authority: oauthAuthority({ issuer }),
          clientId: 'app',
          credential: clientSecret('secret'),
          clock,
          fetch: (url) =>
            answering(
              String(url).includes('.well-known')
                ? JSON.stringify({ issuer, token_endpoint: `${issuer}/token` })
                : text,
            )(),
        })
        await client.acquireForApp({ resource: 'https://other.example' })
      }, isTokenClientError),
  },
  'token request': {
    seed: 'grant_type=client_credentials&client_id=daemon&client_secret=not-a-secret-daemon&scope=api%3A%2F%2Fapi%2F.default',
    async run(body) {
      // Not `fetch`, which gives up on a connection while this process is busy.
      const sent = request(`${emulator.origin}/organizations/oauth2/v2.0/token`, {
        method: 'POST',
        agent,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      }).end(body)
      const [answer] = await once(sent, 'response')
      if (answer.statusCode >= 500) throw new Error(`the emulator answered ${answer.statusCode}`)
      await json(answer)
      return answer.statusCode < 300 ? 'accepted' : 'refused'
    },
  },
  'registration file': {
    seed: JSON.stringify({
      tenants: [{ domains: ['a.example'] }],
      applications: [{ displayName: 'api', identifierUris: ['api://a'] }],
    }),
    run: (text) =>
      refusedOr(
        async () => (await startEmulator({ registration: parsed(text) })).stop(),
        (error) => error instanceof TypeError,
      ),
  },
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

// A generator that a seed repeats (mulberry32).
let state = Buffer.from(values.seed).reduce((sum, byte) => Math.imul(sum, 31) + byte, 7) >>> 0
function random(below) {
  state = (state + 0x6d_2b_79_f5) >>> 0
  let mixed = Math.imul(state ^ (state >>> 15), state | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return ((mixed ^ (mixed >>> 14)) >>> 0) % below
}

const words = [
  'null',
  '[]',
  '{}',
  '""',
  '-1',
  '1e999',
  '9007199254740993',
  '"\\u0000"',
  '__proto__',
  'constructor',
  '\u0000',
  '\uFEFF',
  '%',
  '..',
  ',',
  '"',
  '\\',
  ' ',
  '=',
  '.',
  ':',
  'é',
  '😀',
  'true',
  '0',
]

/** One to four changes of a text: a piece is removed, repeated, exchanged, or something is put in. */
function changed(text, corpus) {
  let next = text
  for (let step = 0; step <= random(4); step++) {
    const at = random(next.length + 1)
    const length = random(Math.min(40, next.length - at + 1))
    const piece = next.slice(at, at + length)
    const put = [
      '',
      piece + piece,
      words[random(words.length)],
      String.fromCodePoint(random(0x24f)),
      piece.toUpperCase(),
      corpus[random(corpus.length)].slice(at, at + length + random(20)),
      piece.split('').toReversed().join(''),
      'x'.repeat(random(200)),
    ][random(8)]
    next = next.slice(0, at) + put + next.slice(at + length)
  }
  return next
}

const session = new Session()
session.connect()
await session.post('Profiler.enable')
await session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true })

/** Ranges of our own code that were ever reached. */
const reached = new Set()

/** How many ranges were reached since the last call that never were before. */
async function newlyReached() {
  const before = reached.size
  const { result } = await session.post('Profiler.takePreciseCoverage')
  for (const { url, functions } of result) {
    const file = /packages\/[\w-]+\/dist\/.*/.exec(url)?.[0]
    if (file === undefined) continue
    for (const { ranges } of functions) {
      for (const { startOffset, endOffset, count: times } of ranges) {
        if (times > 0) reached.add(`${file}:${startOffset}-${endOffset}`)
      }
    }
  }
  return reached.size - before
}

const chosen = positionals.length > 0 ? positionals : Object.keys(targets)
const unknown = chosen.filter((name) => !Object.hasOwn(targets, name))
if (unknown.length > 0) {
  console.error(`no such target: ${unknown.join(', ')}; there are ${Object.keys(targets).join(', ')}`)
  process.exit(64)
}
let findings = 0
process.on('unhandledRejection', (error) => report('unhandled', String(error), ''))
const each = (Number(values.minutes) * 60_000) / chosen.length
console.log(`seed ${values.seed}, ${chosen.length} targets, ${(each / 1000).toFixed(1)} s each`)
for (const name of chosen) await fuzz(name, targets[name])
agent.destroy()
await emulator.stop()
session.disconnect()
console.log(`${count} executions, ${findings} findings`)
process.exitCode = findings === 0 ? 0 : 1

function report(name, what, input) {
  findings++
  console.error(`✗ ${name}: ${what}\n  ${JSON.stringify(input).slice(0, 2000)}`)
}

async function fuzz(name, { seed, mustRefuse = false, run }) {
  const corpus = [seed]
  const verdicts = { accepted: 0, refused: 0 }
  if ((await run(seed)) !== 'accepted' && !['token request'].includes(name))
    report(name, 'its good input is refused', seed)
  await newlyReached()
  const until = Date.now() + each
  let executions = 0
  while (Date.now() < until) {
    const batch = Array.from({ length: 50 }, () =>
      changed(corpus[random(corpus.length)], corpus).slice(0, 20_000),
    )
    for (const input of batch) {
      executions++
      try {
        const verdict = await run(input)
        verdicts[verdict]++
        if (verdict === 'accepted' && mustRefuse && input !== seed)
          report(name, 'a changed input is accepted', input)
      } catch (error) {
        report(name, `${error?.name}: ${String(error?.message).slice(0, 200)}`, input)
      }
      if (findings > 50) process.exit(1)
    }
    // Which of a batch reached something new is not worth a second run: all of them are kept.
    if ((await newlyReached()) > 0 && corpus.length < 5000) corpus.push(...batch)
  }
  count += executions
  console.log(
    `${name.padEnd(20)} ${String(executions).padStart(8)} executions, ${verdicts.accepted} accepted, ${verdicts.refused} refused, corpus ${corpus.length}`,
  )
}
