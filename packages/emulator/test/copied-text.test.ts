import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Emulator } from '@countersign/emulator'
import { startTestEmulator, withApplication } from './support.js'

/*
 * A web page elsewhere chooses the path and the parameters of a request that the page of requests offers as a line to
 * copy. The line is pasted here into a real shell: it must only send the request again.
 */

const hasCurl = spawnSync('curl', ['--version']).status === 0
if (!hasCurl) {
  if (process.env['CI'] === 'true') throw new Error('no curl: CI must have it')
  console.warn('NOT TESTED with curl: there is none on this machine')
}

let emulator: Emulator
let folder: string
beforeAll(async () => {
  emulator = await startTestEmulator()
  folder = await mkdtemp(join(tmpdir(), 'emulator-'))
  await writeFile(join(folder, 'private'), 'private words')
})
afterAll(async () => {
  await emulator.stop()
  await rm(folder, { recursive: true })
})

/** The bytes of a target are sent as they are: `fetch` would encode some of them. */
function send(path: string, body?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(
      emulator.origin,
      {
        path,
        method: body === undefined ? 'GET' : 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      },
      (response) => {
        response.resume()
        response.on('end', resolve)
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

/** What the page of the last request offers to copy. */
async function offeredLine(): Promise<string> {
  const id = emulator.requests.at(-1)?.id
  const html = await (await fetch(`${emulator.origin}/_/requests/${String(id)}`)).text()
  const [, text = ''] = html.split('As curl')[1]?.match(/<pre>([^<]*)<\/pre>/) ?? []
  return text
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

function paste(line: string): Promise<void> {
  return new Promise((resolve) => {
    execFile('sh', ['-c', line], { cwd: folder, timeout: 10_000 }, () => resolve())
  })
}

const command = "';touch$IFS$9pwned;'"

describe.runIf(hasCurl)('the curl line of a recorded request', () => {
  test.each([
    ['a path', `/x${command}/oauth2/v2.0/authorize`],
    ['a path that is no endpoint', `/x${command}`],
    ['a path with a substitution', '/x$(touch$IFS$9pwned)`touch$IFS$9pwned`'],
    ['a name', `/common/oauth2/v2.0/authorize?${encodeURIComponent(`a${command}`)}=b`],
    ['a value', `/common/oauth2/v2.0/authorize?scope=${encodeURIComponent(`a${command}`)}`],
    ['a value of several lines', '/common/oauth2/v2.0/authorize?scope=%03%0atouch%20pwned%0a'],
  ])('sends the request again and runs nothing of it: %s', async (_, path) => {
    await send(path)
    const first = emulator.requests.at(-1)
    const line = await offeredLine()
    await paste(line)
    expect(await readdir(folder)).toEqual(['private'])
    const second = emulator.requests.at(-1)
    expect(second?.id).toBe(Number(first?.id) + 1)
    expect({ method: second?.method, endpoint: second?.endpoint, parameters: second?.parameters }).toEqual({
      method: first?.method,
      endpoint: first?.endpoint,
      parameters: first?.parameters,
    })
    expect(decodeURIComponent(second?.path ?? '')).toBe(decodeURIComponent(first?.path ?? ''))
  })

  test('reads no file of the machine, whatever the parameters are called', async () => {
    const names = ['@private', 'a@private', 'a@private&b']
    await send('/common/oauth2/v2.0/token', names.map((name) => `${encodeURIComponent(name)}=1`).join('&'))
    await paste(await offeredLine())
    expect(Object.keys(emulator.requests.at(-1)?.parameters ?? {})).toEqual(names)
  })

  test('is one request, although curl knows patterns in an address', async () => {
    const before = emulator.requests.length
    await send('/[1-9]/{a,b}')
    await paste(await offeredLine())
    expect(emulator.requests.length).toBe(before + 2)
  })

  test('has no character that a terminal or the shell of another system acts on', async () => {
    await send(
      '/x&calc&/oauth2/v2.0/authorize?scope=%1b%5b201~%0a%26calc%26%7f%c2%9b%e2%80%ae&prompt=%25PATH%25',
    )
    const line = await offeredLine()
    expect(line.replaceAll('\n', '')).not.toMatch(/\p{C}/u)
    expect(line).not.toMatch(/&|\^|\|/)
  })
})

test.runIf(hasCurl)('the curl line of the settings quotes what the registration holds', async () => {
  await using own = await startTestEmulator({
    registration: withApplication('tier1', { identifierUris: [`api://a${command}`, 'api://tier1'] }),
  })
  const html = await (await fetch(`${own.origin}/_/settings`)).text()
  const [, line = ''] = html.split('As curl')[1]?.match(/<pre>([^<]*)<\/pre>/) ?? []
  await paste(line.replaceAll('&#39;', "'"))
  expect(await readdir(folder)).toEqual(['private'])
  expect(own.requests.map(({ endpoint }) => endpoint)).toEqual(['token'])
})
