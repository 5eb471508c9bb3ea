// What a request costs as the work grows: tenants, keys, live tokens, roles. And what memory does over a million tokens.
import { createTokenValidator, entraMultiTenant, staticIssuer } from '@countersign/core'
import { interleaved } from '../measure.mjs'
import { clientId, createKey, createToken } from '../material.mjs'

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

async function compare(title, sizes, make, { quick, progress }) {
  const contenders = []
  for (const size of sizes) {
    progress(`${title}: preparing ${size}`)
    const { validator, tokens } = await make(size)
    for (const token of tokens.slice(0, operations)) await validator.validateToken(token)
    const bytes = tokens.map((token) => Buffer.from(`Bearer ${token}`))
    let at = 0
    contenders.push({
      name: size.toLocaleString('en'),
      run: () => {
        for (let index = 0; index < operations; index++) {
          at = (at + 1) % bytes.length
          validator.authenticate({ authorization: [bytes[at].latin1Slice()] })
        }
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

export async function growth({ quick, progress }) {
  const settings = { quick, progress }
  const many = quick ? 10_000 : 100_000
  const tables = [
    await compare(
      'tenants, every token verified',
      [1, 100, 10_000],
      async (size) => {
        const tokens = Array.from({ length: operations }, (_, index) =>
          entraToken(index % size, { uti: String(index) }),
        )
        return { validator: multiTenant(size, false), tokens }
      },
      settings,
    ),
    await compare(
      'keys of one issuer, every token verified',
      [1, 100, 1000],
      async (size) => {
        const tokens = Array.from({ length: operations }, (_, index) =>
          createToken(key, 'https://issuer.example', { sub: `user-${index}` }),
        )
        return { validator: listing(size), tokens }
      },
      settings,
    ),
    await compare(
      'roles per token, every token verified',
      [1, 50, 500],
      async (size) => {
        const roles = Array.from({ length: size }, (_, index) => `Role.Number.${index}`)
        const tokens = Array.from({ length: operations }, (_, index) =>
          entraToken(0, { uti: String(index), roles }),
        )
        return { validator: createTokenValidatorWithLargeTokens(), tokens }
      },
      settings,
    ),
    await compare(
      'live tokens, all remembered',
      [100, 1000, many],
      async (size) => {
        const tokens = Array.from({ length: size }, (_, index) => entraToken(0, { uti: String(index) }))
        const validator = multiTenant(1, { maxEntries: 200_000, maxBytes: 2e9 })
        for (const token of tokens) await validator.validateToken(token)
        return { validator, tokens }
      },
      settings,
    ),
  ]
  progress('memory')
  tables.push({ title: 'Memory', facts: await memory(quick ? 100_000 : 1_000_000, progress) })
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
