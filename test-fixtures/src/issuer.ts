import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  cloudInstanceName,
  foreignTenantId,
  genericIssuer,
  secondTenantId,
  tenantId,
  v1IssuerTemplate,
  v2IssuerTemplate,
} from './identities.js'
import { entraKeyNames, genericKeyNames, signingKey, type KeyName } from './keys.js'

/** What the key server does with the next requests. */
export type IssuerFault = { readonly status: number } | { readonly body: string } | 'hang' | 'reset'

/** A real key server on loopback, in place of the issuers. */
export interface Issuer {
  readonly origin: string
  /** The cloud in the form of core's and the token client's option; its `authority` is this server. */
  readonly cloud: {
    readonly authority: string
    readonly v1Issuer: string
    readonly v2Issuer: string
    readonly cloudInstanceName: string
  }
  /** Where the generic issuer's discovery document is. */
  readonly genericMetadataUrl: string
  /** Paths that were requested, oldest first. */
  readonly requests: readonly string[]
  /** Answers every request this way until `recover`. */
  fail(fault: IssuerFault): void
  recover(): void
  /** Lists these keys, and no others, from now on. */
  rotateKeys(entra: readonly KeyName[]): void
  /** Resolves when a request for a path that ends so has arrived, also one that is left hanging. */
  requested(pathEnd: string): Promise<void>
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const sharedTenants = ['organizations', 'common']
const knownTenants = new Set([tenantId, secondTenantId, foreignTenantId, ...sharedTenants])

export async function startIssuer(): Promise<Issuer> {
  const requests: string[] = []
  const waiting: { pathEnd: string; resolve: () => void }[] = []
  let fault: IssuerFault | undefined
  let entraKeys = entraKeyNames

  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    requests.push(path)
    for (const waiter of waiting.splice(0)) {
      if (path.endsWith(waiter.pathEnd)) waiter.resolve()
      else waiting.push(waiter)
    }
    if (fault === 'hang') return
    if (fault === 'reset') return void request.socket.resetAndDestroy()
    if (fault !== undefined) {
      const answer = { status: 200, body: '{"error":"server_error"}', ...fault }
      return send(response, answer.status, answer.body)
    }
    const document = documentAt(path)
    if (document === undefined) return send(response, 404, '{"error":"not_found"}')
    send(response, 200, JSON.stringify(document))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  function documentAt(path: string): unknown {
    if (path === '/generic/.well-known/openid-configuration') {
      return { issuer: genericIssuer, jwks_uri: `${origin}/generic/keys` }
    }
    if (path === '/generic/keys') return keySet(genericKeyNames)
    const [, tenant, rest] = /^\/([^/]+)\/(.+)$/.exec(path) ?? []
    if (tenant === undefined || !knownTenants.has(tenant)) return undefined
    if (rest === 'discovery/v2.0/keys') return keySet(entraKeys)
    if (rest === 'v2.0/.well-known/openid-configuration') return entraDocument(tenant)
    return undefined
  }

  function entraDocument(tenant: string): unknown {
    const issuer = sharedTenants.includes(tenant)
      ? v2IssuerTemplate
      : v2IssuerTemplate.replace('{tenantid}', tenant)
    return {
      token_endpoint: `${origin}/${tenant}/oauth2/v2.0/token`,
      jwks_uri: `${origin}/${tenant}/discovery/v2.0/keys`,
      response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
      id_token_signing_alg_values_supported: ['RS256'],
      issuer,
      authorization_endpoint: `${origin}/${tenant}/oauth2/v2.0/authorize`,
      cloud_instance_name: cloudInstanceName,
    }
  }

  async function stop(): Promise<void> {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }

  return {
    origin,
    cloud: { authority: origin, v1Issuer: v1IssuerTemplate, v2Issuer: v2IssuerTemplate, cloudInstanceName },
    genericMetadataUrl: `${origin}/generic/.well-known/openid-configuration`,
    requests,
    fail(next) {
      fault = next
    },
    recover() {
      fault = undefined
    },
    rotateKeys(entra) {
      entraKeys = entra
    },
    requested: (pathEnd) =>
      new Promise((resolve) => {
        if (requests.some((path) => path.endsWith(pathEnd))) resolve()
        else waiting.push({ pathEnd, resolve })
      }),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** The key set of these keys, in the listing each was planned with. */
export function keySet(names: readonly KeyName[]): { keys: unknown[] } {
  // One symmetric key and one that is not a key at all: real sets have such members, and they must not affect the others.
  return {
    keys: [
      ...names.map((name) => signingKey(name).jwk),
      { kty: 'oct', kid: 'symmetric', k: 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMw' },
      'not a key',
    ],
  }
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(body)
}
