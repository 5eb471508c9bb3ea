import { clock, issuerTokens, keySet, signingKey, tokenWith } from '@countersign/test-fixtures'
import { createTokenValidator } from '@countersign/core'
import * as factories from '@countersign/core/issuers'
import { describe, expect, it } from 'vitest'
import { document, documentedIssuer, runConfiguration, sections, titleOf } from './documented-issuers.js'

describe('docs/issuers.md', () => {
  it('has a section with a configuration for every issuer whose tokens are tested', () => {
    const configured = sections.filter(({ code }) => code !== undefined).map(({ title }) => title)
    expect(configured).toEqual(expect.arrayContaining(issuerTokens.map(({ name }) => titleOf(name))))
  })

  it('uses every factory in one section', () => {
    const used = sections.flatMap(
      ({ text }) => /import { (\w+) } from '@countersign\/core\/issuers'/.exec(text)?.[1] ?? [],
    )
    expect(used.sort()).toEqual(Object.keys(factories).sort())
  })

  it.each(sections.filter(({ code }) => code === undefined))(
    'says of $title where the reason is why it has no configuration',
    ({ text }) => {
      expect(text).toContain('(#what-is-not-offered)')
      expect(document).toContain('\n## What is not offered\n')
    },
  )
})

describe.each(sections.filter(({ code }) => code !== undefined))(
  'the section $title of docs/issuers.md',
  ({ code, text }) => {
    it('says what is checked, what is not, what marks an id token, who can obtain a token, and the source', () => {
      for (const word of ['Checked', 'Not checked', 'Id token', 'Who can obtain a token', 'Source']) {
        expect(text).toContain(`- **${word}**: `)
      }
    })

    it('has a configuration that a validator accepts', async () => {
      const issuer = await runConfiguration(code as string)
      expect(createTokenValidator({ issuer })).toHaveProperty('validateToken')
    })

    it('uses no factory where it is unverified', () => {
      if (text.includes('**Unverified**')) expect(code).not.toContain('@countersign/core/issuers')
      else expect(text).not.toMatch(/unverified/i)
    })
  },
)

it('the function of docs/issuers.md that removes a prefix keeps only the scopes that have it', async () => {
  const [, after = ''] = document.split('\n### Scopes without their prefix\n')
  const [, code = ''] = /\n```js\n(.*?)```/s.exec(after) ?? []
  const issuer = await runConfiguration(code)
  const { validateToken } = createTokenValidator({
    issuer,
    clock,
    fetch: async () => Response.json(keySet(['generic'])),
  })
  const claims = {
    iss: 'https://uaa.cf.example/oauth/token',
    aud: 'orders',
    scope: ['orders.read', 'billing.write', 'orders'],
  }
  const { scopes } = await validateToken(tokenWith({ from: 'generic', claims }))
  expect(scopes).toEqual(['read'])
})

it('the cloud of docs/issuers.md for External ID accepts a token of that tenant, and not of another', async () => {
  const tenant = '11111111-1111-4111-8111-111111111111'
  const other = '33333333-3333-4333-8333-333333333333'
  const issuerOf = (id: string): string => `https://${id}.ciamlogin.com/${id}/v2.0`
  const keys = [{ ...signingKey('entra').jwk, kid: signingKey('entra').kid, issuer: issuerOf(tenant) }]
  const { tryValidateToken } = createTokenValidator({
    issuer: await documentedIssuer('Entra External ID'),
    clock,
    fetch: async (url) => {
      const isMetadata =
        url === `https://contoso.ciamlogin.com/${tenant}/v2.0/.well-known/openid-configuration`
      return Response.json(
        isMetadata ? { issuer: issuerOf(tenant), jwks_uri: 'https://contoso.ciamlogin.com/keys' } : { keys },
      )
    },
  })
  const aud = '22222222-2222-4222-8222-222222222222'
  const tokenOf = (tid: string): string => tokenWith({ claims: { aud, tid, iss: issuerOf(tid) } })
  expect((await tryValidateToken(tokenOf(tenant))).token).toMatchObject({
    kind: 'delegated',
    tenantId: tenant,
  })
  expect((await tryValidateToken(tokenOf(other))).error?.code).toBe('issuer_not_trusted')
})
