import {
  acceptedRequests,
  apiClientId,
  authorizationValues,
  clock,
  keySet,
  now,
  refusedRequests,
  setupOptions,
  startIssuer,
  tenantId,
  tokenWith,
  v2Issuer,
  type Issuer,
} from '@countersign/test-fixtures'
import {
  createTokenValidator,
  entra,
  entraMultiTenant,
  oidcIssuer,
  type CheckName,
  type CheckVerdict,
  type Explanation,
  type Permission,
} from '@countersign/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let issuer: Issuer
beforeAll(async () => {
  issuer = await startIssuer()
})
afterAll(() => issuer.stop())

const order: readonly CheckName[] = [
  'format',
  'algorithm',
  'header',
  'issuer',
  'token_type',
  'tenant',
  'key',
  'signature',
  'lifetime',
  'audience',
  'sender',
  'introspection',
  'kind',
  'client',
  'required_claims',
  'tenant_policy',
  'revocation',
  'permission',
]

async function explained(token: string, permission?: Permission): Promise<Explanation> {
  const { explain } = createTokenValidator({
    issuer: entra({ tenantId, clientId: apiClientId, cloud: issuer.cloud }),
    clock,
  })
  return explain(token, permission)
}

function verdictsOf({ checks }: Explanation): Partial<Record<CheckName, CheckVerdict>> {
  return Object.fromEntries(checks.map((check) => [check.check, check]))
}

