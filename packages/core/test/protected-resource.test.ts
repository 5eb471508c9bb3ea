import {
  protectedResourceMetadata,
  resourceMetadataUrl,
  type ProtectedResourceOptions,
} from '@countersign/core'
import { describe, expect, it } from 'vitest'

describe('resourceMetadataUrl', () => {
  it.each([
    ['https://api.example', 'https://api.example/.well-known/oauth-protected-resource'],
    ['https://api.example/', 'https://api.example/.well-known/oauth-protected-resource'],
    ['https://api.example:8443/v1', 'https://api.example:8443/.well-known/oauth-protected-resource/v1'],
    ['https://api.example/a/b/', 'https://api.example/.well-known/oauth-protected-resource/a/b/'],
    ['http://localhost:3000/v1', 'http://localhost:3000/.well-known/oauth-protected-resource/v1'],
  ])('puts the well-known path between host and path of %s', (resource, url) => {
    expect(resourceMetadataUrl(resource)).toBe(url)
  })
})

describe('protectedResourceMetadata', () => {
  const resource = 'https://api.example/v1'
  const address = resourceMetadataUrl(resource)

  it('publishes every option under its registered name', async () => {
    const answer = protectedResourceMetadata({
      resource,
      authorizationServers: ['https://login.example', 'https://login.example/second'],
      scopesSupported: ['files:read', 'files:write'],
      resourceName: 'Files',
      resourceDocumentation: 'https://docs.example/files',
      resourcePolicyUri: 'https://docs.example/policy',
      resourceTosUri: 'https://docs.example/terms',
    })(new Request(address))
    expect(answer?.status).toBe(200)
    expect(answer?.headers.get('content-type')).toBe('application/json')
    expect(await answer?.json()).toEqual({
      resource,
      authorization_servers: ['https://login.example', 'https://login.example/second'],
      scopes_supported: ['files:read', 'files:write'],
      bearer_methods_supported: ['header'],
      resource_name: 'Files',
      resource_documentation: 'https://docs.example/files',
      resource_policy_uri: 'https://docs.example/policy',
      resource_tos_uri: 'https://docs.example/terms',
    })
  })

  it('leaves out lists without members', async () => {
    const serve = protectedResourceMetadata({ resource, authorizationServers: [], scopesSupported: [] })
    expect(await serve(new Request(address))?.json()).toEqual({
      resource,
      bearer_methods_supported: ['header'],
    })
  })

  it('answers HEAD without a body, other methods with 405, and other paths not at all', async () => {
    const serve = protectedResourceMetadata({ resource })
    const head = serve(new Request(address, { method: 'HEAD' }))
    expect([head?.status, await head?.text()]).toEqual([200, ''])
    const post = serve(new Request(address, { method: 'POST' }))
    expect([post?.status, post?.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
    const preflight = serve(new Request(address, { method: 'OPTIONS' }))
    expect([preflight?.status, await preflight?.text()]).toEqual([204, ''])
    expect(serve(new Request(`${address}/more`))).toBeUndefined()
    expect(serve(new Request(resource))).toBeUndefined()
  })

  it.each([
    ['resource', {}],
    ['resource', { resource: 'api' }],
    ['resource', { resource: 'http://api.example' }],
    ['resource', { resource: 'https://api.example/#part' }],
    ['resource', { resource: 'https://user:pass@api.example' }],
    ['resource', { resource: 'https://api.example/?v=1' }],
    ['authorizationServers', { resource, authorizationServers: ['login'] }],
    ['authorizationServers', { resource, authorizationServers: 'http://login.example' }],
    ['scopesSupported', { resource, scopesSupported: ['two words'] }],
    ['scopesSupported', { resource, scopesSupported: [1] }],
    ['resourceName', { resource, resourceName: '' }],
    ['resourceDocumentation', { resource, resourceDocumentation: 'docs' }],
    ['jwksUri', { resource, jwksUri: 'https://api.example/keys' }],
  ])('throws a TypeError that names %s', (name, options) => {
    const make = (): unknown => protectedResourceMetadata(options as unknown as ProtectedResourceOptions)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(`"${name}"`)
  })
})
