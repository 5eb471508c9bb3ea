import { packageVersion } from '../base/package-info.js'
import type { Controls } from '../controls/controls.js'
import { describeDirectory } from '../controls/describe-directory.js'
import { tokenFlaws, tokenFlawsFor, tokenFlawTable } from '../controls/flaw-table.js'
import { endpoints, type FaultOptions } from '../instance/faults.js'
import type { ApiCall } from '../instance/flows.js'
import type { RecordedRequest } from '../instance/request-log.js'
import type { EmulatorState } from '../instance/state.js'
import { registrationSchema } from '../registration/schema.js'
import type { Registration, UserRegistration } from '../registration/types.js'
import type { RegistrationPatch } from '../controls/registration.js'
import type { GrantConsentOptions } from '../controls/grant-consent.js'
import type { IssueTokenOptions } from '../controls/issue-token.js'
import type { RevokeConsentOptions } from '../controls/revoke-consent.js'
import type { ExplainPermissionOptions } from '../controls/explain-permission.js'
import {
  anyObject,
  choice,
  flag,
  integer,
  list,
  name,
  number,
  open,
  record,
  type Schema,
  text,
} from './schemas.js'

/*
 * The control API, one entry per operation: how it is called, what it takes and gives, and which control it is. The
 * server and the OpenAPI document read the same table.
 */

/** What an operation gets; checked against its description. */
export interface Given {
  readonly parameters: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, unknown>>
  readonly body: unknown
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
}

export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** After the prefix; `{name}` is a parameter. */
  readonly path: string
  /** Unique: clients that are generated call their function so. */
  readonly id: string
  readonly summary: string
  readonly query?: Readonly<Record<string, Schema>>
  readonly body?: Schema
  /** Of 200. Without it the answer is 204. */
  readonly answer?: Schema
  readonly run: (controls: Controls, given: Given) => unknown
}

/** A refusal that is not about what was sent. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** How many requests may wait at once. */
const mostWaiting = 100
const waiting = new WeakMap<Controls, { count: number }>()

const user = open({ id: text, tenantId: text, userPrincipalName: text, displayName: text, isEnabled: flag })
const revocation = open({
  tenantId: text,
  objectId: text,
  reason: text,
  revokedAt: number,
  visibleAt: number,
})
const revokeOptions = record({ visibleAfterSeconds: number }, [])
const requestEntry = open({
  id: integer,
  time: number,
  method: text,
  path: text,
  status: integer,
  outcome: text,
})
const requestFilter = {
  endpoint: choice(...endpoints),
  method: text,
  path: text,
  clientId: text,
  userId: text,
  outcome: choice('answered', 'refused', 'fault'),
  correlationId: text,
  errorCode: integer,
  status: integer,
  after: integer,
} as const satisfies Record<string, Schema>
const registration: Schema = { $ref: '#/components/schemas/Registration' }
const userRegistration: Schema = {
  ...open({ userPrincipalName: text }),
  description: 'As in the registration.',
}
const clock = record({ now: number })
/** No text that could be a token fits. */
const word: Schema = { type: 'string', minLength: 1, maxLength: 100 }
const kid = record({ kid: text })
const tokenQuestion = {
  client: name,
  resource: name,
  user: name,
  tenant: name,
  scopes: list(name),
} as const

