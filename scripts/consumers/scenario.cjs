// What a user's program does with the packages, given as `load` finds them: tokens of the emulator, acquired by the token
// client, validated by core and by all three adapters.
const assert = require('node:assert/strict')
const express = require('express')
const { fastify } = require('fastify')
const Koa = require('koa')

const tenantId = '33333333-0000-4000-8000-000000000003'
const registration = {
  tenants: [
    {
      id: tenantId,
      domains: ['contoso.example'],
      appRoleAssignments: [{ principalId: 'daemon', resourceId: 'api', appRoleId: 'Things.Read.All' }],
    },
  ],
  applications: [
    {
      appId: '33333333-0000-4000-8000-000000000001',
      displayName: 'api',
      identifierUris: ['api://api'],
      appRoles: [{ value: 'Things.Read.All', allowedMemberTypes: ['Application'] }],
      api: { requestedAccessTokenVersion: 2 },
    },
    {
      appId: '33333333-0000-4000-8000-000000000002',
      displayName: 'daemon',
      passwordCredentials: [{ secretText: 'not-a-secret' }],
    },
  ],
}

module.exports = async function playScenario(load) {
  const core = await load('@countersign/core')
  const client = await load('@countersign/token-client')
  const emulator = await (await load('@countersign/emulator')).startEmulator({ registration })
  const stops = []
  try {
    const acquired = await client
      .createTokenClient({
        authority: client.entraAuthority({
          tenantId,
          version: '2.0',
          cloud: emulator.cloud,
        }),
        clientId: registration.applications[1].appId,
        credential: client.clientSecret('not-a-secret'),
      })
      .acquireForApp({ resource: 'api://api' })

    const issuer = core.entra({
      tenantId,
      clientId: registration.applications[0].appId,
      cloud: emulator.cloud,
    })
    const token = await core.createTokenValidator({ issuer }).validateToken(acquired.accessToken)
    assert.equal(token.kind, 'application')

    for (const [name, listen] of Object.entries({ express: onExpress, fastify: onFastify, koa: onKoa })) {
      const { origin, stop } = await listen(await load(`@countersign/${name}`), issuer)
      stops.push(stop)
      const ask = async (headers) => (await fetch(origin, { headers })).status
      assert.equal(await ask({}), 401, name)
      assert.equal(await ask({ authorization: `Bearer ${acquired.accessToken}` }), 200, name)
    }
  } finally {
    for (const stop of stops) await stop()
    await emulator.stop()
  }
}

const permissionOf = ({ anyOf }) =>
  anyOf([{ delegated: { scopes: 'x' } }, { application: { roles: 'Things.Read.All' } }])

async function onExpress(adapter, issuer) {
  const app = express()
  app.get(
    '/',
    adapter.bearerAuth({ issuer }),
    adapter.requirePermission(permissionOf(adapter)),
    (_, response) => {
      response.json({})
    },
  )
  return listening(app)
}

async function onKoa(adapter, issuer) {
  const app = new Koa()
  app.silent = true
  app.use(adapter.bearerAuth({ issuer }))
  app.use(adapter.requirePermission(permissionOf(adapter)))
  app.use((context) => {
    context.body = {}
  })
  return listening(app)
}

async function onFastify(adapter, issuer) {
  const app = fastify()
  await app.register(adapter.bearerAuth, { issuer })
  app.get('/', { onRequest: adapter.requirePermission(permissionOf(adapter)) }, async () => ({}))
  return { origin: await app.listen({ port: 0, host: '127.0.0.1' }), stop: () => app.close() }
}

async function listening(app) {
  const server = await new Promise((resolve) => {
    const started = app.listen(0, '127.0.0.1', () => resolve(started))
  })
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      }),
  }
}
