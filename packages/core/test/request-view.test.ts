import { describe, expect, it } from 'vitest'
import { viewFetchRequest, viewNodeRequest } from '../src/request-view.js'

const node = (rawHeaders: readonly string[], more: object = {}) =>
  viewNodeRequest({ rawHeaders, method: 'POST', url: '/orders?page=2', socket: {}, ...more })

describe('a view of a Node request', () => {
  it('has every raw value of a header, in the order in which they came', () => {
    const view = node(['DPoP', 'first', 'host', 'a.example', 'dpop', 'second'])
    expect(view.header('dpop')).toEqual(['first', 'second'])
    expect(view.header('host')).toEqual(['a.example'])
    expect(view.header('authorization')).toBeUndefined()
  })

  it('has the address as received, before a mount point was removed', () => {
    expect(node([]).url).toBe('/orders?page=2')
    expect(node([], { originalUrl: '/v1/orders?page=2' }).url).toBe('/v1/orders?page=2')
    expect(node([]).method).toBe('POST')
  })

  it('has the peer certificate only where the socket has one', () => {
    const raw = new Uint8Array([1, 2, 3])
    expect(node([]).peerCertificate()).toBeUndefined()
    expect(
      node([], { socket: { getPeerX509Certificate: () => undefined } }).peerCertificate(),
    ).toBeUndefined()
    expect(node([], { socket: { getPeerX509Certificate: () => ({ raw }) } }).peerCertificate()).toBe(raw)
  })

  it('has the request of the framework, by default the Node request itself', () => {
    const request = { rawHeaders: [], socket: {} }
    const native = {}
    expect(viewNodeRequest(request).native).toBe(request)
    expect(viewNodeRequest(request, native).native).toBe(native)
  })
})

describe('a view of a Request', () => {
  const request = new Request('https://api.example/orders?page=2', {
    method: 'POST',
    headers: { authorization: 'Bearer a' },
  })

  it('has its method, path and query, header and no certificate', () => {
    const view = viewFetchRequest(request)
    expect([view.method, view.url]).toEqual(['POST', '/orders?page=2'])
    expect(view.header('authorization')).toEqual(['Bearer a'])
    expect(view.header('dpop')).toBeUndefined()
    expect(view.peerCertificate()).toBeUndefined()
    expect(view.native).toBe(request)
  })
})
