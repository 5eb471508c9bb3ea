// `npm run check:live`, for an owner of a tenant: runs both scenarios against the real Microsoft Entra ID on both endpoint versions,
// validates what it gets, and compares the shape of answers and tokens with the emulator's. It prints names and types, and never a
// token or a value. docs/check-live.md says what to register and to set. With `--emulator` an emulator takes the place of Entra.
import { parseArgs } from 'node:util'
import { createTokenValidator, entra } from '../packages/core/dist/index.js'
import { startEmulator } from '../packages/emulator/dist/index.js'
import {
  clientSecret,
  createTokenClient,
  entraAuthority,
  isTokenClientError,
} from '../packages/token-client/dist/index.js'

const { values } = parseArgs({ options: { emulator: { type: 'boolean', default: false } } })
const user = 'alice@contoso.example'
const differences = []
const failures = []
const live = values.emulator ? await settingsOfEmulator() : settingsOfEnvironment()
const twin = await startTwin(live)

console.log(`${live.isEmulator ? 'an emulator' : 'Microsoft Entra ID'}, tenant ${live.tenantId}`)
for (const version of ['1.0', '2.0']) {
  await step(`daemon, endpoint ${version}`, () => compare(version, daemonRequest, 'application'))
  if (live.userToken === undefined) {
    console.log(`–  on behalf of, endpoint ${version}: LIVE_USER_TOKEN is not set`)
  } else {
    await step(`on behalf of, endpoint ${version}`, () => compare(version, onBehalfRequest, 'delegated'))
  }
}
await step('token client', runTokenClient)
await step('metadata', compareMetadata)
for (const service of [twin, live]) await service.stop?.()

for (const text of differences) console.log(`≠  ${text}`)
for (const text of failures) console.error(`✗  ${text}`)
console.log(
  `${failures.length} failures, ${differences.length} differences from the emulator${differences.length === 0 ? '' : ': report them with this output'}`,
)
process.exitCode = failures.length === 0 ? 0 : 1

async function step(name, run) {
  try {
    await run()
    console.log(`✓  ${name}`)
  } catch (error) {
    failures.push(
      `${name}: ${isTokenClientError(error) ? `${error.code}, AADSTS ${error.service?.codes?.join()}` : error.message}`,
    )
  }
}

function settingsOfEnvironment() {
  const read = (name) => {
    const value = process.env[name]
    if (value === undefined || value === '') throw new Error(`${name} is not set: see docs/check-live.md`)
    return value
  }
  const { LIVE_AUTHORITY, LIVE_USER_TOKEN, LIVE_SECOND_API } = process.env
  return {
    isEmulator: false,
    authority: LIVE_AUTHORITY ?? 'https://login.microsoftonline.com',
    tenantId: read('LIVE_TENANT_ID'),
    api: { clientId: read('LIVE_API_CLIENT_ID'), secret: read('LIVE_API_SECRET') },
    daemon: { clientId: read('LIVE_DAEMON_CLIENT_ID'), secret: read('LIVE_DAEMON_SECRET') },
    secondApi: LIVE_SECOND_API,
    userToken: LIVE_USER_TOKEN,
  }
}

async function settingsOfEmulator() {
  const ids = {
    tenantId: '11111111-0000-4000-8000-000000000001',
    api: { clientId: '22222222-0000-4000-8000-000000000001', secret: 'not-a-secret-api' },
    daemon: { clientId: '22222222-0000-4000-8000-000000000003', secret: 'not-a-secret-daemon' },
  }
  const service = await startTwin({ ...ids, isEmulator: true })
  return { ...service, ...ids, isEmulator: true, userToken: await service.tokenOfUser() }
}

/** An emulator with the same registrations: what it answers is what the parity document promises. */
async function startTwin({ tenantId, api, daemon }) {
  const second = '22222222-0000-4000-8000-000000000002'
  const registered = (appId, displayName, more) => ({ appId, displayName, ...more })
  const emulator = await startEmulator({
    registration: {
      tenants: [
        {
          id: tenantId,
          displayName: 'Contoso',
          domains: ['contoso.example'],
          users: [{ userPrincipalName: user, displayName: 'Alice Ash' }],
          oauth2PermissionGrants: [
            { clientId: 'app', resourceId: 'api', scope: 'Things.Read' },
            { clientId: 'api', resourceId: 'second', scope: 'Things.Read' },
          ],
          appRoleAssignments: [{ principalId: 'daemon', resourceId: 'api', appRoleId: 'Things.Read.All' }],
        },
      ],
      applications: [
        registered(api.clientId, 'api', {
          identifierUris: [`api://${api.clientId}`],
          passwordCredentials: [{ secretText: api.secret }],
          appRoles: [{ value: 'Things.Read.All', allowedMemberTypes: ['Application'] }],
          api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Things.Read' }] },
        }),
        registered(second, 'second', {
          identifierUris: [`api://${second}`],
          api: { requestedAccessTokenVersion: 2, oauth2PermissionScopes: [{ value: 'Things.Read' }] },
        }),
        registered(daemon.clientId, 'daemon', { passwordCredentials: [{ secretText: daemon.secret }] }),
        { displayName: 'app', publicClient: { redirectUris: ['http://localhost'] } },
      ],
    },
  })
  return {
    authority: emulator.origin,
    cloud: emulator.cloud,
    clock: emulator.clock.now,
    secondApi: `api://${second}`,
    tokenOfUser: () => emulator.issueToken({ client: 'app', resource: 'api', user }),
    stop: () => emulator.stop(),
  }
}

