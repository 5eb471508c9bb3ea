import type { Application, User } from '../directory/types.js'
import type { Flow, Step } from '../instance/flows.js'
import type { RecordedRequest } from '../instance/request-log.js'
import type { Service } from '../instance/service.js'
import { timeOfDay } from './time.js'

/*
 * Words for what happened: who asked whom for what, and how it ended.
 */

/** One line of the list of flows, as the page and its script show it. */
export interface FlowSummary {
  readonly id: number
  readonly time: string
  /** The user, if there is one. */
  readonly who: string
  /** Client and APIs, in their order. */
  readonly path: string
  readonly kinds: string
  readonly steps: number
  readonly end: string
  readonly isRefused: boolean
  /** Discovery, keys and addresses that are no endpoint: shown if they are asked for. */
  readonly isAside: boolean
  /** What the filter reads, in lower case. */
  readonly text: string
}

const aside: ReadonlySet<string> = new Set(['discovery', 'keys', 'instanceDiscovery', 'userRealm'])

export function summaryOf(service: Service, { id, steps }: Flow): FlowSummary {
  const names = new Set<string>()
  const kinds = new Set<string>()
  let who = ''
  const texts: string[] = []
  for (const step of steps) {
    const { client, api } = partiesOf(service, step)
    if (client !== '') names.add(client)
    if (api !== '') names.add(api)
    kinds.add(kindOf(step))
    const user = step.kind === 'request' ? userOf(service, step.request) : undefined
    if (user !== undefined) who = user.displayName
    if (user !== undefined) texts.push(user.userPrincipalName)
    if (step.kind === 'request') texts.push(step.request.path, step.request.clientId ?? '')
    texts.push(endOf(step))
  }
  const last = steps.at(-1)
  const path = [...names].join(' → ')
  return {
    id,
    time: timeOfDay(steps[0]?.time ?? 0),
    who,
    path:
      path === '' ? (last?.kind === 'request' ? `${last.request.method} ${last.request.path}` : '') : path,
    kinds: [...kinds].join(', '),
    steps: steps.length,
    end: last === undefined ? '' : endOf(last),
    isRefused: last !== undefined && isRefused(last),
    isAside: steps.every(isAside),
    text: [who, ...names, ...kinds, ...texts].join(' ').toLowerCase().slice(0, 600),
  }
}

function isAside(step: Step): boolean {
  if (step.kind === 'call') return false
  const { endpoint } = step.request
  return endpoint === undefined || aside.has(endpoint)
}

export function isRefused(step: Step): boolean {
  return step.kind === 'call' ? step.call.outcome === 'refused' : step.request.outcome !== 'answered'
}

/** How a step ended, in a word: the code of a refusal, else the status. */
export function endOf(step: Step): string {
  if (step.kind === 'call') {
    const { outcome, status, code } = step.call
    return outcome === 'accepted' ? 'accepted' : `${status ?? ''} ${code ?? 'refused'}`.trim()
  }
  const { status, errorCode, fault } = step.request
  if (errorCode !== undefined) return `AADSTS${errorCode}`
  return fault === undefined ? String(status) : `${status || 'no answer'} fault: ${fault}`
}

const grantNames: Readonly<Record<string, string>> = {
  authorization_code: 'code',
  client_credentials: 'client credentials',
  refresh_token: 'refresh',
  'jwt-bearer': 'on behalf of',
  device_code: 'device code',
  password: 'password',
  user_fic: 'agent user',
}

const endpointNames: Readonly<Record<string, string>> = {
  authorize: 'sign-in',
  adminConsent: 'admin consent',
  deviceCode: 'device code',
  deviceLogin: 'sign-in',
  logout: 'sign-out',
  managedIdentity: 'managed identity',
  graph: 'Graph',
  userInfo: 'user info',
  instanceDiscovery: 'instance discovery',
  userRealm: 'user realm',
}

/** What a step is, in a word or two. */
export function kindOf(step: Step): string {
  if (step.kind === 'call') return 'API call'
  const { endpoint } = step.request
  if (endpoint === undefined) return 'no endpoint'
  if (endpoint !== 'token') return endpointNames[endpoint] ?? endpoint
  const grant = grantOf(step.request)
  return grantNames[grant] ?? (grant === '' ? 'token' : grant)
}

