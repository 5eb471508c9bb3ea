// One token service, started by rows/emulator.mjs in a process of its own. It either stays and tells where it is, or tells
// how long it took and ends: until it was ready, until the first token was in hand, and until a second one was ready.
const [variant, purpose] = process.argv.slice(2)
const clientId = '6c1e0000-0000-4000-8000-000000000003'
const clientSecret = 'a-secret-of-the-bench'
const credentials = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }

/** What each needs is imported when it starts: that is part of what is measured. */
const services = {
  async Countersign() {
    const { startEmulator } = await import('@countersign/emulator')
    const emulator = await startEmulator({
      registration: {
        tenants: [
          {
            domains: ['contoso.example'],
            appRoleAssignments: [{ principalId: 'daemon', resourceId: 'api', appRoleId: 'Things.Read.All' }],
          },
        ],
        applications: [
          {
            displayName: 'api',
            identifierUris: ['api://api'],
            appRoles: [{ value: 'Things.Read.All', allowedMemberTypes: ['Application'] }],
            api: { requestedAccessTokenVersion: 2 },
          },
          {
            displayName: 'daemon',
            appId: clientId,
            passwordCredentials: [{ secretText: clientSecret }],
          },
        ],
      },
    })
    const tenant = `${emulator.origin}/contoso.example`
    return {
      tokenEndpoint: `${tenant}/oauth2/v2.0/token`,
      jwksUri: `${tenant}/discovery/v2.0/keys`,
      form: { ...credentials, scope: 'api://api/.default' },
      stop: () => emulator.stop(),
    }
  },

  async 'oauth2-mock-server'() {
    const { OAuth2Server } = await import('oauth2-mock-server')
    const server = new OAuth2Server()
    await server.issuer.keys.generate('RS256')
    await server.start(0, 'localhost')
    const origin = server.issuer.url
    return {
      tokenEndpoint: `${origin}/token`,
      jwksUri: `${origin}/jwks`,
      form: { ...credentials, scope: 'Things.Read.All' },
      stop: () => server.stop(),
    }
  },

  'oidc-provider': () => startOidcProvider(generateJwks()),
  'oidc-provider, built-in key': () => startOidcProvider(undefined),
}

async function generateJwks() {
  const [{ generateKeyPair }, { promisify }] = await Promise.all([import('node:crypto'), import('node:util')])
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  return { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'key' }] }
}

async function startOidcProvider(jwksOnTheWay) {
  // Its notices (a Node it does not support, a key and a store for development) are no configuration's to turn off.
  console.info = console.warn = () => {}
  const [{ Provider }, { createServer }, jwks] = await Promise.all([
    import('oidc-provider'),
    import('node:http'),
    jwksOnTheWay,
  ])
  const server = createServer()
  await new Promise((resolve) => server.listen(0, 'localhost', resolve))
  const origin = `http://localhost:${server.address().port}`
  const resource = 'https://api.example'
  const provider = new Provider(origin, {
    ...(jwks === undefined ? {} : { jwks }),
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'Things.Read.All',
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 3600,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  })
  server.on('request', provider.callback())
  return {
    tokenEndpoint: `${origin}/token`,
    jwksUri: `${origin}/jwks`,
    form: { ...credentials, resource, scope: 'Things.Read.All' },
    stop: () => server.close(),
  }
}

const startedAt = performance.now()
const service = await services[variant]()
const ready = performance.now() - startedAt
if (purpose === 'stay') {
  const { tokenEndpoint, jwksUri, form } = service
  process.send({ tokenEndpoint, jwksUri, body: String(new URLSearchParams(form)) })
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send({ cpu: user + system })
  })
  // However the run ends, no server outlives it.
  process.on('disconnect', () => process.exit())
} else {
  const response = await fetch(service.tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams(service.form),
  })
  const { access_token: token } = await response.json()
  const firstToken = performance.now() - startedAt
  if (token?.split('.').length !== 3) throw new Error(`${variant} answered no JWT`)
  await service.stop()
  const startedAgainAt = performance.now()
  await services[variant]()
  const readyAgain = performance.now() - startedAgainAt
  process.stdout.write(JSON.stringify({ ready, firstToken, readyAgain }))
  process.exit()
}
