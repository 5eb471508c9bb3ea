import type { OAuthClientProvider, OAuthDiscoveryState, OAuthTokens } from '@modelcontextprotocol/client'

/**
 * What an application adds to the SDK's client: where it keeps tokens, and a browser. Entra registers no clients by itself, so the
 * client id is known before. The pages of the emulator are fetched here, and their forms sent; a person would see them.
 */
export class SignIn implements OAuthClientProvider {
  code = ''
  readonly redirectUrl = 'http://localhost:53682/'
  readonly clientMetadata = { redirect_uris: [this.redirectUrl] }
  readonly #clientId: string
  readonly #user: string
  #tokens: OAuthTokens | undefined
  #verifier = ''
  #discovery: OAuthDiscoveryState | undefined

  constructor(clientId: string, user: string) {
    this.#clientId = clientId
    this.#user = user
  }

  clientInformation = (): { client_id: string } => ({ client_id: this.#clientId })
  tokens = (): OAuthTokens | undefined => this.#tokens
  saveTokens = (tokens: OAuthTokens): void => void (this.#tokens = tokens)
  codeVerifier = (): string => this.#verifier
  saveCodeVerifier = (verifier: string): void => void (this.#verifier = verifier)
  discoveryState = (): OAuthDiscoveryState | undefined => this.#discovery
  saveDiscoveryState = (state: OAuthDiscoveryState): void => void (this.#discovery = state)

  async redirectToAuthorization(url: URL): Promise<void> {
    let page = await fetch(url, { redirect: 'manual' })
    for (const fields of [{ user: this.#user }, { consent: 'accept' }]) {
      if (page.status === 200) page = await sendForm(page, url, fields)
    }
    this.code = new URL(page.headers.get('location') ?? '').searchParams.get('code') ?? ''
  }
}

async function sendForm(page: Response, url: URL, fields: Record<string, string>): Promise<Response> {
  const html = await page.text()
  const action = /<form[^>]*action="([^"]*)"/.exec(html)?.[1] ?? ''
  const hidden = [...html.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]): [string, string] => [
    /name="([^"]*)"/.exec(input)?.[1] ?? '',
    /value="([^"]*)"/.exec(input)?.[1] ?? '',
  ])
  const body = new URLSearchParams([...hidden, ...Object.entries(fields)])
  return fetch(new URL(action.replaceAll('&amp;', '&'), url), { method: 'POST', body, redirect: 'manual' })
}
