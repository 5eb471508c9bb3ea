import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { importJWK, jwtVerify, type JWK } from 'jose'
import { describe, expect, it } from 'vitest'
import {
  acceptedRequests,
  authorizationValues,
  clock,
  codeUnder,
  foreignTenantId,
  keySet,
  openRequest,
  refusedRequests,
  runCode,
  sendBytes,
  sendRequest,
  signingKey,
  startIssuer,
  tenantId,
  tokenWith,
  v2Issuer,
  v2IssuerTemplate,
  validTokens,
  withSpareBit,
  type ValidTokenName,
} from '../src/index.js'

const currentDate = new Date(clock() * 1000)

describe('tokens', () => {
  it.each(Object.keys(validTokens) as ValidTokenName[])(
    'makes a valid %s token, as an independent library confirms',
    async (from) => {
      const key = await importJWK(signingKey(validTokens[from].key).jwk as JWK, 'RS256')
      const { payload } = await jwtVerify(tokenWith({ from }), key, { currentDate })
      expect(payload).toEqual(validTokens[from].claims)
    },
  )

  it.each([
    ['p256', 'ES256'],
    ['p384', 'ES384'],
    ['p521', 'ES512'],
    ['ed25519', 'EdDSA'],
  ] as const)('signs with %s as %s requires', async (name, alg) => {
    const key = await importJWK(signingKey(name).jwk as JWK, alg)
    const { protectedHeader } = await jwtVerify(tokenWith({ from: 'generic', key: name }), key, {
      currentDate,
    })
    expect(protectedHeader).toMatchObject({ alg, kid: signingKey(name).kid })
  })

  it.each(['RS384', 'RS512', 'PS256', 'PS384', 'PS512'])('signs with RSA as %s requires', async (alg) => {
    const key = await importJWK(signingKey('generic').jwk as JWK, alg)
    await jwtVerify(tokenWith({ from: 'generic', header: { alg } }), key, { currentDate })
  })

  it('changes the one claim that is named, and removes it when it is undefined', () => {
    const claims = (token: string): unknown =>
      JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    expect(claims(tokenWith({ claims: { aud: 'x' } }))).toEqual({
      ...validTokens.v2Delegated.claims,
      aud: 'x',
    })
    expect(claims(tokenWith({ claims: { exp: undefined } }))).not.toHaveProperty('exp')
  })

  it('signs texts that no serializer writes', async () => {
    const key = await importJWK(signingKey('entra').jwk as JWK, 'RS256')
    const token = tokenWith({ payloadText: (json) => json.replace('{', '{"aud":"first",') })
    expect(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).toMatch(/"aud":"first".*"aud":/)
    await jwtVerify(token, key, { currentDate })
  })

  it('sets a spare bit without changing a byte', () => {
    const segment = Buffer.from('ab').toString('base64url')
    expect(withSpareBit(segment)).not.toBe(segment)
    expect(Buffer.from(withSpareBit(segment), 'base64url').toString()).toBe('ab')
  })
})

describe('the tables', () => {
  it('name every row once', () => {
    for (const rows of [refusedRequests, acceptedRequests]) {
      const names = rows.map(({ name }) => name)
      expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
    }
  })

  it('send no request twice under one expectation', () => {
    const requests = refusedRequests.map((row) =>
      JSON.stringify([
        row.setup,
        row.options,
        row.issuerOptions,
        row.permission,
        authorizationValues(row.make()),
      ]),
    )
    const repeated = refusedRequests.filter((_, index) => requests.indexOf(requests[index] ?? '') !== index)
    expect(repeated.map(({ name }) => name)).toEqual([])
  })
})

