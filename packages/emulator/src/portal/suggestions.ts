import type { Parameters } from '../base/parameters.js'
import type { Service } from '../instance/service.js'
import { isApi } from './call-graph.js'

const most = 20

/** Names that have the typed words in them, for a field that would have too many to choose from. */
export function suggestions(
  { directory }: Service,
  asked: Parameters,
): { readonly names: readonly string[] } {
  const words = (asked.get('find') ?? '').toLowerCase().split(/\s+/)
  const kind = asked.get('kind')
  const all: readonly string[] =
    kind === 'user'
      ? [...directory.tenants.values()].flatMap(({ users }) =>
          [...users.values()].map(({ userPrincipalName }) => userPrincipalName),
        )
      : [...directory.applications.values()]
          .filter((application) => kind === 'client' || isApi(application))
          .map(({ displayName }) => displayName)
  const names = all.filter((name) => words.every((word) => name.toLowerCase().includes(word)))
  return { names: names.slice(0, most) }
}