export function grantOf({ parameters }: RecordedRequest): string {
  return (parameters['grant_type'] ?? '').replace(/^.*:/, '')
}

export function userOf({ directory }: Service, { userId }: RecordedRequest): User | undefined {
  if (userId === undefined) return undefined
  for (const { users } of directory.tenants.values()) {
    const user = users.get(userId)
    if (user !== undefined) return user
  }
  return undefined
}

/** The API that a request names by `scope` or `resource`. */
export function apiOf({ directory }: Service, { parameters }: RecordedRequest): Application | undefined {
  const { scope = '', resource } = parameters
  const names = [...(resource === undefined ? [] : [resource]), ...scope.split(' ')]
  for (const name of names.filter((each) => each.includes('/') || each.includes('-'))) {
    for (const application of directory.applications.values()) {
      const ids = [application.appId, ...application.identifierUris]
      if (ids.some((id) => name === id || name.startsWith(`${id}/`) || name.startsWith(`${id}//`))) {
        return application
      }
    }
  }
  return undefined
}

/** The application that a report of an API names. */
export function reportedApi({ directory }: Service, name: string): Application | undefined {
  const known = directory.applications.get(name.toLowerCase())
  if (known !== undefined) return known
  return [...directory.applications.values()].find(
    ({ displayName, identifierUris }) => displayName === name || identifierUris.includes(name),
  )
}

/** Client and API of a step, by name; empty where there is none. */
export function partiesOf(service: Service, step: Step): { readonly client: string; readonly api: string } {
  const named = (appId: string | undefined): string =>
    appId === undefined ? '' : (service.directory.applications.get(appId.toLowerCase())?.displayName ?? appId)
  if (step.kind === 'call') {
    const { clientId, api } = step.call
    return { client: named(clientId), api: reportedApi(service, api)?.displayName ?? api }
  }
  return {
    client: named(step.request.clientId),
    api: apiOf(service, step.request)?.displayName ?? '',
  }
}

/** What is written at the arrow of a request. */
export function requestWords(service: Service, step: Step): string {
  if (step.kind === 'call') {
    const { method, path } = step.call
    const address = [method, path].filter(Boolean).join(' ')
    return address === '' ? 'API call' : address
  }
  const { request } = step
  const scope = (request.parameters['scope'] ?? request.parameters['resource'] ?? '')
    .split(' ')
    .map((word) => word.replace(/^.*\//, ''))
    .filter((word) => word !== '' && word !== 'offline_access' && word !== 'openid' && word !== 'profile')
    .join(' ')
  const kind = kindOf(step)
  if (request.endpoint === 'token')
    return `${kind}${scope === '' || scope === '.default' ? '' : `: ${scope}`}`
  const user = userOf(service, request)
  const isPage = request.endpoint === 'authorize' || request.endpoint === 'deviceLogin'
  if (isPage && user !== undefined) return `${kind} as ${user.displayName}`
  if (request.endpoint === undefined) return `${request.method} ${request.path}`
  return `${kind}${scope === '' ? '' : `: ${scope}`}`
}

/** What is written at the arrow of the answer. */
export function answerWords(service: Service, step: Step): string {
  const end = endOf(step)
  if (step.kind === 'call') return end === 'accepted' ? 'accepted' : end
  const { request } = step
  const exchange = service.flows.exchangeOf(step)
  if (request.errorCode !== undefined) return `${request.status} ${end}`
  const location = exchange?.answerHeaders['location']
  if (location !== undefined) {
    const names = [...location.matchAll(/[?&#]([^=&#]+)=/g)].map(([, name]) => name ?? '')
    const word = names.includes('code')
      ? ' with a code'
      : names.includes('id_token')
        ? ' with an id token'
        : ''
    return `${request.status} back${word}`
  }
  const tokens = ['access_token', 'refresh_token', 'id_token'].filter(
    (name) => exchange?.answer?.[name] !== undefined,
  )
  if (tokens.length > 0) {
    return `${request.status} ${tokens.length === 1 ? 'access token' : tokens.map((name) => name.replace('_token', '')).join(', ')}`
  }
  const isPage = exchange?.answerHeaders['content-type']?.startsWith('text/html') === true
  return isPage ? `${request.status} a page to fill in` : end
}
