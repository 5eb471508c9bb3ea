import type { Facts, Narrator } from './narrator.js'

/** Names of the parties, by origin. */
export type Parties = Map<string, string>

/** Form members that say what is asked for; the others are secrets, codes, assertions or noise. */
const shownParameters = ['grant', 'resource', 'scope']
/** Claims that decide something, in the order a reader asks for them. */
const shownClaims = ['iss', 'aud', 'ver', 'appid', 'azp', 'scp', 'roles', 'idtyp']

const grantNames: Readonly<Record<string, string>> = {
  'urn:ietf:params:oauth:grant-type:jwt-bearer': 'jwt-bearer, on_behalf_of',
}

/** The global fetch, with every request and every answer narrated under the caller's name. */
export function tracedFetch(narrator: Narrator, parties: Parties, caller: string): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init)
    const url = new URL(request.url)
    const callee = parties.get(url.origin) ?? url.origin
    const form = await formOf(request)
    narrator.asks(caller, callee, request.method, shorten(url), pick(form, shownParameters))
    const response = await fetch(input, init)
    narrator.answers(caller, callee, response.status, lastOf(url), await factsOf(response.clone()))
    return response
  }
}

async function formOf(request: Request): Promise<URLSearchParams> {
  const isForm = request.headers.get('content-type')?.startsWith('application/x-www-form-urlencoded') === true
  const form = new URLSearchParams(isForm ? await request.clone().text() : '')
  const grant = form.get('grant_type')
  if (grant !== null) form.set('grant', grantNames[grant] ?? grant)
  return form
}

function pick(values: URLSearchParams, names: readonly string[]): Facts {
  return Object.fromEntries(names.map((name) => [name, values.get(name) ?? undefined]))
}

/** Codes, states and challenges stand in queries: only what is asked for is shown. */
function shorten(url: URL): string {
  const shown = [...url.searchParams.keys()].length === 0 ? '' : '?…'
  return `${url.pathname}${shown}`
}

/** The end of a path, which distinguishes an answer from another that comes at the same time. */
function lastOf(url: URL): string {
  return url.pathname.split('/').at(-1) || '/'
}

async function factsOf(response: Response): Promise<Facts> {
  const challenge = response.headers.get('www-authenticate') ?? undefined
  const location = response.headers.get('location')
  if (location !== null) return { location: `${location.split('?')[0]}${location.includes('?') ? '?…' : ''}` }
  if (response.headers.get('content-type')?.includes('json') !== true) return { challenge }
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>
  return { challenge, ...tokenFacts(body), ...errorFacts(body) }
}

function tokenFacts(body: Record<string, unknown>): Facts {
  const token = body['access_token']
  if (typeof token !== 'string') return {}
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >
  const facts: Record<string, string | undefined> = {}
  for (const name of shownClaims) {
    const value = claims[name]
    if (typeof value === 'string') facts[name] = value
    if (Array.isArray(value)) facts[name] = value.join(' ')
  }
  if (typeof body['refresh_token'] === 'string') facts['and'] = 'a refresh token'
  return facts
}

function errorFacts(body: Record<string, unknown>): Facts {
  if (typeof body['error'] !== 'string' || !Array.isArray(body['error_codes'])) return {}
  const suberror = typeof body['suberror'] === 'string' ? ` (${body['suberror']})` : ''
  return { error: `${body['error']}${suberror}, AADSTS${String(body['error_codes'][0])}` }
}
