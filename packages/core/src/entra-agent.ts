import { claim, words, type Claims } from './claims.js'

/**
 * What a token says of an agent (Entra Agent ID). Every part comes from an optional claim: unless the API's registration
 * requests `xms_act_fct`, `xms_sub_fct` and `xms_par_app_azp`, their absence proves nothing.
 */
export interface AgentFacts {
  /** The client is an agent identity: facet 11 of the actor. */
  readonly isAgent: boolean
  /** The user is an agent's own user account, and no person: facet 13 of the subject. */
  readonly isAgentUser: boolean
  /** The client id of the agent's blueprint (`xms_par_app_azp`). */
  readonly blueprintId?: string
  /** `xms_act_fct`: what the actor is. Unknown numbers are normal. */
  readonly actorFacets: readonly number[]
  /** `xms_sub_fct`: what the subject is. */
  readonly subjectFacets: readonly number[]
}

const agentIdentity = 11
const agentUser = 13

/** Reads the facts. Undefined where the token shows no agent. */
export function readAgent(claims: Claims): AgentFacts | undefined {
  const blueprint = claim(claims, 'xms_par_app_azp')
  const actorFacets = readFacets(claims, 'xms_act_fct')
  const subjectFacets = readFacets(claims, 'xms_sub_fct')
  const isAgent = actorFacets.includes(agentIdentity)
  const isAgentUser = subjectFacets.includes(agentUser)
  const hasBlueprint = typeof blueprint === 'string' && blueprint !== ''
  if (!isAgent && !isAgentUser && !hasBlueprint) return undefined
  return Object.freeze({
    isAgent,
    isAgentUser,
    ...(hasBlueprint ? { blueprintId: blueprint } : {}),
    actorFacets,
    subjectFacets,
  })
}

/** Numbers separated by spaces; anything else among them is ignored. */
function readFacets(claims: Claims, name: string): readonly number[] {
  const value = claim(claims, name)
  if (typeof value !== 'string') return Object.freeze([])
  const numbers = words(value).filter((word) => /^\d{1,6}$/.test(word))
  return Object.freeze(numbers.map(Number))
}