export const operations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/instance',
    id: 'getInstance',
    summary: 'Addresses, issuers, the version and the time of this emulator',
    answer: open({ version: text, origin: text, issuers: open({ v1: text, v2: text }), now: number }),
    run: ({ instance, clock: { now } }) => ({
      version: packageVersion(),
      origin: instance.origin,
      issuers: { v1: instance.issuers.v1, v2: instance.issuers.v2 },
      cloudInstanceName: instance.cloudInstanceName,
      accessTokenLifetimeSeconds: instance.accessTokenLifetimeSeconds,
      now: now(),
    }),
  },
  {
    method: 'GET',
    path: '/directory',
    id: 'getDirectory',
    summary: 'Tenants, users, applications, grants and assignments, with their ids and without secrets',
    answer: open({ tenants: list(anyObject), applications: list(anyObject) }),
    run: ({ instance }) => describeDirectory(instance.directory),
  },
  {
    method: 'GET',
    path: '/registration',
    id: 'getRegistration',
    summary: 'The registration that is in force; secrets read [hidden]',
    answer: registration,
    run: (controls) => controls.registration.read(),
  },
  {
    method: 'PUT',
    path: '/registration',
    id: 'replaceRegistration',
    summary: 'Replaces the registration until it is read again; [hidden] stands for the secret that is there',
    body: anyObject,
    answer: registration,
    run: (controls, { body }) => controls.registration.replace(body as Registration),
  },
  {
    method: 'POST',
    path: '/registration/check',
    id: 'checkRegistration',
    summary: 'Checks a registration and changes nothing',
    body: anyObject,
    answer: registration,
    run: (controls, { body }) => controls.registration.check(body as Registration),
  },
  {
    method: 'PATCH',
    path: '/registration',
    id: 'patchRegistration',
    summary: 'Changes parts of the registration by a JSON patch (RFC 6902) without copy',
    body: {
      ...list({
        type: 'object',
        properties: {
          op: choice('add', 'remove', 'replace', 'move', 'test'),
          path: text,
          from: text,
          value: true,
        },
        required: ['op', 'path'],
      }),
      maxItems: 1000,
    },
    answer: registration,
    run: (controls, { body }) => controls.registration.patch(body as RegistrationPatch[]),
  },
  {
    method: 'GET',
    path: '/users',
    id: 'listUsers',
    summary: 'All users of all tenants',
    answer: record({ users: list(user) }),
    run: (controls) => ({ users: controls.users.list() }),
  },
  {
    method: 'POST',
    path: '/users',
    id: 'createUser',
    summary: 'Adds a user to the registration until it is read again; without tenant to the first one',
    query: { tenant: name },
    body: userRegistration,
    answer: user,
    run: (controls, { body, query }) =>
      controls.users.create(body as UserRegistration, { tenant: query['tenant'] as string | undefined }),
  },
  {
    method: 'POST',
    path: '/users/{user}/revoke-sessions',
    id: 'revokeSessions',
    summary: 'Ends all sign-ins of a user, by userPrincipalName or id',
    body: revokeOptions,
    answer: revocation,
    run: (controls, { parameters, body }) =>
      controls.users.revokeSessions(parameters['user'] ?? '', Object(body)),
  },
  {
    method: 'POST',
    path: '/users/{user}/disable',
    id: 'disableUser',
    summary: 'Disables a user, by userPrincipalName or id',
    body: revokeOptions,
    answer: revocation,
    run: (controls, { parameters, body }) => controls.users.disable(parameters['user'] ?? '', Object(body)),
  },
  {
    method: 'POST',
    path: '/users/{user}/enable',
    id: 'enableUser',
    summary: 'Enables a user again, by userPrincipalName or id',
    run: (controls, { parameters }) => controls.users.enable(parameters['user'] ?? ''),
  },
  {
    method: 'GET',
    path: '/revocations',
    id: 'listRevocations',
    summary: 'Users whose tokens are void before their time, as an API would know by now',
    answer: record({ revocations: list(revocation) }),
    run: (controls) => ({ revocations: controls.revocations() }),
  },
  {
    method: 'POST',
    path: '/consents/grant',
    id: 'grantConsent',
    summary: 'Grants scopes for a user, or scopes and roles for everyone; by default what the client lists',
    body: record({ ...tokenQuestion, roles: list(name) }, ['client', 'resource']),
    run: (controls, { body }) => controls.grantConsent(body as GrantConsentOptions),
  },
  {
    method: 'POST',
    path: '/consents/revoke',
    id: 'revokeConsent',
    summary: 'Takes consent of a user or for everyone back, or roles of the client',
    body: record({ client: name, resource: name, user: name, tenant: name, roles: list(name) }, [
      'client',
      'resource',
    ]),
    run: (controls, { body }) => controls.revokeConsent(body as RevokeConsentOptions),
  },
  {
    method: 'POST',
    path: '/permissions/explain',
    id: 'explainPermission',
    summary: 'Whether a client gets a token, what it would carry, and if not, why; issues nothing',
    body: record(tokenQuestion, ['client', 'resource']),
    answer: open({ isIssued: flag, scopes: list(text), roles: list(text) }),
    run: (controls, { body }) => controls.explainPermission(body as ExplainPermissionOptions),
  },
  {
    method: 'POST',
    path: '/tokens',
    id: 'mintToken',
    summary: 'An access token without a request, good or with a named flaw; a claim of null is left out',
    body: record(
      {
        ...tokenQuestion,
        roles: list(name),
        lifetimeSeconds: { type: 'integer', minimum: -1_000_000_000, maximum: 1_000_000_000 },
        claims: anyObject,
        flaw: choice(...tokenFlaws),
      },
      ['client', 'resource'],
    ),
    answer: record({ token: text }),
    async run(controls, { body }) {
      const { claims, ...asked } = body as IssueTokenOptions
      const entries = Object.entries(claims ?? {}).map(
        ([claim, value]) => [claim, value ?? undefined] as const,
      )
      return { token: await controls.issueToken({ ...asked, claims: Object.fromEntries(entries) }) }
    },
  },
  {
    method: 'POST',
    path: '/tokens/explain',
    id: 'explainToken',
    summary: 'What a token is, and which registered API would accept it, check by check',
    body: record({ token: { type: 'string', maxLength: 1_000_000 } }),
    answer: open({ kind: text, verdicts: list(open({ isAccepted: flag, checks: list(anyObject) })) }),
    run: (controls, { body }) => controls.explainToken((body as { token: string }).token),
  },
  {
    method: 'GET',
    path: '/flaws',
    id: 'listFlaws',
    summary:
      'Every flaw with its meaning and the refusals that are right; for the API that the query describes',
    query: { versions: choice('1.0', '2.0', '1.0,2.0'), acceptsAnyTenant: choice('true', 'false') },
    answer: record({
      flaws: list(open({ name: text, meaning: text, appliesTo: text, isToBeRefused: flag })),
    }),
    run(_controls, { query }) {
      const versions = (query['versions'] as string | undefined)?.split(',') as ('1.0' | '2.0')[] | undefined
      const applying = tokenFlawsFor({ versions, acceptsAnyTenant: query['acceptsAnyTenant'] === 'true' })
      return {
        flaws: tokenFlaws.map((flaw) => ({
          name: flaw,
          ...tokenFlawTable[flaw],
          isToBeRefused: applying.includes(flaw),
        })),
      }
    },
  },
  {
    method: 'GET',
    path: '/keys',
    id: 'listKeys',
    summary: 'All signing keys of this run, without their secrets',
    answer: record({ keys: list(open({ kid: text, owner: text, state: text })) }),
    run: async (controls) => ({ keys: await controls.keys.list() }),
  },
  {
    method: 'POST',
    path: '/keys/publish',
    id: 'publishKey',
    summary: 'Lists a new key that does not sign yet: of the tenants, of a foreign owner, or of one API',
    body: record({ owner: choice('microsoftAccounts', 'usGovernment'), application: name }, []),
    answer: kid,
    async run({ keys }, { body }) {
      const { owner, application } = body as {
        owner?: 'microsoftAccounts' | 'usGovernment'
        application?: string
      }
      if (owner !== undefined && application !== undefined) {
        throw new TypeError('body: name an owner or an application, not both')
      }
      if (owner !== undefined) return { kid: await keys.publishForeign(owner) }
      return {
        kid: await (application === undefined ? keys.publish() : keys.publishForApplication(application)),
      }
    },
  },
  {
    method: 'POST',
    path: '/keys/rotate',
    id: 'rotateKeys',
    summary: 'Publishes a key and signs with it; the old ones stay listed',
    answer: kid,
    run: async ({ keys }) => ({ kid: await keys.rotate() }),
  },
  {
    method: 'POST',
    path: '/keys/replace-all',
    id: 'replaceAllKeys',
    summary: 'Emergency: a new key signs, and all others of the tenants are withdrawn at once',
    answer: kid,
    run: async ({ keys }) => ({ kid: await keys.replaceAll() }),
  },
  {
    method: 'POST',
    path: '/keys/{kid}/use',
    id: 'useKey',
    summary: 'Signs with a listed key from now on',
    run: ({ keys }, { parameters }) => keys.use(parameters['kid'] ?? ''),
  },
  {
    method: 'POST',
    path: '/keys/{kid}/withdraw',
    id: 'withdrawKey',
    summary: 'Takes a key that does not sign out of the set',
    run: ({ keys }, { parameters }) => keys.withdraw(parameters['kid'] ?? ''),
  },
  {
    method: 'POST',
    path: '/keys/{kid}/flap',
    id: 'flapKey',
    summary: 'The key is in some answers of the key set and missing from others, over and over',
    body: record({ listed: { type: 'integer' }, absent: { type: 'integer' } }),
    run: ({ keys }, { parameters, body }) =>
      keys.flap(parameters['kid'] ?? '', body as { listed: number; absent: number }),
  },
  {
    method: 'POST',
    path: '/keys/{kid}/steady',
    id: 'steadyKey',
    summary: 'Ends the flapping of a key',
    run: ({ keys }, { parameters }) => keys.steady(parameters['kid'] ?? ''),
  },
  {
    method: 'GET',
    path: '/clock',
    id: 'getClock',
    summary: "The emulator's time, in seconds since the epoch",
    answer: clock,
    run: (controls) => ({ now: controls.clock.now() }),
  },
  {
    method: 'PUT',
    path: '/clock',
    id: 'setClock',
    summary: 'Sets the time',
    body: clock,
    answer: clock,
    run(controls, { body }) {
      controls.clock.set((body as { now: number }).now)
      return { now: controls.clock.now() }
    },
  },
  {
    method: 'POST',
    path: '/clock/advance',
    id: 'advanceClock',
    summary: 'Moves the time forward',
    body: record({ seconds: number }),
    answer: clock,
    run(controls, { body }) {
      controls.clock.advance((body as { seconds: number }).seconds)
      return { now: controls.clock.now() }
    },
  },
  {
    method: 'DELETE',
    path: '/clock',
    id: 'resetClock',
    summary: "Back to the machine's time",
    answer: clock,
    run(controls) {
      controls.clock.set(Date.now() / 1000)
      return { now: controls.clock.now() }
    },
  },
  {
    method: 'GET',
    path: '/faults',
    id: 'listFaults',
    summary: 'The faults that are active',
    answer: record({ faults: list(open({ id: integer, endpoint: text, effect: anyObject, met: integer })) }),
    run: (controls) => ({ faults: controls.faults.list() }),
  },
  {
    method: 'POST',
    path: '/faults',
    id: 'addFault',
    summary: 'Makes requests to an endpoint fail',
    body: record(
      { endpoint: choice(...endpoints), effect: anyObject, clientId: name, times: { type: 'integer' } },
      ['endpoint', 'effect'],
    ),
    answer: open({ id: integer, endpoint: text, effect: anyObject, met: integer }),
    run({ faults }, { body }) {
      faults.add(body as FaultOptions)
      return faults.list().at(-1)
    },
  },
  {
    method: 'DELETE',
    path: '/faults',
    id: 'clearFaults',
    summary: 'Clears all faults',
    run: (controls) => controls.faults.clear(),
  },
  {
    method: 'DELETE',
    path: '/faults/{id}',
    id: 'clearFault',
    summary: 'Clears one fault',
    run({ faults }, { parameters }) {
      const id = Number(parameters['id'])
      if (!faults.list().some((fault) => fault.id === id)) {
        throw new Refusal(404, 'not_found', 'There is no such fault.')
      }
      faults.clearOne(id)
    },
  },
  {
    method: 'GET',
    path: '/requests',
    id: 'listRequests',
    summary: 'The last thousand requests that fit, newest last, without secrets',
    query: requestFilter,
    answer: record({ requests: list(requestEntry) }),
    run: (controls, { query }) => ({ requests: controls.requests().filter(fits(query)) }),
  },
  {
    method: 'GET',
    path: '/requests/wait',
    id: 'waitForRequest',
    summary: 'The first request that fits, recorded or to come; 404 if none comes in time',
    query: { ...requestFilter, timeoutSeconds: { type: 'number', minimum: 0, maximum: 60 } },
    answer: requestEntry,
    async run(controls, { query, signal }) {
      const { timeoutSeconds = 5, ...filter } = query
      const now = waiting.get(controls) ?? { count: 0 }
      waiting.set(controls, now)
      if (now.count >= mostWaiting)
        throw new Refusal(429, 'too_many_waiting', `Up to ${mostWaiting} may wait.`)
      now.count += 1
      try {
        return await controls
          .requests()
          .waitFor(fits(filter), { timeoutSeconds: Number(timeoutSeconds), signal })
      } catch {
        throw new Refusal(404, 'no_such_request', 'No such request came in time.')
      } finally {
        now.count -= 1
      }
    },
  },
  {
    method: 'DELETE',
    path: '/requests',
    id: 'clearRequests',
    summary: 'Forgets the recorded requests',
    run: (controls) => controls.clearRequests(),
  },
  {
    method: 'POST',
    path: '/api-calls',
    id: 'reportApiCall',
    summary:
      'An API reports one request to it, for the live flow of the page; tokenId is the uti of the token',
    body: record(
      {
        api: name,
        outcome: choice('accepted', 'refused'),
        status: { type: 'integer', minimum: 100, maximum: 599 },
        code: word,
        claim: word,
        reason: word,
        method: word,
        path: { type: 'string', maxLength: 300 },
        clientId: word,
        tokenId: word,
        durationSeconds: { type: 'number', minimum: 0 },
      },
      ['api', 'outcome'],
    ),
    run: (controls, { body }) => controls.reportApiCall(body as ApiCall),
  },
  {
    method: 'POST',
    path: '/reset',
    id: 'reset',
    summary:
      'Back to the registration as it was read, without consents, faults and requests; keys and clock stay',
    run: (controls) => controls.reset(),
  },
  {
    method: 'GET',
    path: '/state',
    id: 'exportState',
    summary: 'A snapshot for another instance. It CONTAINS PRIVATE KEYS',
    answer: anyObject,
    run: (controls) => controls.exportState(),
  },
  {
    method: 'PUT',
    path: '/state',
    id: 'importState',
    summary: 'Continues from a snapshot, with the registration as it is now',
    body: anyObject,
    run: (controls, { body }) => controls.importState(body as EmulatorState),
  },
]

/** What `$ref` names. */
export const components: Readonly<Record<string, Schema>> = {
  Registration: { ...registrationSchema },
  Problem: record({ error: record({ code: text, message: text }) }),
}

function fits(filter: Readonly<Record<string, unknown>>): (request: RecordedRequest) => boolean {
  const { after = 0, ...members } = filter
  return (request) =>
    request.id > Number(after) &&
    Object.entries(members).every(([member, value]) => Reflect.get(request, member) === value)
}
