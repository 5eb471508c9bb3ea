import { beforeAll, describe, expect, it } from 'vitest'
import { sendBytes, sendRequest, type Answer } from '../send-request.js'
import { setupOptions } from '../setups.js'
import { tokenOfLength, tokenWith } from '../tokens.js'
import { expectRefusal } from './expectations.js'
import type { Contract, RunningApi } from './harness.js'

/** Bytes that no correct client sends. */
export function describeHostileHeaders<TrustedIssuer>(contract: Contract<TrustedIssuer>): void {
  const { adapter, handlerRuns } = contract

  describe('given hostile headers', () => {
    let api: RunningApi
    const send = (...lines: string[]): Promise<Answer> =>
      sendBytes(
        api.origin,
        Buffer.from(
          ['GET / HTTP/1.1', 'Host: api', 'Connection: close', ...lines, '', ''].join('\r\n'),
          'latin1',
        ),
      )

    beforeAll(async () => {
      api = await contract.start(setupOptions(adapter, { setup: 'entra' }, contract.issuer()))
    })

    const utf8 = (text: string): string => Buffer.from(text).toString('latin1')
    it.each([
      ['a latin1 byte in the token', 'token_malformed', () => `Bearer ${tokenWith()}\xE9`],
      ['a UTF-8 character in the token', 'token_malformed', () => utf8(`Bearer ${tokenWith()}é`)],
      [
        'a byte order mark before the scheme',
        'authorization_malformed',
        () => utf8(`\uFEFFBearer ${tokenWith()}`),
      ],
      ['a scheme with a latin1 byte', 'authorization_malformed', () => `B\xE9arer ${tokenWith()}`],
      ['a no-break space after the scheme', 'authorization_malformed', () => `Bearer\xA0${tokenWith()}`],
      ['a tab after the scheme', 'authorization_malformed', () => `Bearer\t${tokenWith()}`],
      [
        'a tab inside the token',
        'authorization_malformed',
        () => `Bearer ${tokenWith().replace('.', '\t.')}`,
      ],
    ])('refuses %s with %s', async (_, code, make) => {
      const value = make()
      const answer = await expectRefusal(contract, () => send(`Authorization: ${value}`), code)
      expect(answer.text).not.toContain(value.slice(8, 200))
    })

    it('refuses two Authorization headers, whose names differ in case, with authorization_repeated', async () => {
      const value = `Bearer ${tokenWith()}`
      await expectRefusal(
        contract,
        () => send(`Authorization: ${value}`, `AUTHORIZATION: ${value}`),
        'authorization_repeated',
      )
    })

    it('reads the header with any case of its name, and any white space around its value', async () => {
      const answer = await send(`aUTHORIZATION: \t Bearer ${tokenWith()} \t `)
      expect(answer.status).toBe(200)
    })

    it.each([
      ['a NUL byte in the value', (token: string) => [`Authorization: Bearer ${token}\0`]],
      ['a bare line feed in the value', (token: string) => [`Authorization: Bearer\n ${token}`]],
      ['a value folded over two lines', (token: string) => ['Authorization: Bearer', ` ${token}`]],
      ['a space before the colon', (token: string) => [`Authorization : Bearer ${token}`]],
    ])('gets no request with %s, since Node answers 400', async (_, lines) => {
      const runsBefore = handlerRuns()
      expect((await send(...lines(tokenWith()))).status).toBe(400)
      expect(handlerRuns()).toBe(runsBefore)
    })

    it('ignores a token in the trailers of a chunked body', async () => {
      const request = [
        'POST / HTTP/1.1',
        'Host: api',
        'Connection: close',
        'Transfer-Encoding: chunked',
        'Trailer: Authorization',
        '',
        '0',
        `Authorization: Bearer ${tokenWith()}`,
        '',
        '',
      ]
      await expectRefusal(
        contract,
        () => sendBytes(api.origin, Buffer.from(request.join('\r\n'))),
        'credentials_missing',
      )
    })

    it('gets no request with headers above Node’s limit, and continues to answer', async () => {
      const runsBefore = handlerRuns()
      expect((await send(`Authorization: Bearer ${'a'.repeat(70_000)}`)).status).toBe(431)
      expect(handlerRuns()).toBe(runsBefore)
      expect((await send(`Authorization: Bearer ${tokenWith()}`)).status).toBe(200)
    })
  })

  describe('where tokens may be larger than Node’s default limit', () => {
    it('accepts a token of exactly that size, and refuses one byte more with token_too_large', async () => {
      const options = { maxTokenBytes: 48 * 1024 }
      const api = await contract.start(setupOptions(adapter, { setup: 'entra', options }, contract.issuer()))
      const send = (bytes: number) => () =>
        sendRequest(api.origin, { authorization: [`Bearer ${tokenOfLength(bytes)}`] })
      expect((await send(48 * 1024)()).status).toBe(200)
      await expectRefusal(contract, send(48 * 1024 + 1), 'token_too_large')
    })
  })
}
