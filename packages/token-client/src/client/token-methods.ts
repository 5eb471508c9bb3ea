import { badOption } from '../base/options-reader.js'
import type { WorkInProgress } from '../base/work-in-progress.js'
import { StoredTokens } from '../cache/stored-tokens.js'
import { TokenMemory } from '../cache/token-memory.js'
import { TokenSource } from '../cache/token-source.js'
import { exchangeResourceOf } from '../credentials/agent-identity.js'
import { AgentUserGrant } from '../grants/agent-user.js'
import { answerCaller, nameRequest } from '../grants/caller-answer.js'
import { ClientCredentialsGrant } from '../grants/client-credentials.js'
import type { ClientContext } from '../grants/client-context.js'
import { OnBehalfOfGrant } from '../grants/on-behalf-of.js'
import { createReporter, type Reporter } from '../observers/reporter.js'
import { EncryptedSessionStore } from '../sessions/encrypted-session-store.js'
import { MemorySessionStore } from '../sessions/memory-session-store.js'
import type { SessionStore } from '../sessions/session-store.js'
import { SessionTurns } from '../sessions/session-turns.js'
import { Sessions } from '../sessions/sessions.js'
import { EncryptedStore } from '../store/encrypted-store.js'
import { RevocationStamps } from '../store/revocation-stamps.js'
import { TokenEndpoint } from '../token-endpoint/token-endpoint.js'
import { userRevocationName } from '../user-tokens/owner.js'
import { userTokenText } from '../user-tokens/user-token.js'
import type { Settings } from './read-options.js'
import type { TokenClient } from './token-client.js'

/** The methods of a client that need a token. */
export type TokenMethods = Omit<TokenClient, 'createFetch' | 'close' | typeof Symbol.asyncDispose>

interface SharedStore {
  readonly entries: EncryptedStore
  readonly stamps: RevocationStamps
  readonly tokens: StoredTokens
}

/** Puts the parts of a client together. Contacts nobody. */
export function createTokenMethods(settings: Settings, work: WorkInProgress): TokenMethods {
  const { authority, clock, maxTokenLifeSeconds } = settings
  const reporter = createReporter(settings.observers)
  const context = createContext(settings, reporter)
  const memory = new TokenMemory(settings.cacheLimits)
  const exchangeResource = exchangeResourceOf(settings.credential)
  const createSource = (tokens: StoredTokens | undefined) =>
    new TokenSource(memory, tokens, clock, maxTokenLifeSeconds, reporter, work)
  const shared = openStore(settings, reporter, work)
  const source = createSource(shared?.tokens)
  const sharedSessions = settings.sharesSessions ? shared : undefined
  const store = createSessionStore(settings, context, sharedSessions)
  const sessions = new Sessions(
    { client: context, memory, store, turns: new SessionTurns(store), work },
    // Other processes have no use for the tokens of a session that only this process knows.
    sharedSessions === undefined ? createSource(undefined) : source,
  )

  return Object.freeze({
    async acquireForApp(options) {
      try {
        const token = source.acquire(new ClientCredentialsGrant(context, options ?? {}), options?.signal)
        // A token in memory is not a promise: most calls end here.
        return token instanceof Promise ? await token : token
      } catch (error) {
        throw nameRequest(error, context, 'app', options)
      }
    },

    async acquireOnBehalfOf(userToken, options) {
      try {
        const grant = new OnBehalfOfGrant(context, userTokenText(userToken), options ?? {})
        const token = source.acquire(grant, options?.signal)
        return token instanceof Promise ? await token : token
      } catch (error) {
        throw answerCaller(nameRequest(error, context, 'obo', options), userToken, authority)
      }
    },

    async acquireForAgentUser(user, options) {
      try {
        if (exchangeResource === undefined) {
          throw badOption('acquireForAgentUser', 'credential', 'of the client must be made by agentIdentity')
        }
        const { tenantId, signal } = options ?? {}
        const exchange = { resource: exchangeResource, tenantId }
        const grant = new AgentUserGrant(context, user, options ?? {}, async () => {
          const token = await source.acquire(new ClientCredentialsGrant(context, exchange), undefined)
          return token.accessToken
        })
        return await source.acquire(grant, signal)
      } catch (error) {
        throw nameRequest(error, context, 'obo', options)
      }
    },

    startSession: (userToken, options) => sessions.start(userToken, options),

    resumeSession: (key, owner) => sessions.resume(key, owner),

    async forgetUser(tenantId, objectId) {
      if (typeof tenantId !== 'string') throw badOption('forgetUser', 'tenantId', 'must be a string')
      if (typeof objectId !== 'string') throw badOption('forgetUser', 'objectId', 'must be a string')
      const user = userRevocationName({ tenantId, objectId })
      const forgetInMemory = () => {
        memory.revoke(user)
        context.endpoint.forgetUser(user)
        return sessions.forgetUser(user)
      }
      await Promise.all([shared?.stamps.revoke(user), forgetInMemory()])
      // While the mark was being written, another call may have read an entry that was still valid.
      if (shared !== undefined) await forgetInMemory()
    },
  } satisfies TokenMethods)
}

function createContext(settings: Settings, reporter: Reporter): ClientContext {
  const { authority, audiences, clientCapabilities, clientId, clock, dpop, tlsFetch } = settings
  return {
    authority,
    clientId,
    audiences,
    clientCapabilities,
    clock,
    dpop,
    tlsFetch,
    identity: JSON.stringify([
      ...authority.identity,
      clientId,
      ...clientCapabilities,
      // Another process with another key cannot use the token.
      ...(dpop === undefined ? [] : ['dpop', dpop.isPerSession ? 'session' : dpop.key.thumbprint]),
    ]),
    endpoint: new TokenEndpoint({ ...settings, reporter }),
  }
}

function openStore(
  { store: settings, clock }: Settings,
  reporter: Reporter,
  work: WorkInProgress,
): SharedStore | undefined {
  if (settings === undefined) return undefined
  const entries = new EncryptedStore(settings, clock, reporter)
  const stamps = new RevocationStamps(entries, clock, settings.revocationSeconds)
  return { entries, stamps, tokens: new StoredTokens(entries, stamps, work, settings.recheckSeconds) }
}

function createSessionStore(
  { sessionLimits, clock }: Settings,
  { identity }: ClientContext,
  shared: SharedStore | undefined,
): SessionStore {
  if (shared === undefined) return new MemorySessionStore(sessionLimits, clock)
  const { idleSeconds } = sessionLimits
  return new EncryptedSessionStore(shared.entries, shared.stamps, identity, idleSeconds, clock)
}
