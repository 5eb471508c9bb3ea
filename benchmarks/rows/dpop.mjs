// A token bound to a key, with a new DPoP proof for every request: against the bare verification of both signatures, or of one.
import { createHash, sign, verify } from 'node:crypto'
import { createTokenValidator, dpop as proveByDpop, oidcIssuer } from '@countersign/core'
import { auth } from 'express-oauth2-jwt-bearer'
import { allowInsecureRequests, validateJwtAccessToken } from 'oauth4webapi'
import { checkRefuses, interleaved } from '../measure.mjs'
import { clientId, createKey, createToken, startIssuer, tampered } from '../material.mjs'
import { requestWith } from './keys-of-peers.mjs'

const count = 200
const url = 'https://api.example/'
const proofKey = createKey('ES256')
const { kid: _kid, use: _use, ...jwk } = proofKey.jwk
const header = encode({ typ: 'dpop+jwt', alg: 'ES256', jwk })
const jkt = createHash('sha256')
  .update(JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }))
  .digest('base64url')
let made = 0

function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** A request with a proof that was never used. */
function createRequest(token) {
  const ath = createHash('sha256').update(token).digest('base64url')
  const iat = Math.floor(Date.now() / 1000)
  const input = `${header}.${encode({ jti: `bench-${++made}`, htm: 'GET', htu: url, iat, ath })}`
  const signature = sign('sha256', Buffer.from(input), {
    key: proofKey.privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  return { token, proof: `${input}.${signature.toString('base64url')}` }
}

/** As much of a request as a validator reads. */
function viewOf({ token, proof }) {
  const headers = { authorization: [`DPoP ${token}`], dpop: [proof] }
  return { method: 'GET', url: '/', header: (name) => headers[name], peerCertificate: () => undefined }
}

export async function dpop({ quick, progress }) {
  const key = createKey('RS256')
  const issuer = await startIssuer([key])
  const { issuer: name, jwksUri } = issuer
  const tokens = Array.from({ length: count }, (_, index) =>
    createToken(key, name, { sub: `user-${index}`, cnf: { jkt } }),
  )
  const ours = async (tokenCache) => {
    const validator = createTokenValidator({
      issuer: oidcIssuer({ issuer: name, jwksUri }),
      audience: clientId,
      tokenCache,
      senderProofs: proveByDpop({ publicUrl: 'https://api.example' }),
    })
    await validator.ready()
    return (request) => validator.authenticate(viewOf(request))
  }
  const bearer = auth({
    issuer: name,
    jwksUri,
    audience: clientId,
    tokenSigningAlg: 'RS256',
    dpop: { enabled: true, required: true },
  })
  const server = { issuer: name, jwks_uri: jwksUri }
  const judges = {
    Countersign: await ours(false),
    'express-oauth2-jwt-bearer (replays pass)': ({ token, proof }) =>
      new Promise((resolve, reject) => {
        const request = requestWith(token)
        request.headers = { host: 'api.example', authorization: `DPoP ${token}`, dpop: proof }
        bearer(request, {}, (error) => (error ? reject(error) : resolve()))
      }),
    'oauth4webapi (replays pass)': ({ token, proof }) =>
      validateJwtAccessToken(
        server,
        new Request(url, { headers: { authorization: `DPoP ${token}`, dpop: proof } }),
        clientId,
        { requireDPoP: true, [allowInsecureRequests]: true },
      ),
  }
  for (const [judge, run] of Object.entries(judges)) {
    const request = createRequest(tokens[0])
    await run(request)
    await checkRefuses(judge, (proof) => run({ ...request, proof }), tampered(createRequest(tokens[0]).proof))
  }

  const rounds = quick ? 3 : 21
  const contender = ([judge, run]) => {
    // Made before the clock starts: no proof is good for two rounds.
    let next = tokens.map(createRequest)
    return {
      name: judge,
      prepare: () => (next = tokens.map(createRequest)),
      run: async () => {
        for (const request of next) await run(request)
      },
    }
  }
  const measured = (title, baseline, bare, contenders) => ({ title, baseline, bare, contenders })
  const bareToken = tokens.map((token) => partsOf(token))
  const bareProof = tokens.map((token) => partsOf(createRequest(token).proof))
  const verifyToken = ([data, signature]) => verify('sha256', data, key.publicKey, signature)
  const verifyProof = ([data, signature]) =>
    verify('sha256', data, { key: proofKey.publicKey, dsaEncoding: 'ieee-p1363' }, signature)
  const tables = []
  for (const { title, baseline, bare, contenders } of [
    measured(
      'A token bound to a key, never seen (RS256), with a new proof (ES256)',
      'two bare crypto.verify',
      () => {
        for (let index = 0; index < count; index++) {
          verifyToken(bareToken[index])
          verifyProof(bareProof[index])
        }
      },
      Object.entries(judges),
    ),
    measured(
      'The same token again, with a new proof (ES256)',
      'one bare crypto.verify',
      () => {
        for (const parts of bareProof) verifyProof(parts)
      },
      [['Countersign', await ours({})]],
    ),
  ]) {
    const rows = await interleaved([{ name: baseline, run: bare }, ...contenders.map(contender)], {
      rounds,
      operations: count,
      baseline,
      progress,
    })
    tables.push({ title, unit: `× ${baseline}`, lowerIsBetter: true, rows })
  }
  issuer.stop()
  return tables
}

function partsOf(jws) {
  const at = jws.lastIndexOf('.')
  return [Buffer.from(jws.slice(0, at)), Buffer.from(jws.slice(at + 1), 'base64url')]
}
