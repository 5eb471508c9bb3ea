// E. A token on behalf of a user that is cached already, as users grow; and how many requests a burst costs.
// The network is a function that answers at once, for both sides: what is measured is the library.
import { hash } from 'node:crypto'
import { ConfidentialClientApplication } from '@azure/msal-node'
import { clientSecret, createTokenClient, entraAuthority } from '@countersign/token-client'
import { interleaved } from '../measure.mjs'
import { clientId, tenantId } from '../material.mjs'

const authority = `https://login.microsoftonline.com/${tenantId}`
const scope = 'api://inventory/Inventory.Read'
export const target = { scopes: [scope] }
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const expiresAt = Math.floor(Date.now() / 1000) + 7200

export function userToken(index, device = 0) {
  const oid = `7d2e0000-0000-4000-8000-${String(index).padStart(12, '0')}`
  const claims = {
    aud: clientId,
    tid: tenantId,
    oid,
    sub: oid,
    azp: clientId,
    scp: 'Orders.Read',
    ver: '2.0',
    exp: expiresAt,
    name: 'Mara Lindqvist',
    uti: `${index}-${device}`,
    rh: 'x'.repeat(300),
    aio: 'y'.repeat(200),
  }
  return `${encode({ alg: 'RS256', typ: 'JWT', kid: 'k' })}.${encode(claims)}.${'s'.repeat(342)}`
}

function answer(index) {
  const id = {
    oid: `7d2e0000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    tid: tenantId,
    aud: clientId,
    ver: '2.0',
    sub: String(index),
    preferred_username: `u${index}@contoso.example`,
    exp: expiresAt,
    iat: expiresAt - 7500,
    iss: `${authority}/v2.0`,
  }
  return {
    token_type: 'Bearer',
    scope,
    expires_in: 7000,
    ext_expires_in: 7000,
    access_token: `${encode({ alg: 'RS256' })}.${encode({ ...id, pad: 'z'.repeat(900) })}.${'s'.repeat(342)}`,
    id_token: `${encode({ alg: 'RS256' })}.${encode(id)}.${'s'.repeat(342)}`,
    client_info: encode({ uid: id.oid, utid: tenantId }),
  }
}

const metadata = JSON.stringify({
  authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
  token_endpoint: `${authority}/oauth2/v2.0/token`,
  end_session_endpoint: `${authority}/oauth2/v2.0/logout`,
  issuer: `${authority}/v2.0`,
  jwks_uri: `${authority}/discovery/v2.0/keys`,
})

/** MSAL Node with a network client that answers at once, and counts. */
function msalClient(state) {
  const reply = async () => {
    state.requests++
    return { status: 200, headers: {}, body: answer(state.index) }
  }
  return new ConfidentialClientApplication({
    auth: { clientId, clientSecret: 'a-secret-of-the-bench', authority, authorityMetadata: metadata },
    system: { networkClient: { sendGetRequestAsync: reply, sendPostRequestAsync: reply } },
  })
}

const acquireMsal = (client, token) => client.acquireTokenOnBehalfOf({ oboAssertion: token, ...target })

/** Filling one MSAL client is quadratic: each user is acquired in a client of its own, and the caches are put together. */
async function filledMsal(tokens, state) {
  const merged = {}
  for (const [index, token] of tokens.entries()) {
    state.index = index
    const client = msalClient(state)
    await acquireMsal(client, token)
    for (const [part, entries] of Object.entries(JSON.parse(client.getTokenCache().serialize()))) {
      merged[part] = Object.assign(merged[part] ?? {}, entries)
    }
  }
  const client = msalClient(state)
  client.getTokenCache().deserialize(JSON.stringify(merged))
  return client
}

/** Our client, whose service is a function that answers at once and counts. */
export function ourClient(state) {
  return createTokenClient({
    authority: entraAuthority({ tenantId, version: '2.0' }),
    clientId,
    credential: clientSecret('a-secret-of-the-bench'),
    cache: { maxEntries: 200_000, maxBytes: 1e9 },
    fetch: async () => {
      state.requests++
      return Response.json(answer(state.index))
    },
  })
}

export async function acquire({ quick, progress }) {
  const tables = []
  const sizes = quick ? [1, 1000] : [1, 1000, 10_000]
  const atOne = {}
  for (const size of sizes) {
    progress(`filling caches with ${size} users`)
    const tokens = Array.from({ length: size }, (_, index) => userToken(index))
    const state = { requests: 0, index: 0 }
    const msal = await filledMsal(tokens, state)
    const ours = ourClient(state)
    for (const [index, token] of tokens.entries()) {
      state.index = index
      await ours.acquireOnBehalfOf(token, target)
    }
    const map = new Map(tokens.map((token) => [hash('sha256', token, 'base64'), token]))
    const buffers = tokens.map((token) => Buffer.from(token))
    state.requests = 0
    // As many as take about as long: after a few, what is measured is what the one before left of the processor's caches.
    const operations = 2000
    const operationsOfMsal = size === 1 ? 200 : size === 1000 ? 100 : 20
    let at = 0
    const contender = (name, run, count = operations) => ({
      name,
      operations: count,
      run: async () => {
        for (let index = 0; index < count; index++) {
          at = (at + 7919) % size
          await run(buffers[at].latin1Slice())
        }
      },
    })
    const rows = await interleaved(
      [
        contender('sha256 and a Map', (token) => map.get(hash('sha256', token, 'base64'))),
        contender('Countersign', (token) => ours.acquireOnBehalfOf(token, target)),
        contender('MSAL Node', (token) => acquireMsal(msal, token), operationsOfMsal),
      ],
      {
        rounds: quick ? 5 : 11,
        operations,
        baseline: 'sha256 and a Map',
        progress: (text) => progress(`${size} users: ${text}`),
      },
    )
    if (state.requests !== 0) throw new Error('a cached token was asked for again')
    for (const { name, micros } of rows) atOne[name] ??= micros.median
    tables.push({
      title: `E. Cached on-behalf-of, ${size === 1 ? '1 user' : `${size.toLocaleString('en')} users`}`,
      unit: '× sha256 and a Map',
      lowerIsBetter: true,
      rows,
    })
    if (size === sizes.at(-1)) {
      const facts = Object.fromEntries(
        rows.map(({ name, micros }) => [
          `${name}: ${size.toLocaleString('en')} users ÷ 1 user`,
          (micros.median / atOne[name]).toFixed(1),
        ]),
      )
      tables.push({ title: 'E. Growth with users', facts })
    }
  }

  progress('counting requests')
  const burst = async (client, acquireOne) => {
    client.state.requests = 0
    await Promise.all(Array.from({ length: 100 }, () => acquireOne(userToken(5))))
    const concurrent = client.state.requests
    client.state.requests = 0
    for (let call = 0; call < 20; call++) await acquireOne(userToken(6, call % 2))
    return `${concurrent} requests; ${client.state.requests} requests`
  }
  const [ourState, msalState] = [
    { requests: 0, index: 5 },
    { requests: 0, index: 5 },
  ]
  const [ours, msal] = [ourClient(ourState), msalClient(msalState)]
  tables.push({
    title: "E'. A hundred calls at once; one user's two devices, 20 calls in turn",
    facts: {
      Countersign: await burst({ state: ourState }, (token) => ours.acquireOnBehalfOf(token, target)),
      'MSAL Node': await burst({ state: msalState }, (token) => acquireMsal(msal, token)),
    },
  })
  return tables
}
