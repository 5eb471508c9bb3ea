// What the packed core must do on every runtime: validate, refuse, and touch no network or timer when it is made.
import { createTokenValidator, entra, staticIssuer } from '@countersign/core'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

const tenantId = '3f0c1f1a-6d2e-4a57-9b7e-1c5a0d9be001'
const clientId = 'a7f6c2d0-58b3-4f0e-8c66-2e4b9d1f7a10'
const issuer = `https://login.microsoftonline.com/${tenantId}/v2.0`
let jwk

// At module scope, where an edge runtime allows neither a fetch nor a timer nor randomness.
const validator = createTokenValidator({
  issuer: entra({ tenantId, clientId }),
  fetch: async (url) =>
    Response.json(
      url.includes('/keys')
        ? { keys: [jwk] }
        : { issuer, jwks_uri: 'https://login.microsoftonline.com/keys' },
    ),
})

/** Throws where anything is not as it must be; resolves to the number of checks. */
export async function check() {
  let checks = 0
  const now = Math.floor(Date.now() / 1000)
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  jwk = { ...(await exportJWK(publicKey)), kid: 'k', use: 'sig', issuer }
  const sign = (claims = {}, header = {}) =>
    new SignJWT({
      aud: clientId,
      iss: issuer,
      iat: now - 300,
      nbf: now - 300,
      exp: now + 3600,
      tid: tenantId,
      ver: '2.0',
      azp: clientId,
      azpacr: '1',
      scp: 'Files.Read',
      sub: 's',
      ...claims,
    })
      .setProtectedHeader({ alg: 'RS256', kid: 'k', typ: 'JWT', ...header })
      .sign(privateKey)
  const expectCode = async (expected, token, on = validator) => {
    const code = await on.validateToken(token).then(
      ({ kind }) => kind,
      (error) => error.code ?? String(error),
    )
    if (code !== expected) throw new Error(`expected ${expected}, saw ${code}`)
    checks++
  }
  const good = await sign()
  const [header, payload, signature] = good.split('.')
  await expectCode('delegated', good)
  await expectCode('delegated', good)
  await expectCode('token_expired', await sign({ exp: now - 3600 }))
  await expectCode('audience_mismatch', await sign({ aud: 'other' }))
  await expectCode('issuer_not_trusted', await sign({ iss: 'https://evil.example' }))
  await expectCode('id_token', await sign({ nonce: 'n' }))
  await expectCode('key_unknown', await sign({}, { kid: 'other' }))
  await expectCode(
    'signature_invalid',
    `${header}.${payload}.${signature.slice(0, -8)}AAAAAAAA`.slice(0, good.length),
  )
  await expectCode('token_malformed', `${header}.${payload}=.${signature}`)
  await expectCode('token_malformed', `${good} `)
  await expectCode('algorithm_not_allowed', `${btoa('{"alg":"none"}').replaceAll('=', '')}.${payload}.`)

  for (const alg of ['PS256', 'ES256', 'ES384', 'EdDSA']) {
    const pair = await generateKeyPair(alg, { extractable: true })
    const own = createTokenValidator({
      issuer: staticIssuer({
        issuer: 'https://i.example',
        jwks: { ...(await exportJWK(pair.publicKey)), alg },
      }),
      audience: 'a',
    })
    const token = await new SignJWT({ iss: 'https://i.example', aud: 'a', exp: now + 60, sub: 's' })
      .setProtectedHeader({ alg })
      .sign(pair.privateKey)
    await expectCode('delegated', token, own)
    const at = token.lastIndexOf('.') + 5
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    await expectCode('signature_invalid', changed, own)
  }
  const error = await validator.validateToken('x').catch((refusal) => refusal)
  if (
    error.headers['WWW-Authenticate'] !==
    'Bearer error="invalid_token", error_description="The token is malformed"'
  ) {
    throw new Error('the challenge differs')
  }
  return checks + 1
}
