import type { PublicClientApplication } from '@azure/msal-node'

/** The native app: signs its user in, and calls the API. `openBrowser` is what shows a page to the user. */
export class NativeApp {
  readonly #msal: PublicClientApplication
  readonly #scopes: string[]
  readonly #openBrowser: (url: string) => Promise<void>
  #token: string | undefined

  constructor(msal: PublicClientApplication, scopes: string[], openBrowser: (url: string) => Promise<void>) {
    this.#msal = msal
    this.#scopes = scopes
    this.#openBrowser = openBrowser
  }

  /** Calls an address of the API. Where the API wants more of the user, the user is asked once. */
  async get(url: string): Promise<Response> {
    this.#token ??= await this.#signIn()
    const answer = await this.#send(url)
    const header = answer.headers.get('www-authenticate') ?? ''
    const claims = /\bclaims="([^"]+)"/.exec(header)?.[1]
    if (answer.status !== 401 || claims === undefined) return answer
    this.#token = await this.#signIn(Buffer.from(claims, 'base64').toString())
    return this.#send(url)
  }

  async #signIn(claims?: string): Promise<string> {
    const { accessToken } = await this.#msal.acquireTokenInteractive({
      scopes: this.#scopes,
      openBrowser: this.#openBrowser,
      ...(claims === undefined ? {} : { claims }),
    })
    return accessToken
  }

  #send(url: string): Promise<Response> {
    return fetch(url, { headers: { authorization: `Bearer ${this.#token}` } })
  }
}
