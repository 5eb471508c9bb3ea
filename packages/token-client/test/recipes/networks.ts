import { Agent, fetch, ProxyAgent } from 'undici'
import type { ServiceFetch } from '@countersign/token-client'

/** Sends token requests through a proxy. */
export function throughProxy(proxy: string): ServiceFetch {
  const dispatcher = new ProxyAgent(proxy)
  return (url, init) => fetch(url, { ...init, dispatcher })
}

/** Trusts the certificate authorities in `ca` (PEM), and no others. */
export function trusting(ca: string): ServiceFetch {
  const dispatcher = new Agent({ connect: { ca } })
  return (url, init) => fetch(url, { ...init, dispatcher })
}
