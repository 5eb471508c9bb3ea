import type { Platform } from '../directory/types.js'
import { RegistrationError } from '../registration/read.js'
import type { ApplicationRegistration } from '../registration/types.js'

export function loadRedirectUris(
  registration: ApplicationRegistration,
  path: string,
): Record<Platform, readonly string[]> {
  const load = (platform: Platform): readonly string[] => {
    const uris = registration[platform]?.redirectUris ?? []
    for (const [index, uri] of uris.entries()) {
      const problem = redirectUriProblem(uri, platform)
      if (problem !== undefined)
        throw new RegistrationError(`${path}.${platform}.redirectUris[${index}]`, problem)
    }
    return uris
  }
  return { web: load('web'), spa: load('spa'), publicClient: load('publicClient') }
}

export function loadLogoutUrl({ web }: ApplicationRegistration, path: string): string | undefined {
  const url = web?.logoutUrl ?? undefined
  const problem = url === undefined ? undefined : redirectUriProblem(url, 'web')
  if (problem !== undefined) throw new RegistrationError(`${path}.web.logoutUrl`, problem)
  return url
}

function redirectUriProblem(uri: string, platform: Platform): string | undefined {
  if (!URL.canParse(uri)) return 'must be an absolute URI'
  const { protocol, hostname, hash } = new URL(uri)
  if (hash !== '' || uri.includes('#')) return 'must not have a fragment'
  if (['javascript:', 'data:', 'vbscript:', 'file:', 'blob:'].includes(protocol))
    return 'must not run or read anything'
  if (protocol === 'http:' && hostname !== 'localhost' && hostname !== '127.0.0.1') {
    return 'may use http only with localhost or 127.0.0.1'
  }
  if (platform !== 'publicClient' && protocol !== 'http:' && protocol !== 'https:') return 'must use https'
  return undefined
}
