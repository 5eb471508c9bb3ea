// What a request costs as the work grows: tenants, keys, roles, live tokens, users. And what memory does over a million tokens.
import { hash } from 'node:crypto'
import { createTokenValidator, entraMultiTenant, staticIssuer } from '@countersign/core'
import { interleaved } from '../measure.mjs'
import { clientId, createKey, createToken, requestView } from '../material.mjs'
import { ourClient, target, userToken } from './acquire.mjs'

const operations = 400
const key = createKey('RS256')
key.jwk.issuer = 'https://login.microsoftonline.com/{tenantid}/v2.0'

function tenant(index) {
  return `9f1c0000-0000-4000-8000-${String(index).padStart(12, '0')}`
}

function multiTenant(count, tokenCache) {
  return createTokenValidator({
    issuer: entraMultiTenant({
      allowedTenants: Array.from({ length: count }, (_, index) => tenant(index)),
      clientId,
    }),
    tokenCache,
    fetch: async (url) =>
      Response.json(
        url.includes('/keys')
          ? { keys: [key.jwk] }
          : { issuer: key.jwk.issuer, jwks_uri: 'https://login.microsoftonline.com/keys' },
      ),
  })
}

function listing(count) {
  const others = Array.from({ length: count - 1 }, (_, index) => ({ ...key.jwk, kid: `other-${index}` }))
  return createTokenValidator({
    issuer: staticIssuer({
      issuer: 'https://issuer.example',
      jwks: { keys: [...others, key.jwk] },
      audience: clientId,
    }),
    tokenCache: false,
  })
}

function entraToken(index, claims = {}) {
  const tid = tenant(index)
  return createToken(key, `https://login.microsoftonline.com/${tid}/v2.0`, {
    tid,
    sub: `user-${index}`,
    ...claims,
  })
}

/** `make` answers how to handle one text (a header, a token), and the texts that come in turn. */
async function compare(title, sizes, make, { quick, progress }) {
  const contenders = []
  for (const size of sizes) {
    progress(`${title}: preparing ${size.toLocaleString('en')}`)
    const { handle, texts } = await make(size)
    const bytes = texts.map((text) => Buffer.from(text))
    const isAsync = handle(texts[0]) instanceof Promise
    let at = 0
    const next = () => {
      at = (at + 1) % bytes.length
      return bytes[at].latin1Slice()
    }
    contenders.push({
      name: size.toLocaleString('en'),
      run: isAsync
        ? async () => {
            for (let index = 0; index < operations; index++) await handle(next())
          }
        : () => {
            for (let index = 0; index < operations; index++) handle(next())
          },
    })
  }
  const rows = await interleaved(contenders, {
    rounds: quick ? 5 : 15,
    operations,
    baseline: contenders[0].name,
    progress: (text) => progress(`${title}: ${text}`),
  })
  return { title: `Growth: ${title}`, unit: `× ${contenders[0].name}`, lowerIsBetter: true, rows }
}

/** A validator that has seen the tokens, and the headers they come in. */
async function validating(validator, tokens) {
  for (const token of tokens) await validator.validateToken(token)
  return {
    handle: (header) => validator.authenticate(requestView(header)),
    texts: tokens.map((token) => `Bearer ${token}`),
  }
}

const list = (count, make) => Array.from({ length: count }, (_, index) => make(index))

