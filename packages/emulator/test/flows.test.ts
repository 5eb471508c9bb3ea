import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeJwt } from 'jose'
import { createTokenValidator, entra } from '@countersign/core'
import { type Emulator, reportApiCalls } from '@countersign/emulator'
import { createFlows, type Flow } from '../src/instance/flows.js'
import type { RecordedRequest } from '../src/instance/request-log.js'
import { askToken, ids, onBehalfOf, secrets, signInAndRedeem, startTestEmulator } from './support.js'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTestEmulator()
})
afterAll(() => emulator.stop())

/** What the live page sends first: every flow. */
async function flowsOf({
  origin,
}: Emulator): Promise<{ id: number; steps: number; path: string; who: string }[]> {
  const gone = new AbortController()
  const response = await fetch(`${origin}/_/requests/events`, { signal: gone.signal })
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString('utf8')
    if (text.includes('\n\n')) break
  }
  gone.abort()
  return JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '{}').flows
}

const report = (call: object, token = emulator.controlApi.token): Promise<Response> =>
  fetch(`${emulator.controlApi.address}/api-calls`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(call),
  })

describe('requests that belong together', () => {
  test('are one flow from the sign-in to the second API, with what the APIs report', async () => {
    await using own = await startTestEmulator()
    const { body } = await signInAndRedeem(own)
    const obo = await askToken(own, onBehalfOf(body['access_token'], { scope: 'api://v2/.default' }))
    expect(obo.status).toBe(200)
    const address = `${own.controlApi.address}/api-calls`
    for (const [api, token] of [
      ['tier1', body['access_token']],
      ['v2', obo.body['access_token']],
    ] as const) {
      const { uti } = decodeJwt(String(token))
      const answer = await fetch(address, {
        method: 'POST',
        headers: { authorization: `Bearer ${own.controlApi.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ api, outcome: 'accepted', tokenId: uti }),
      })
      expect(answer.status).toBe(204)
    }
    expect(await flowsOf(own)).toMatchObject([
      {
        who: 'Alice Ash',
        path: 'native → tier1 → v2',
        kinds: 'sign-in, code, on behalf of, API call',
        steps: 6,
        end: 'accepted',
      },
    ])
  })

  test('are another flow for each client credentials request, and for a second sign-in', async () => {
    await using own = await startTestEmulator()
    const form = {
      grant_type: 'client_credentials',
      client_id: ids.daemon,
      client_secret: secrets.daemon,
      scope: 'api://v2/.default',
    }
    await askToken(own, form)
    await askToken(own, form)
    await signInAndRedeem(own)
    await signInAndRedeem(own)
    expect((await flowsOf(own)).map(({ steps }) => steps)).toEqual([3, 3, 1, 1])
  })

  test('hold no secret, code or token that could be used', async () => {
    await using own = await startTestEmulator()
    const { body } = await signInAndRedeem(own, { query: { state: 'eyJhbGciOi.a-token' } })
    const html = await (await fetch(`${own.origin}/_/requests/1`)).text()
    const all = await Promise.all(
      own.requests.map(async ({ id }) => (await fetch(`${own.origin}/_/requests/${id}`)).text()),
    )
    for (const text of [html, ...all]) {
      for (const name of ['access_token', 'refresh_token', 'id_token']) {
        expect(text).not.toContain(String(body[name]).split('.').at(-1))
      }
      expect(text).not.toMatch(/code=(?!\[redacted\]|code_)1\./)
    }
  })
})

test('a page that listens does not keep the emulator from stopping', async () => {
  const own = await startTestEmulator()
  const response = await fetch(`${own.origin}/_/requests/events`)
  const end = response.text().catch(() => 'ended')
  await own.stop()
  expect(await end).toBe('ended')
})

test('no more than twenty pages listen at once', async () => {
  await using own = await startTestEmulator()
  const gone = new AbortController()
  const open = (): Promise<Response> => fetch(`${own.origin}/_/requests/events`, { signal: gone.signal })
  const answers = await Promise.all(Array.from({ length: 21 }, open))
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
    ...Array.from({ length: 20 }, () => 200),
    429,
  ])
  gone.abort()
  const listens = async (): Promise<number> => {
    const answer = await fetch(`${own.origin}/_/requests/events`)
    await answer.body?.cancel()
    return answer.status
  }
  await expect.poll(listens).toBe(200)
})

describe('what an API reports', () => {
  test('comes by one line of options, from a validator of this suite', async () => {
    await using own = await startTestEmulator()
    const validator = createTokenValidator({
      issuer: entra({ tenantId: ids.contoso, clientId: ids.v2, cloud: own.cloud }),
      clock: own.clock.now,
      ...reportApiCalls({ ...own.controlApi, api: 'v2' }),
    })
    const { body } = await askToken(own, {
      grant_type: 'client_credentials',
      client_id: ids.daemon,
      client_secret: secrets.daemon,
      scope: 'api://v2/.default',
    })
    await validator.validateToken(String(body['access_token']))
    await expect.poll(async () => (await flowsOf(own)).map(({ steps }) => steps)).toContain(2)
  })

  test('of a refusal is explained, with what to do', async () => {
    await using own = await startTestEmulator()
    await fetch(`${own.controlApi.address}/api-calls`, {
      method: 'POST',
      headers: { authorization: `Bearer ${own.controlApi.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        api: 'v2',
        outcome: 'refused',
        status: 401,
        code: 'token_expired',
        claim: 'exp',
      }),
    })
    const html = await (await fetch(`${own.origin}/_/flows/1`)).text()
    expect(html).toMatch(/<bdi>v2<\/bdi>\s+refused the request: token_expired/)
    expect(html).toMatch(/What to do:<\/strong> .*href="\/_\/codes\/token_expired"/s)
  })

  test('is refused with another member, a text that may be a token, and without the control token', async () => {
    expect((await report({ api: 'v2', outcome: 'accepted', token: 'x' })).status).toBe(400)
    expect((await report({ api: 'v2', outcome: 'refused', code: 'x'.repeat(101) })).status).toBe(400)
    expect((await report({ api: 'v2', outcome: 'other' })).status).toBe(400)
    expect((await report({ api: 'v2', outcome: 'accepted' }, 'another-token-of-some-length')).status).toBe(
      401,
    )
  })

  test.each([
    ['address', { address: 'nowhere', token: 'x', api: 'v2' }],
    ['token', { address: 'http://localhost:1', token: '', api: 'v2' }],
    ['api', { address: 'http://localhost:1', token: 'x', api: '' }],
  ])('needs a proper %s', (name, options) => {
    expect(() => reportApiCalls(options)).toThrow(new RegExp(`^reportApiCalls: "${name}" must be`))
  })

  test('is dropped where the emulator does not answer', () => {
    const { onAccepted } = reportApiCalls({ address: 'http://localhost:1', token: 'x', api: 'v2' })
    for (let count = 0; count < 500; count += 1) onAccepted({})
  })
})

test('the oldest flows are dropped, and their keys with them', () => {
  const flows = createFlows()
  const request = { time: 0 } as RecordedRequest
  const changed: (Flow | undefined)[] = []
  const end = flows.subscribe((flow) => changed.push(flow))
  for (let count = 0; count < 5100; count += 1) {
    flows.addRequest(request, undefined, { starts: false, keys: [`key ${count}`] })
  }
  flows.addRequest(request, undefined, { starts: false, keys: ['key 5099'] })
  expect(flows.latest().reduce((sum, { steps }) => sum + steps.length, 0)).toBe(5000)
  expect(flows.find(101)).toBeUndefined()
  expect(flows.find(5100)?.steps).toHaveLength(2)
  // The flow of that key is gone: another one begins.
  flows.addRequest(request, undefined, { starts: false, keys: ['key 0'] })
  expect(flows.latest()[0]?.id).toBe(5101)
  expect(changed).toHaveLength(5102)
  flows.clear()
  end()
  flows.addCall({ api: 'v2', outcome: 'accepted' }, 0)
  expect(changed).toHaveLength(5103)
  expect(flows.latest()).toHaveLength(1)
})

test('a part of a page cannot be framed or do anything when it is opened by itself', async () => {
  await using own = await startTestEmulator()
  await askToken(own, { grant_type: 'client_credentials', client_id: ids.daemon, client_secret: 'wrong' })
  const part = await fetch(`${own.origin}/_/flows/1?part=1`)
  expect([part.status, part.headers.get('x-frame-options')]).toEqual([200, 'DENY'])
  expect(part.headers.get('content-security-policy')).toMatch(
    /default-src 'none';.*frame-ancestors 'none'; sandbox/,
  )
  expect((await part.text()).startsWith('<div data-flow="1"')).toBe(true)
})

describe('a request that is done again', () => {
  const again = async (own: Emulator, step: string, token?: string): Promise<Response> => {
    const html = await (await fetch(`${own.origin}/_/faults`)).text()
    const pageToken = token ?? /name="page_token" value="([^"]*)"/.exec(html)?.[1] ?? ''
    return fetch(`${own.origin}/_/again`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ page_token: pageToken, step }),
    })
  }

  test('is sent as it was, with its secret, and its page opens', async () => {
    await using own = await startTestEmulator()
    await askToken(own, {
      grant_type: 'client_credentials',
      client_id: ids.daemon,
      client_secret: secrets.daemon,
      scope: 'api://v2/.default',
    })
    const done = await again(own, '1')
    expect(done.status).toBe(303)
    expect(own.requests.map(({ status, clientId }) => [status, clientId])).toEqual([
      [200, ids.daemon],
      [200, ids.daemon],
    ])
    const page = await fetch(new URL(done.headers.get('location') ?? '', own.origin))
    expect([page.status, (await page.text()).includes(secrets.daemon)]).toEqual([200, false])
  })

  test('needs the form token of a page, and a step that is kept', async () => {
    await using own = await startTestEmulator()
    await askToken(own, { grant_type: 'client_credentials', client_id: ids.daemon, client_secret: 'wrong' })
    expect((await again(own, '1', '1.AAAA')).status).toBe(400)
    expect((await again(own, '99')).status).toBe(404)
    expect(own.requests).toHaveLength(1)
  })

  test('is opened in the browser if a person fills it in, and only at this emulator', async () => {
    await using own = await startTestEmulator()
    const path = `/${ids.contoso}/oauth2/v2.0/authorize?client_id=${ids.native}&state=the-state`
    await fetch(`${own.origin}${path}`)
    const open = await fetch(`${own.origin}/_/steps/1/open`, { redirect: 'manual' })
    expect([open.status, open.headers.get('location')]).toEqual([302, `${own.origin}${path}`])
    expect((await again(own, '1')).status).toBe(404)
  })
})
