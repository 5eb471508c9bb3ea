import { generateKeyPair, type KeyPairKeyObjectResult, randomBytes, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import type { ProbeCase, RightRefusal } from './case.js'
import type { Outgoing } from './send.js'
import type { Mint } from './tokens.js'

const bare: RightRefusal = { status: 401 }
const invalidToken: RightRefusal = { status: 401, error: 'invalid_token' }
const invalidRequest: RightRefusal = { status: 400, error: 'invalid_request' }
const insufficientScope: RightRefusal = { status: 403, error: 'insufficient_scope' }

/** Malformed requests, and tokens that no emulator is needed to break. */
export async function badRequests(
  mint: Mint,
  keyServer: KeyServer,
  acceptsWithoutPermissions: boolean,
): Promise<ProbeCase[]> {
  const good = await mint.token()
  const [header = '', payload = '', signature = ''] = good.split('.')
  const request = (
    name: string,
    meaning: string,
    refusals: readonly RightRefusal[],
    outgoing: Outgoing,
    group: ProbeCase['group'] = 'request',
  ): ProbeCase => ({ name, group, meaning, refusals, prepare: () => outgoing })
  const broken = (name: string, meaning: string, token: string): ProbeCase =>
    request(name, meaning, [invalidToken], { authorization: [`Bearer ${token}`] }, 'token')
  return [
    broken('noSignature', 'The token is good, and its signature is missing.', `${header}.${payload}.`),
    broken(
      'algNoneMixedCase',
      'alg is nOnE: a comparison that counts letter case lets it through.',
      `${encoded({ alg: 'nOnE', typ: 'JWT' })}.${payload}.`,
    ),
    broken('extraPart', 'The good token has a fourth part.', `${good}.${signature}`),
    broken('notAToken', 'It is not a JWT.', 'not-a-token'),
    broken('emptyToken', 'Header and payload are empty objects.', 'e30.e30.AA'),
    keyFromUrl(mint, keyServer),
    {
      ...request(
        'wrongPermission',
        'It has another scope or role than the route demands.',
        [],
        { authorization: [] },
        'token',
      ),
      refusals: [insufficientScope, invalidToken],
      ...(acceptsWithoutPermissions ? { skipped: 'only for APIs that demand a scope or a role' } : {}),
      async prepare() {
        const claims = mint.isForUser ? { scp: 'Probe.Other', roles: null } : { roles: ['Probe.Other'] }
        return { authorization: [`Bearer ${await mint.token({ claims })}`] }
      },
    },
    request('noCredentials', 'There is no Authorization header.', [bare], { authorization: [] }),
    request('otherScheme', 'The scheme is Basic.', [bare, invalidRequest], {
      authorization: ['Basic cHJvYmU6cHJvYmU='],
    }),
    request('schemeAlone', 'After Bearer there is nothing.', [invalidRequest, bare, invalidToken], {
      authorization: ['Bearer'],
    }),
    request('twoTokens', 'After Bearer there are two good tokens.', [invalidRequest, invalidToken], {
      authorization: [`Bearer ${good} ${good}`],
    }),
    request(
      'twoHeaders',
      'There are two Authorization headers: two readers of the request may see different callers.',
      [invalidRequest, invalidToken],
      { authorization: [`Bearer ${good}`, 'Bearer not-a-token'] },
    ),
    request(
      'tokenInQuery',
      'The good token is in the query, where logs and histories keep it.',
      [bare, invalidRequest],
      {
        authorization: [],
        query: { access_token: good },
      },
    ),
    request('lowercaseScheme', 'The scheme is written "bearer": letter case does not count (RFC 9110).', [], {
      authorization: [`bearer ${good}`],
    }),
  ]
}

function keyFromUrl(mint: Mint, keyServer: KeyServer): ProbeCase {
  return {
    name: 'keyFromUrl',
    group: 'token',
    meaning: 'The header names an address of keys (jku, x5u), which anyone can write there.',
    refusals: [invalidToken],
    async prepare() {
      const [header = '', payload = ''] = (await mint.token()).split('.')
      const known = JSON.parse(Buffer.from(header, 'base64url').toString()) as object
      return { authorization: [`Bearer ${keyServer.sign(known, payload)}`] }
    },
    sideEffect: () => (keyServer.wasAsked() ? 'the API fetched the address that the token names' : undefined),
  }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** A server whose address a token names: no API may ask it for keys. */
export interface KeyServer {
  sign(header: object, payload: string): string
  wasAsked(): boolean
  stop(): Promise<void>
}

/** Made once: it takes as long as everything else here. */
let keyPair: Promise<KeyPairKeyObjectResult> | undefined

export async function startKeyServer(): Promise<KeyServer> {
  keyPair ??= promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const { privateKey, publicKey } = await keyPair
  const kid = randomBytes(16).toString('base64url')
  let isAsked = false
  const server = createServer((_request, response) => {
    isAsked = true
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' }] }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
  return {
    sign(header, payload) {
      const input = `${encoded({ ...header, kid, jku: address, x5u: address })}.${payload}`
      return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`
    },
    wasAsked: () => isAsked,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
