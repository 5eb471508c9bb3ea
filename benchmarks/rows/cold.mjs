// A. A token that was never seen: the whole validation, against one bare signature verification.
import { constants, verify } from 'node:crypto'
import { createTokenValidator, oidcIssuer } from '@countersign/core'
import { JwtVerifier } from 'aws-jwt-verify'
import { createVerifier } from 'fast-jwt'
import { auth } from 'express-oauth2-jwt-bearer'
import { createLocalJWKSet, jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import { checkRefuses, interleaved } from '../measure.mjs'
import { clientId, createKey, createToken, requestView, startIssuer, tampered } from '../material.mjs'
import { requestWith } from './keys-of-peers.mjs'

const count = 500

/** One bare `crypto.verify` with an imported key over decoded buffers: nothing can be faster and still check a signature. */
function rawVerify(key) {
  const { alg, publicKey } = key
  if (alg === 'EdDSA') return (data, signature) => verify(null, data, publicKey, signature)
  if (alg === 'PS256') {
    const wrapped = { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
    return (data, signature) => verify('sha256', data, wrapped, signature)
  }
  return (data, signature) => verify('sha256', data, publicKey, signature)
}

/** `r || s` as the DER sequence OpenSSL reads, so that the limit need not convert it. */
function derOf(raw) {
  const integers = [raw.subarray(0, 32), raw.subarray(32)].map((half) => {
    const start = half.findIndex((byte) => byte !== 0)
    const bytes = half[start] >= 0x80 ? [0, ...half.subarray(start)] : [...half.subarray(start)]
    return [2, bytes.length, ...bytes]
  })
  return Buffer.from([0x30, integers.flat().length, ...integers.flat()])
}

async function contendersFor(key, issuer) {
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const { issuer: name, jwksUri } = issuer
  const { alg } = key
  const ours = createTokenValidator({
    issuer: oidcIssuer({ issuer: name, jwksUri }),
    audience: clientId,
    tokenCache: false,
  })
  await ours.ready()
  const list = { Countersign: (token) => ours.authenticate(requestView(`Bearer ${token}`)) }
  // It is handed the header as it came; the others cut the token out of it themselves, as their middleware would.
  list.Countersign.fromHeader = (header) => ours.authenticate(requestView(header))
  list['fast-jwt'] = createVerifier({
    key: pem,
    algorithms: [alg],
    allowedIss: name,
    allowedAud: clientId,
    cache: false,
  })
  if (alg !== 'EdDSA') {
    list.jsonwebtoken = (token) =>
      jsonwebtoken.verify(token, key.publicKey, { algorithms: [alg], issuer: name, audience: clientId })
  }
  if (alg !== 'PS256') {
    const aws = JwtVerifier.create({ issuer: name, audience: clientId, jwksUri })
    aws.cacheJwks({ keys: [{ ...key.jwk, alg }] })
    list['aws-jwt-verify'] = (token) => aws.verifySync(token)
  }
  const keySet = createLocalJWKSet({ keys: [key.jwk] })
  list.jose = (token) => jwtVerify(token, keySet, { algorithms: [alg], issuer: name, audience: clientId })
  const bearer = auth({ issuer: name, jwksUri, audience: clientId, tokenSigningAlg: alg })
  list['express-oauth2-jwt-bearer'] = (token) =>
    new Promise((resolve, reject) => {
      bearer(requestWith(token), {}, (error) => (error ? reject(error) : resolve()))
    })
  return list
}

export async function cold({ quick, progress }) {
  const tables = []
  for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
    const key = createKey(alg)
    const issuer = await startIssuer([key])
    const tokens = Array.from({ length: count }, (_, index) =>
      createToken(key, issuer.issuer, { sub: `user-${index}` }),
    )
    const raw = rawVerify(key)
    const decoded = tokens.map((token) => {
      const at = token.lastIndexOf('.')
      const signature = Buffer.from(token.slice(at + 1), 'base64url')
      return [Buffer.from(token.slice(0, at)), alg === 'ES256' ? derOf(signature) : signature]
    })
    const list = await contendersFor(key, issuer)
    for (const [name, verifyToken] of Object.entries(list)) {
      await verifyToken(tokens[0])
      await checkRefuses(name, verifyToken, tampered(tokens[0]))
    }
    const bytes = tokens.map((token) => Buffer.from(`Bearer ${token}`))
    const contenders = Object.entries(list).map(([name, verifyToken]) => ({
      name,
      run: runner(verifyToken, bytes, tokens[0]),
    }))
    const bare = {
      name: 'bare crypto.verify',
      run: () => {
        for (const [data, signature] of decoded) if (!raw(data, signature)) throw new Error('raw')
      },
    }
    const rows = await interleaved([bare, ...contenders], {
      rounds: quick ? 3 : 21,
      operations: count,
      baseline: bare.name,
      progress: (text) => progress(`${alg}: ${text}`),
    })
    issuer.stop()
    tables.push({
      title: `A. Cold validation, ${alg}`,
      unit: '× bare crypto.verify',
      lowerIsBetter: true,
      rows,
    })
  }
  return tables
}

function runner(verifyToken, bytes, sample) {
  const fromHeader = verifyToken.fromHeader ?? ((header) => verifyToken(header.slice(7)))
  if (verifyToken(sample) instanceof Promise) {
    return async () => {
      for (const buffer of bytes) await fromHeader(buffer.latin1Slice())
    }
  }
  return () => {
    for (const buffer of bytes) fromHeader(buffer.latin1Slice())
  }
}
