// The peers' ways to an issuer's keys, each as one function from a token to a verdict, for rows/keys.mjs.
import { JwtVerifier } from 'aws-jwt-verify'
import { SimpleJwksCache } from 'aws-jwt-verify/jwk'
import { auth } from 'express-oauth2-jwt-bearer'
import { createVerifier } from 'fast-jwt'
import buildGetJwks from 'get-jwks'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import jwksRsa from 'jwks-rsa'
import { clientId } from '../material.mjs'

/** As they come, but for how long keys are kept: a bench cannot wait for hours. `aws-jwt-verify` keeps them for good. */
export const peers = {
  jose({ issuer, jwksUri }, maxAgeMilliseconds) {
    const keySet = createRemoteJWKSet(new URL(jwksUri), { cacheMaxAge: maxAgeMilliseconds })
    return (token) => jwtVerify(token, keySet, { issuer, audience: clientId, algorithms: ['RS256'] })
  },

  'jwks-rsa + jsonwebtoken'({ issuer, jwksUri }, maxAgeMilliseconds) {
    const client = jwksRsa({ jwksUri, cache: true, cacheMaxAge: maxAgeMilliseconds })
    const keyOf = ({ kid }, done) =>
      client.getSigningKey(kid).then(
        (key) => done(null, key.getPublicKey()),
        (error) => done(error),
      )
    const options = { issuer, audience: clientId, algorithms: ['RS256'] }
    return (token) =>
      new Promise((resolve, reject) => {
        jsonwebtoken.verify(token, keyOf, options, (error, claims) =>
          error ? reject(error) : resolve(claims),
        )
      })
  },

  'get-jwks + fast-jwt'({ issuer, origin }, maxAgeMilliseconds) {
    const getJwks = buildGetJwks({ jwksPath: '/keys', issuersWhitelist: [origin], ttl: maxAgeMilliseconds })
    return createVerifier({
      key: ({ header: { kid, alg } }) => getJwks.getPublicKey({ kid, alg, domain: origin }),
      algorithms: ['RS256'],
      allowedIss: issuer,
      allowedAud: clientId,
    })
  },

  'aws-jwt-verify'({ issuer, jwksUri }) {
    // Its own fetcher takes https alone.
    const fetcher = { fetch: async (uri) => (await fetch(uri)).arrayBuffer() }
    const verifier = JwtVerifier.create(
      { issuer, audience: clientId, jwksUri },
      { jwksCache: new SimpleJwksCache({ fetcher }) },
    )
    return (token) => verifier.verify(token)
  },

  'express-oauth2-jwt-bearer'({ issuer, jwksUri }, maxAgeMilliseconds) {
    const bearer = auth({
      issuer,
      jwksUri,
      audience: clientId,
      tokenSigningAlg: 'RS256',
      cacheMaxAge: maxAgeMilliseconds,
    })
    return (token) =>
      new Promise((resolve, reject) => {
        bearer(requestWith(token), {}, (error) => (error ? reject(error) : resolve()))
      })
  },
}

/** As much of an Express request as `express-oauth2-jwt-bearer` reads. */
export function requestWith(token) {
  return {
    headers: { authorization: `Bearer ${token}`, host: 'api.example' },
    is: () => false,
    get: () => 'api.example',
    protocol: 'https',
    query: {},
    method: 'GET',
    url: '/',
    originalUrl: '/',
  }
}
