import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ids, secrets, startTestEmulator, verified } from './support.js'

const hasCurl = spawnSync('curl', ['--version']).status === 0
if (!hasCurl) {
  if (process.env['CI'] === 'true') throw new Error('no curl: CI must have it')
  console.warn('NOT TESTED with curl: there is none on this machine')
}

/** Runs a line as a person pastes it. */
function paste(line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('sh', ['-c', line], { timeout: 10_000 }, (error, stdout) => {
      if (error === null) resolve(stdout)
      else reject(error)
    })
  })
}

/** What the settings show under a heading. */
function shown(html: string, heading: string): string {
  const [, text = ''] = html.split(heading)[1]?.match(/<pre>([^<]*)<\/pre>/) ?? []
  return text.replaceAll('&#39;', "'")
}

test.runIf(hasCurl)('the curl line of the settings gets a token once the secret is filled in', async () => {
  await using emulator = await startTestEmulator()
  const line = shown(await (await fetch(`${emulator.origin}/_/settings`)).text(), 'As curl')
  expect(line).toContain(ids.daemon)
  const answer = JSON.parse(await paste(line.replace('…', secrets.daemon))) as Record<string, unknown>
  expect(answer).toMatchObject({ token_type: 'Bearer', expires_in: 3599 })
  expect((await verified(emulator, answer['access_token'])).claims['azp']).toBe(ids.daemon)

  const refused = JSON.parse(await paste(line)) as Record<string, unknown>
  expect(refused['error_codes']).toEqual([7000215])
})

test.runIf(hasCurl)('over https the line needs the certificate that the settings show', async () => {
  await using emulator = await startTestEmulator({ https: true })
  const folder = await mkdtemp(join(tmpdir(), 'emulator-'))
  try {
    const file = join(folder, 'emulator.pem')
    await writeFile(file, emulator.certificate ?? '')
    const html = await paste(`curl --silent --cacert '${file}' ${emulator.origin}/_/settings`)
    await writeFile(file, shown(html, 'The certificate to trust'))
    const line = shown(html, 'As curl').replace('…', secrets.daemon)
    expect(JSON.parse(await paste(line.replace('emulator.pem', file)))).toMatchObject({
      token_type: 'Bearer',
    })
    // curl's own word for a certificate that nobody vouches for.
    await expect(paste(line.replace('--cacert emulator.pem', ''))).rejects.toMatchObject({ code: 60 })
  } finally {
    await rm(folder, { recursive: true })
  }
})