describe('explain', () => {
  it('reports every check of a valid token as passed, in order', async () => {
    const explanation = await explained(tokenWith())
    expect(explanation.accepted).toBe(true)
    expect(explanation.refusal).toBeUndefined()
    expect(explanation.checks.map(({ check }) => check)).toEqual(order)
    expect(new Set(explanation.checks.map(({ verdict }) => verdict))).toEqual(new Set(['passed']))
  })

  it('continues after a failure with the checks that do not depend on it, so that all faults are reported at once', async () => {
    const token = tokenWith({ claims: { exp: now - 1000, aud: 'https://graph.microsoft.com', nonce: 'n' } })
    const verdicts = verdictsOf(await explained(token))
    expect(verdicts.lifetime).toMatchObject({ verdict: 'failed', code: 'token_expired' })
    expect(verdicts.audience).toMatchObject({ verdict: 'failed', code: 'audience_mismatch', reason: 'graph' })
    expect(verdicts.token_type).toMatchObject({ verdict: 'failed', code: 'id_token' })
    expect(verdicts.signature).toMatchObject({ verdict: 'passed' })
    expect(verdicts.permission).toMatchObject({ verdict: 'not_reached' })
  })

  it('reports not_reached for checks that need the result of a failed one', async () => {
    const verdicts = verdictsOf(await explained(tokenWith({ claims: { iss: 'https://evil.example' } })))
    expect(verdicts.issuer).toMatchObject({ verdict: 'failed', code: 'issuer_not_trusted' })
    for (const name of ['tenant', 'key', 'signature', 'audience', 'kind', 'permission'] as const) {
      expect(verdicts[name]?.verdict).toBe('not_reached')
    }
    expect(verdicts.lifetime?.verdict).toBe('passed')
  })

  it('does not call the tenant function for a token whose signature is not valid', async () => {
    let questions = 0
    const { explain } = createTokenValidator({
      issuer: entraMultiTenant({
        allowedTenants: () => ++questions > 0,
        clientId: apiClientId,
        cloud: issuer.cloud,
      }),
      clock,
    })
    const verdicts = verdictsOf(await explain(tokenWith({ signatureSegment: () => 'AAAA' })))
    expect(verdicts.signature).toMatchObject({ verdict: 'failed', code: 'signature_invalid' })
    expect(verdicts.tenant_policy?.verdict).toBe('not_reached')
    expect(questions).toBe(0)
    expect(verdictsOf(await explain(tokenWith())).tenant_policy?.verdict).toBe('passed')
    expect(questions).toBe(1)
  })

  it('rejects with an error that is not a refusal, and reports no verdict for it', async () => {
    const { explain } = createTokenValidator({
      issuer: entra({ tenantId, clientId: apiClientId, cloud: issuer.cloud }),
      clock,
    })
    await expect(explain(tokenWith(), {})).rejects.toThrow(TypeError)
    await expect(explain(tokenWith(), { roles: 'admin' })).rejects.toThrow('kind named')
  })

  it('reports what was expected and what was found', async () => {
    const verdicts = verdictsOf(await explained(tokenWith({ claims: { aud: 'https://other.example' } })))
    expect(verdicts.audience).toMatchObject({ expected: apiClientId, found: 'aud "https://other.example"' })
  })

  it('reports no member that identifies a person, and no control character', async () => {
    const explanation = await explained(
      tokenWith({ claims: { aud: 'x\u001b[2J\u202e', scp: 'a'.repeat(500) } }),
    )
    for (const { found = '' } of explanation.checks) {
      expect(found).not.toMatch(/Mara|mara@|Lindqvist/)
      expect(found).toMatch(/^[\x20-\x7E\u2026]{0,300}$/)
    }
  })

  it('reports the time that it used, also where no date can hold it', async () => {
    const explainedAt = (time: number): Promise<Explanation> =>
      createTokenValidator({
        issuer: entra({ tenantId, clientId: apiClientId, cloud: issuer.cloud }),
        clock: () => time,
      }).explain(tokenWith())
    expect(verdictsOf(await explainedAt(now)).lifetime?.expected).toBe('now 2026-03-01T12:00:00.000Z')
    expect(verdictsOf(await explainedAt(1e300)).lifetime).toMatchObject({ code: 'token_expired' })
  })

  it('checks a permission where one is given', async () => {
    const verdicts = verdictsOf(await explained(tokenWith(), { delegated: { scopes: 'Files.Delete' } }))
    expect(verdicts.permission).toMatchObject({ verdict: 'failed', code: 'scope_insufficient' })
  })

  it('reports the same of an expired token on a cold and on a warm validator', async () => {
    const { explain, ready } = createTokenValidator({
      issuer: entra({ tenantId, clientId: apiClientId, cloud: issuer.cloud }),
      clock,
    })
    const token = tokenWith({ claims: { exp: now - 1000 } })
    const cold = await explain(token)
    await ready()
    expect(await explain(token)).toEqual(cold)
    const verdicts = verdictsOf(cold)
    expect(verdicts.key?.verdict).toBe('passed')
    expect(verdicts.signature?.verdict).toBe('passed')
    expect(verdicts.lifetime).toMatchObject({ verdict: 'failed', code: 'token_expired' })
    expect(cold.refusal?.code).toBe('token_expired')
  })

  it.each([
    ['an expired token', { exp: now - 1000 }, 'token_expired'],
    ['a token for another API', { aud: 'https://other.example' }, 'audience_mismatch'],
    ['a bound token', { cnf: {} }, 'keys_unavailable'],
    ['a good token', {}, 'keys_unavailable'],
  ])(
    'reports the refusal that a request gets for %s while no keys can be fetched',
    async (_, claims, code) => {
      const { explain, validateToken } = createTokenValidator({
        issuer: entra({ tenantId, clientId: apiClientId }),
        clock,
        fetch: async () => new Response('', { status: 500 }),
      })
      const token = tokenWith({ claims })
      expect((await explain(token)).refusal?.code).toBe(code)
      await expect(validateToken(token)).rejects.toMatchObject({ code })
    },
  )

  it('reports a token of Microsoft Graph as failed by the check token_type', async () => {
    const verdicts = verdictsOf(await explained(tokenWith({ header: { nonce: 'n' } })))
    expect(verdicts.token_type).toMatchObject({ verdict: 'failed', code: 'graph_token' })
    expect(verdicts.tenant?.verdict).toBe('passed')
  })

  it('does not cache the token that it explains', async () => {
    let fetches = 0
    const validator = createTokenValidator({
      issuer: entra({ tenantId, clientId: apiClientId }),
      clock,
      fetch: async (url) => {
        fetches++
        return Response.json(
          url.includes('/keys')
            ? keySet(['entra'])
            : { issuer: v2Issuer(), jwks_uri: 'https://login.microsoftonline.com/keys' },
        )
      },
    })
    const token = tokenWith()
    await validator.explain(token)
    validator.forgetKeys()
    await validator.validateToken(token)
    expect(fetches).toBe(4)
  })

  const tokenRows = refusedRequests.filter(
    (row) => typeof row.make() === 'string' && row.permission === undefined,
  )

  it.each(tokenRows)('reports the same refusal as a request with $name', async (row) => {
    const { explain } = createTokenValidator(
      setupOptions({ entra, entraMultiTenant, oidcIssuer }, row, issuer),
    )
    const { accepted, refusal } = await explain(
      authorizationValues(row.make())[0]?.slice('Bearer '.length) ?? '',
    )
    expect({ accepted, code: refusal?.code, status: refusal?.status }).toEqual({
      accepted: false,
      code: row.code,
      status: row.status,
    })
  })

  it.each(acceptedRequests.filter((row) => typeof row.make() === 'string'))('accepts $name', async (row) => {
    const { explain } = createTokenValidator(
      setupOptions({ entra, entraMultiTenant, oidcIssuer }, row, issuer),
    )
    expect(await explain(row.make() as string)).toMatchObject({ accepted: true })
  })
})
