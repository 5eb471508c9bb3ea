import { isIdentifiedBy } from '../directory/lookup.js'
import type { Service } from '../instance/service.js'
import { type Json, written } from './token.js'

export function kindOf(claims: Json): string {
  const version = typeof claims['ver'] === 'string' ? ` of v${claims['ver']}` : ''
  if (claims['appid'] === undefined && claims['azp'] === undefined) return `an id token${version}`
  if (typeof claims['scp'] === 'string') return `an access token${version}, for a user`
  return `an access token${version}, for an application itself`
}

export function factsOf(service: Service, header: Json, claims: Json): [string, string][] {
  const { directory } = service
  const now = service.clock.now()
  const tenantId = written(claims['tid'])
  const clientId = written(claims['appid'] ?? claims['azp'])
  const user = directory.tenants.get(tenantId)?.users.get(written(claims['oid']))
  const audience = written(claims['aud'])
  const api = [...directory.applications.values()].find((candidate) => isIdentifiedBy(candidate, audience))
  const time = (name: string): [string, string][] => {
    const seconds = claims[name]
    if (typeof seconds !== 'number' || Math.abs(seconds) > 8e12) return []
    const away = Math.round(seconds - now)
    const text = `${new Date(seconds * 1000).toISOString()}, ${Math.abs(away)} s ${away < 0 ? 'ago' : 'from now'}`
    return [[{ iat: 'issued', nbf: 'not before', exp: 'expires' }[name] ?? name, text]]
  }
  return [
    ['tenant', named(tenantId, directory.tenants.get(tenantId)?.displayName)],
    ['for the API', named(audience, api?.displayName)],
    ['client', named(clientId, directory.applications.get(clientId)?.displayName)],
    ...(user === undefined ? [] : ([['user', named(user.id, user.userPrincipalName)]] as [string, string][])),
    ['scopes', written(claims['scp'], 'none')],
    ['roles', Array.isArray(claims['roles']) ? claims['roles'].join(' ') : 'none'],
    ...time('iat'),
    ...time('nbf'),
    ...time('exp'),
    ['signed with', `${written(header['alg'])}, key ${written(header['kid'], 'not named')}`],
  ]
}

function named(id: string, name: string | undefined): string {
  return name === undefined ? id || 'not named' : `${name} (${id})`
}
