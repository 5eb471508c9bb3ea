import { createRequire } from 'node:module'
import type * as tokenClient from '@countersign/token-client'
import { expect, it } from 'vitest'
import { clientId, target, tenantId, theSecret } from './setup.js'

it('the explanations of AADSTS codes are loaded when there is one to explain, and not before', async () => {
  const require = createRequire(import.meta.url)
  const { clientSecret, createTokenClient, entraAuthority } =
    require('../dist/cjs/index.cjs') as typeof tokenClient
  const isLoaded = () =>
    Object.keys(require.cache).some((file) => /explanations\/dist\/cjs\/aadsts/.test(file))
  let answer = () => Response.json({ token_type: 'Bearer', access_token: 'a', expires_in: 600 })
  const client = createTokenClient({
    authority: entraAuthority({ tenantId }),
    clientId,
    credential: clientSecret(theSecret),
    fetch: async () => answer(),
  })
  await client.acquireForApp(target)
  await client.acquireForApp(target)
  answer = () => Response.json({ error: 'invalid_grant' }, { status: 400 })
  await expect(client.acquireForApp({ resource: 'a' })).rejects.toThrow('refused the request')
  expect(isLoaded()).toBe(false)
  answer = () => Response.json({ error: 'invalid_client', error_codes: [7000215] }, { status: 401 })
  await expect(client.acquireForApp({ resource: 'b' })).rejects.toThrow('The client secret is wrong')
  expect(isLoaded()).toBe(true)
})