const rows = {
  'tenants, every token verified': {
    sizes: [1, 1000, 10_000],
    make: (size) =>
      validating(
        multiTenant(size, false),
        list(operations, (index) => entraToken(index % size, { uti: String(index) })),
      ),
  },
  'keys of one issuer, every token verified': {
    sizes: [1, 100, 1000],
    make: (size) =>
      validating(
        listing(size),
        list(operations, (index) => createToken(key, 'https://issuer.example', { sub: `user-${index}` })),
      ),
  },
  'roles per token, every token verified': {
    sizes: [1, 50, 500],
    make: (size) => {
      const roles = list(size, (index) => `Role.Number.${index}`)
      return validating(
        createTokenValidatorWithLargeTokens(),
        list(operations, (index) => entraToken(0, { uti: String(index), roles })),
      )
    },
  },
  'live tokens, all remembered': {
    sizes: [1, 1000, 10_000, 100_000],
    make: (size) =>
      validating(
        multiTenant(1, { maxEntries: 200_000, maxBytes: 2e9 }),
        list(size, (index) => entraToken(0, { uti: String(index) })),
      ),
  },
  'live tokens, the bare look-up': {
    sizes: [1, 1000, 10_000, 100_000],
    make: (size) => {
      const tokens = list(size, (index) => entraToken(0, { uti: String(index) }))
      const tails = new Map(tokens.map((token) => [token.slice(-43), token]))
      return {
        handle: (header) => tails.get(header.slice(-43)) === header.slice(7),
        texts: tokens.map((token) => `Bearer ${token}`),
      }
    },
  },
  'users with a token on their behalf': {
    sizes: [1, 1000, 100_000],
    make: async (size) => {
      const state = { requests: 0, index: 0 }
      const client = ourClient(state)
      const texts = list(size, (index) => userToken(index))
      for (const [index, token] of texts.entries()) {
        state.index = index
        await client.acquireOnBehalfOf(token, target)
      }
      return { handle: (token) => client.acquireOnBehalfOf(token, target), texts }
    },
  },
  'users, a bare sha256 and a Map': {
    sizes: [1, 1000, 100_000],
    make: (size) => {
      const texts = list(size, (index) => userToken(index))
      const map = new Map(texts.map((token) => [hash('sha256', token, 'base64'), token]))
      return { handle: (token) => map.get(hash('sha256', token, 'base64')), texts }
    },
  },
}

function summaryOf({ title, rows: measured }) {
  const [first, last] = [measured[0], measured.at(-1)]
  return [
    `${title.replace('Growth: ', '')}: ${first.name} to ${last.name}`,
    `× ${last.ratio.median.toFixed(2)} [${last.ratio.low.toFixed(2)}-${last.ratio.high.toFixed(2)}]`,
  ]
}

export async function growth({ quick, progress }) {
  const tables = []
  for (const [title, { sizes, make }] of Object.entries(rows)) {
    const small = quick ? sizes.filter((size) => size <= 1000) : sizes
    tables.push(await compare(title, small, make, { quick, progress }))
  }
  tables.unshift({ title: 'Growth: all of it', facts: Object.fromEntries(tables.map(summaryOf)) })
  progress('memory')
  tables.push({ title: 'Memory', facts: await memory(quick ? 10_000 : 1_000_000, progress) })
  return tables
}

function createTokenValidatorWithLargeTokens() {
  return createTokenValidator({
    issuer: staticIssuer({
      issuer: `https://login.microsoftonline.com/${tenant(0)}/v2.0`,
      jwks: { keys: [key.jwk] },
      audience: clientId,
    }),
    tokenCache: false,
    maxTokenBytes: 64 * 1024,
  })
}

/** Distinct tokens, far more than the cache holds: the heap must stop growing when the cache is full. */
async function memory(total, progress) {
  const validator = multiTenant(1, { maxEntries: 10_000 })
  const signed = createKey('EdDSA')
  signed.kid = 'ed'
  const edValidator = createTokenValidator({
    issuer: staticIssuer({
      issuer: 'https://issuer.example',
      jwks: { keys: [{ ...signed.jwk, kid: 'ed' }] },
      audience: clientId,
    }),
    tokenCache: { maxEntries: 10_000 },
  })
  validator.close()
  const heap = () => {
    globalThis.gc?.()
    return process.memoryUsage().heapUsed / 2 ** 20
  }
  const readings = {}
  const marks = new Set([0.1, 0.25, 0.5, 1].map((share) => Math.floor(total * share)))
  for (let index = 1; index <= total; index++) {
    await edValidator.validateToken(createToken(signed, 'https://issuer.example', { sub: `user-${index}` }))
    if (index % 20_000 === 0)
      progress(`memory: ${index.toLocaleString('en')} of ${total.toLocaleString('en')}`)
    if (marks.has(index))
      readings[`heap after ${index.toLocaleString('en')} distinct tokens`] = `${heap().toFixed(1)} MiB`
  }
  return readings
}