function daemonRequest({ api, daemon }, version) {
  const resource = `api://${api.clientId}`
  return {
    grant_type: 'client_credentials',
    client_id: daemon.clientId,
    client_secret: daemon.secret,
    ...(version === '1.0' ? { resource } : { scope: `${resource}/.default` }),
  }
}

function onBehalfRequest({ api, secondApi, userToken }, version) {
  return {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    requested_token_use: 'on_behalf_of',
    client_id: api.clientId,
    client_secret: api.secret,
    assertion: userToken,
    ...(version === '1.0' ? { resource: secondApi } : { scope: `${secondApi}/.default` }),
  }
}

/** The same request to both services: both must succeed, and the shapes of the answers are compared. */
async function compare(version, request, kind) {
  const mine = { ...live, ...twin, userToken: await twin.tokenOfUser() }
  const [answer, expected] = await Promise.all([
    tokenFrom(live, version, request(live, version)),
    tokenFrom({ ...mine, tenantId: live.tenantId }, version, request({ ...live, ...mine }, version)),
  ])
  const name = `${kind} token, endpoint ${version}`
  note(`${name}: answer`, shapeOf(expected), shapeOf(answer))
  const [header, payload] = partsOf(answer.access_token)
  const [expectedHeader, expectedPayload] = partsOf(expected.access_token)
  note(`${name}: header`, shapeOf(expectedHeader), shapeOf(header))
  note(`${name}: claims`, shapeOf(expectedPayload), shapeOf(payload))
}

async function tokenFrom({ authority, tenantId }, version, parameters) {
  const path = version === '1.0' ? 'oauth2/token' : 'oauth2/v2.0/token'
  const answer = await fetch(`${authority}/${tenantId}/${path}`, {
    method: 'POST',
    body: new URLSearchParams(parameters),
  })
  const body = await answer.json()
  // The description may name people; the number does not.
  if (!answer.ok)
    throw new Error(`${authority} answered ${answer.status}, AADSTS ${body.error_codes?.join()}`)
  return body
}

async function runTokenClient() {
  const { tenantId, api, daemon, cloud, clock, userToken, secondApi } = live
  const shared = { ...(cloud && { cloud }) }
  const validator = createTokenValidator({
    issuer: entra({ tenantId, clientId: api.clientId, ...shared }),
    ...(clock && { clock }),
  })
  for (const version of ['1.0', '2.0']) {
    const authority = entraAuthority({ tenantId, version, ...shared })
    const clientOf = ({ clientId, secret }) =>
      createTokenClient({ authority, clientId, credential: clientSecret(secret), ...(clock && { clock }) })
    const { accessToken } = await clientOf(daemon).acquireForApp({ resource: `api://${api.clientId}` })
    const { kind } = await validator.validateToken(accessToken)
    if (kind !== 'application') throw new Error(`the token of the daemon is ${kind}`)
    if (userToken === undefined || secondApi === undefined) continue
    const caller = await validator.validateToken(userToken)
    await clientOf(api).acquireOnBehalfOf(caller, { resource: secondApi })
  }
}

async function compareMetadata() {
  for (const path of ['.well-known/openid-configuration', 'v2.0/.well-known/openid-configuration']) {
    const read = async ({ authority }) => (await fetch(`${authority}/${live.tenantId}/${path}`)).json()
    const [found, expected] = await Promise.all([read(live), read(twin)])
    note(path, shapeOf(expected), shapeOf(found))
  }
}

function partsOf(token) {
  return token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
}

/** Names and types of members; nothing of their values. */
function shapeOf(object) {
  return new Map(
    Object.entries(object).map(([name, value]) => [
      name,
      Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value,
    ]),
  )
}

function note(where, expected, found) {
  for (const [name, type] of found) {
    const other = expected.get(name)
    if (other === undefined) differences.push(`${where}: ${name} (${type}) is not in the emulator's`)
    else if (other !== type) differences.push(`${where}: ${name} is ${type}, the emulator's is ${other}`)
  }
  for (const name of expected.keys()) {
    if (!found.has(name)) differences.push(`${where}: ${name} is in the emulator's alone`)
  }
}