describe('the key server', () => {
  it('serves a tenant its concrete issuer and organizations the template', async () => {
    await using issuer = await startIssuer()
    const documentOf = async (tenant: string): Promise<unknown> =>
      JSON.parse(
        (await sendRequest(issuer.origin, { path: `/${tenant}/v2.0/.well-known/openid-configuration` })).body,
      )
    expect(await documentOf(tenantId)).toMatchObject({
      issuer: v2Issuer(),
      jwks_uri: `${issuer.origin}/${tenantId}/discovery/v2.0/keys`,
      cloud_instance_name: 'microsoftonline.com',
    })
    expect(await documentOf('organizations')).toMatchObject({ issuer: v2IssuerTemplate })
    expect(issuer.requests).toHaveLength(2)
  })

  it('lists keys with their issuer, and others after a rotation', async () => {
    await using issuer = await startIssuer()
    const path = `/${foreignTenantId}/discovery/v2.0/keys`
    const listed = JSON.parse((await sendRequest(issuer.origin, { path })).body) as { keys: unknown[] }
    expect(listed.keys).toContainEqual({ ...signingKey('entra').jwk, issuer: v2IssuerTemplate })
    issuer.rotateKeys(['rotatedIn'])
    expect(JSON.parse((await sendRequest(issuer.origin, { path })).body)).toEqual(keySet(['rotatedIn']))
  })

  it('publishes one private member, on purpose, and no other', () => {
    const leaking = (
      keySet(['entra', 'generic', 'p256', 'ed25519', 'listedPrivately']).keys as object[]
    ).filter((jwk) => 'd' in (Object(jwk) as object))
    expect(leaking).toEqual([signingKey('listedPrivately').jwk])
  })

  it('fails, hangs and recovers on request', async () => {
    await using issuer = await startIssuer()
    const path = '/generic/keys'
    issuer.fail({ status: 500 })
    expect((await sendRequest(issuer.origin, { path })).status).toBe(500)
    issuer.fail('reset')
    await expect(sendRequest(issuer.origin, { path })).rejects.toThrow()
    issuer.fail('hang')
    const hanging = sendRequest(issuer.origin, { path: '/organizations/discovery/v2.0/keys' })
    const ended = expect(hanging).rejects.toThrow()
    await issuer.requested('/organizations/discovery/v2.0/keys')
    issuer.recover()
    expect((await sendRequest(issuer.origin, { path })).status).toBe(200)
    await issuer.stop()
    await ended
  })
})

describe('code of a document', () => {
  const document = '# Title\n\n## One\n\n```js\nexport const value = <n>\n```\n\n## Two\n\nNo code.\n'
  const folder = new URL('./', import.meta.url)

  it('runs with real values in place of its placeholders', async () => {
    expect(await runCode(codeUnder('## One', document), folder, { '<n>': '7' })).toMatchObject({ value: 7 })
  })

  it('does not run without its placeholders, and must be there', async () => {
    await expect(runCode('export {}', folder, { '<n>': '7' })).rejects.toThrow('The code has no <n>')
    expect(() => codeUnder('## Two', document)).toThrow('no code under ## Two')
    expect(() => codeUnder('## Three', document)).toThrow('no code under ## Three')
  })
})

describe('what is sent', () => {
  it('arrives byte for byte, up to the end of the connection', async () => {
    const seen: string[][] = []
    const server = createServer((request, response) => {
      seen.push(request.rawHeaders)
      request.resume()
      if (request.method === 'GET') response.setHeader('X-Kind', ['a', 'b']).end('done')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const head = 'GET / HTTP/1.1\r\nhOST: x\r\nConnection: close\r\nX: \xE9\r\n\r\n'
    const answer = await sendBytes(origin, Buffer.from(head, 'latin1'))
    expect([answer.status, answer.header('x-kind')]).toEqual([200, ['a', 'b']])
    expect(seen[0]).toEqual(['hOST', 'x', 'Connection', 'close', 'X', '\xE9'])
    const arrived = once(server, 'request')
    const caller = await openRequest(origin, {
      method: 'POST',
      headers: { 'Content-Length': '9' },
      body: 'a',
    })
    await arrived
    await caller.hangUp()
    await expect(caller.answered).rejects.toThrow()
    const closed = once(server, 'close')
    server.close()
    await closed
  })
})
