import { graphAppId } from '../directory/graph.js'
import type { Application } from '../directory/types.js'
import type { Service } from '../instance/service.js'
import type { PublishedKey } from '../keys/types.js'
import { factsOf, kindOf } from './facts.js'
import { type ApiVerdict, verdictOf } from './rules.js'
import { type Story, storyOf } from './stories.js'
import { type Json, readToken } from './token.js'

/*
 * Explains a token: what it is, and which registered API would accept it, check by check. The checks are written here
 * a second time on purpose: they share no code with the validator of an API.
 */

/** What a token is, and what every registered API would say. */
export interface Inspection {
  /** What it is, in a few words. */
  readonly kind: string
  /** Tenant, client, user, times and more, in words. */
  readonly facts: readonly (readonly [name: string, value: string])[]
  /** Decoded; undefined if it cannot be read. NOT verified. */
  readonly header: Readonly<Record<string, unknown>> | undefined
  /** Decoded; undefined if they cannot be read. NOT verified. */
  readonly claims: Readonly<Record<string, unknown>> | undefined
  /** One for each registered API but Microsoft Graph. */
  readonly verdicts: readonly ApiVerdict[]
  /** A known mistake that explains the refusals, and what to do. */
  readonly story?: Story
}

/**
 * Explains a text that may be a token. Never throws for the text. `isSignedHere`: this service signed it, and its
 * signature was left out.
 */
export async function inspectToken(
  service: Service,
  token: string,
  { isSignedHere = false }: { readonly isSignedHere?: boolean } = {},
): Promise<Inspection> {
  const read = readToken(token)
  const { parts, header, claims } = read
  if (parts.length === 5) {
    return {
      ...unreadable(header),
      kind: 'an encrypted token (JWE)',
      story: {
        why: 'It is encrypted: only the API it is for can read it.',
        fix: 'Ask for a token of your own API.',
      },
    }
  }
  if (header === undefined || claims === undefined) {
    return {
      ...unreadable(header),
      kind: 'not a token',
      story: {
        why: `A token has three parts of base64url, separated by dots; this has ${parts.length}.`,
        fix: 'Copy the whole token; a line may be missing at the end.',
      },
    }
  }
  const keys = await service.keys.published({ withMicrosoftAccounts: true })
  const ownKeys = async (api: Application): Promise<readonly PublishedKey[]> =>
    service.keys.hasOwnKey(api.appId)
      ? service.keys.published({ withMicrosoftAccounts: false, appId: api.appId })
      : keys
  const apis = [...service.directory.applications.values()].filter(({ appId }) => appId !== graphAppId)
  const verdicts = await Promise.all(
    apis.map(async (api) => verdictOf(service, api, token, read, await ownKeys(api), isSignedHere)),
  )
  const story = storyOf(service, header, claims, verdicts)
  return {
    kind: kindOf(claims),
    facts: factsOf(service, header, claims),
    header,
    claims,
    verdicts,
    ...(story === undefined ? {} : { story }),
  }
}

function unreadable(header: Json | undefined): Pick<Inspection, 'facts' | 'header' | 'claims' | 'verdicts'> {
  return { facts: [], header, claims: undefined, verdicts: [] }
}
