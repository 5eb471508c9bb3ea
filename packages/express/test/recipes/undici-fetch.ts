import { fetch, type Dispatcher } from 'undici'

/**
 * A `fetch` through a dispatcher of undici, for the option `fetch` of a validator and of a token client: an `Agent` with
 * certificate authorities of your own, a `ProxyAgent`, or an `EnvHttpProxyAgent`.
 */
export function fetchThrough(dispatcher: Dispatcher) {
  return async (url: string, init: RequestInit): Promise<Response> => {
    const { method = 'GET', redirect = 'error', signal = null } = init
    const answer = await fetch(url, {
      dispatcher,
      method,
      redirect,
      signal,
      headers: [...new Headers(init.headers)],
      body: typeof init.body === 'string' ? init.body : null,
    })
    const body = answer.body === null ? null : await answer.arrayBuffer()
    return new Response(body, { status: answer.status, headers: [...answer.headers] })
  }
}
