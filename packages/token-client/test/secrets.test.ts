import { inspect } from 'node:util'
import { clientCertificate, clientSecret } from '@countersign/token-client'
import { describe, expect, it } from 'vitest'
import { makeCertificate } from './certificates.js'
import { createBench, refusalOf, target, theSecret, userToken } from './setup.js'
import type { Answer, SeenRequest } from './token-endpoint.js'

function everythingPrintable(value: unknown): string {
  const own = value instanceof Error ? Object.fromEntries(Object.entries(value)) : {}
  const hidden = value instanceof Error ? [value.message, value.stack, value.cause] : []
  return [
    inspect(value, { showHidden: true, depth: Infinity }),
    JSON.stringify([value, own, hidden]),
    String(value),
  ].join('\n')
}

/** A service that echoes everything it was sent. */
function echo(status: number): (request: SeenRequest) => Answer {
  return ({ form }) => {
    const all = Object.values(form).join(' ')
    return {
      status,
      body: {
        error: `invalid_grant ${all}`,
        error_description: `AADSTS50013: ${all}`,
        suberror: all,
        trace_id: all,
        correlation_id: all,
        error_codes: [all],
        access_token: all,
        refresh_token: all,
        token_type: 'Bearer',
        expires_in: all,
      },
    }
  }
}

describe('the printed text', () => {
  it.each([200, 400, 401, 500])(
    'of an error, when the service echoes all it got with %s, holds no secret',
    async (status) => {
      const { client, endpoint } = await createBench('1.0')
      endpoint.answer = echo(status)
      for (const error of [
        await refusalOf(client.acquireForApp(target)),
        await refusalOf(client.acquireOnBehalfOf(userToken(), target)),
        await refusalOf(client.startSession(userToken(), target)),
      ]) {
        const printed = everythingPrintable(error)
        expect(printed).not.toContain(theSecret)
        for (const part of userToken().split('.')) expect(printed).not.toContain(part)
      }
    },
  )

  it('of an error has no description, which is read by its name only', async () => {
    const { client, endpoint } = await createBench()
    endpoint.answer = () => ({
      status: 400,
      body: { error: 'invalid_grant', error_description: 'about jane@contoso.example' },
    })
    const error = await refusalOf(client.acquireForApp(target))
    expect(error.service?.description).toBe('about jane@contoso.example')
    expect(everythingPrintable(error)).not.toContain('jane')
  })

  it('of an error holds nothing of what a failing fetch threw', async () => {
    const { client } = await createBench('2.0', {
      fetch: (_url, init) => Promise.reject(Object.assign(new Error(init.body), { request: init })),
    })
    const error = await refusalOf(client.acquireForApp(target))
    expect(error).toMatchObject({ code: 'service_unreachable' })
    expect(everythingPrintable(error)).not.toContain(theSecret)
  })

  it('of an error holds nothing of what a foreign credential threw', async () => {
    const credential = () => {
      throw new Error(theSecret)
    }
    const { client } = await createBench('2.0', { credential })
    const error = await refusalOf(client.acquireForApp(target))
    expect(error).toMatchObject({ code: 'client_credential_unusable' })
    expect(everythingPrintable(error)).not.toContain(theSecret)
  })

  it('of clients, credentials, tokens and sessions holds no secret', async () => {
    const pair = await makeCertificate()
    const { client } = await createBench()
    const token = await client.acquireOnBehalfOf(userToken(), target)
    const session = await client.startSession(userToken(), target)
    const printed = everythingPrintable([
      client,
      clientSecret(theSecret),
      clientCertificate(pair),
      token,
      session,
    ])
    for (const secret of [theSecret, 'access-', 'refresh-', session.key, pair.privateKey.split('\n')[1]!]) {
      expect(printed).not.toContain(secret)
    }
    expect(Object.keys(token)).toEqual(['expiresAt', 'scopes', 'tokenType', 'source'])
  })

  it('sends a user token to the token endpoint and nowhere else', async () => {
    const { client, endpoint } = await createBench()
    await client.acquireOnBehalfOf(userToken(), target)
    const [request] = endpoint.requests
    expect(request?.form.assertion).toBe(userToken())
    expect(`${request?.path} ${JSON.stringify(request?.headers)}`).not.toContain(userToken().split('.')[1])
  })
})
