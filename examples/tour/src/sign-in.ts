import { createHash, randomBytes } from 'node:crypto'
import type { Version } from './narrator.js'
import type { Stage } from './stage.js'

/** What the native app holds after a sign-in. */
export interface SignedIn {
  readonly accessToken: string
  readonly refreshToken: string
}

const redirectUri = 'http://localhost:53682/'

/**
 * A native app's sign-in: authorization code with PKCE (RFC 7636, RFC 8252). The pages a person would see are fetched and
 * their forms sent as a browser would; `user` is who signs in, and accepts if asked for consent.
 */
export async function signIn(
  stage: Stage,
  version: Version,
  user: string,
  target: { resource: string } | { scopes: string[] },
): Promise<SignedIn> {
  const fetchAsBrowser = stage.fetchAs('native app')
  const endpoints = `${stage.emulator.origin}/${stage.tenantId('Contoso')}/oauth2${version === '1.0' ? '' : '/v2.0'}`
  const verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(16).toString('base64url')
  const asked: Record<string, string> =
    'resource' in target ? { ...target } : { scope: [...target.scopes, 'openid', 'offline_access'].join(' ') }
  const request = new URLSearchParams({
    client_id: stage.appId('orders-native'),
    response_type: 'code',
    redirect_uri: redirectUri,
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...asked,
  })

  let page = await fetchAsBrowser(`${endpoints}/authorize?${request.toString()}`)
  page = await submit(fetchAsBrowser, page, { user })
  if (page.status === 200) {
    stage.narrator.say(`${user} is asked to consent, and accepts`)
    page = await submit(fetchAsBrowser, page, { consent: 'accept' })
  }
  const answer = new URL(page.headers.get('location') ?? '').searchParams
  const code = answer.get('code')
  if (code === null || answer.get('state') !== state) {
    throw new Error(`the sign-in ended with ${answer.get('error') ?? 'no code'}`)
  }
  return redeem(stage, endpoints, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...asked,
  })
}

/** Renews without the user: the app's own refresh token. */
export async function renew(
  stage: Stage,
  version: Version,
  { refreshToken }: SignedIn,
  target: { resource: string } | { scopes: string[] },
): Promise<SignedIn> {
  const endpoints = `${stage.emulator.origin}/${stage.tenantId('Contoso')}/oauth2${version === '1.0' ? '' : '/v2.0'}`
  return redeem(stage, endpoints, {
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    ...('resource' in target ? target : { scope: target.scopes.join(' ') }),
  })
}

async function redeem(stage: Stage, endpoints: string, form: Record<string, string>): Promise<SignedIn> {
  const response = await stage.fetchAs('native app')(`${endpoints}/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: stage.appId('orders-native'), ...form }),
  })
  const body = (await response.json()) as { access_token: string; refresh_token: string }
  return { accessToken: body.access_token, refreshToken: body.refresh_token }
}

/** Sends the one form of a page, with its hidden fields and what the person chose. */
async function submit(
  fetchAsBrowser: typeof fetch,
  page: Response,
  choice: Record<string, string>,
): Promise<Response> {
  const html = await page.text()
  const action = /<form[^>]*action="([^"]+)"/.exec(html)?.[1] ?? ''
  const hidden = [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(
    ([, name, value]): [string, string] => [name ?? '', value ?? ''],
  )
  return fetchAsBrowser(new URL(action, page.url), {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams([...hidden, ...Object.entries(choice)]),
  })
}

/** An administrator's consent for a whole tenant, given on the token service's own page. */
export async function consentAsAdmin(
  stage: Stage,
  version: Version,
  tenant: string,
  admin: string,
  client: string,
  scope: string,
): Promise<boolean> {
  const fetchAsBrowser = stage.fetchAs('administrator')
  const path = version === '1.0' ? 'adminconsent' : 'v2.0/adminconsent'
  const query = new URLSearchParams({
    client_id: stage.appId(client),
    redirect_uri: 'http://localhost/consented',
    state: 'tour',
    ...(version === '1.0' ? {} : { scope }),
  })
  let page = await fetchAsBrowser(
    `${stage.emulator.origin}/${stage.tenantId(tenant)}/${path}?${query.toString()}`,
  )
  page = await submit(fetchAsBrowser, page, { user: admin })
  page = await submit(fetchAsBrowser, page, { consent: 'accept' })
  return (
    new URL(page.headers.get('location') ?? 'http://localhost').searchParams.get('admin_consent') === 'True'
  )
}
