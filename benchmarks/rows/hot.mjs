// B. A token that was seen before: a thousand live ones in turn, and ten thousand to see whether any is lost.
import { createTokenValidator, oidcIssuer } from '@countersign/core'
import { createVerifier } from 'fast-jwt'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { checkRefuses, interleaved } from '../measure.mjs'
import { clientId, createKey, createToken, requestView, startIssuer, tampered } from '../material.mjs'

const count = 1000
/** As many as take about as long as one of jose: after one, what is measured is what jose left of the processor's caches. */
const passes = 20

export async function hot({ quick, progress }) {
  const key = createKey('RS256')
  const issuer = await startIssuer([key])
  const { issuer: name, jwksUri } = issuer
  const tokens = Array.from({ length: count }, (_, index) => createToken(key, name, { sub: `user-${index}` }))
  const quiet = createTokenValidator({ issuer: oidcIssuer({ issuer: name, jwksUri }), audience: clientId })
  await quiet.ready()
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const fast = createVerifier({
    key: pem,
    algorithms: ['RS256'],
    allowedIss: name,
    allowedAud: clientId,
    cache: true,
  })
  const keySet = createLocalJWKSet({ keys: [key.jwk] })
  const tails = new Map(tokens.map((token) => [token.slice(-43), token]))
  const headers = tokens.map((token) => Buffer.from(`Bearer ${token}`))
  const options = { issuer: name, audience: clientId }
  const judges = {
    Countersign: (token) => quiet.authenticate(requestView(`Bearer ${token}`)),
    'fast-jwt': fast,
    jose: (token) => jwtVerify(token, keySet, options),
  }
  for (const [judge, verify] of Object.entries(judges)) {
    await verify(tokens[0])
    await checkRefuses(judge, verify, tampered(tokens[0]))
  }
  const each = (run) => () => {
    for (let pass = 0; pass < passes; pass++) for (const header of headers) run(header.latin1Slice())
  }
  const contenders = [
    {
      name: 'Map by signature tail, compared whole',
      run: each((header) => tails.get(header.slice(-43)) === header.slice(7)),
    },
    { name: 'Countersign', run: each((header) => quiet.authenticate(requestView(header))) },
    { name: 'fast-jwt, cache on', run: each((header) => fast(header.slice(7))) },
    {
      name: 'jose (no cache)',
      operations: count,
      run: async () => {
        for (const header of headers) await jwtVerify(header.latin1Slice().slice(7), keySet, options)
      },
    },
  ]
  const rows = await interleaved(contenders, {
    rounds: quick ? 3 : 21,
    operations: passes * count,
    baseline: 'Countersign',
    progress,
  })

  issuer.stop()
  progress('ten thousand live tokens in turn')
  return [
    {
      title: 'B. A token seen before (1,000 in turn, RS256)',
      unit: '× Countersign',
      lowerIsBetter: true,
      rows,
    },
    {
      title: 'B. Ten thousand live tokens, three times in turn',
      facts: { 'signatures verified (10,000 is none lost)': await verifiedOfTenThousand() },
    },
  ]
}

/** Signed with Ed25519, which takes a tenth of the time of RSA. */
async function verifiedOfTenThousand() {
  const key = createKey('EdDSA')
  const issuer = await startIssuer([key])
  let verified = 0
  const validator = createTokenValidator({
    issuer: oidcIssuer({ issuer: issuer.issuer, jwksUri: issuer.jwksUri }),
    audience: clientId,
    onAccepted: ({ fromCache }) => {
      if (!fromCache) verified++
    },
  })
  await validator.ready()
  issuer.stop()
  const tokens = Array.from({ length: 10_000 }, (_, index) =>
    createToken(key, issuer.issuer, { sub: `user-${index}` }),
  )
  for (let round = 0; round < 3; round++) {
    for (const token of tokens) await validator.authenticate(requestView(`Bearer ${token}`))
  }
  return verified
}
