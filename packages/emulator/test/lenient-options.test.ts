import { request } from 'node:http'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type EmulatorOptions, type ImitatedIssuers, startEmulator } from '@countersign/emulator'
import { ids, startTestEmulator } from './support.js'

/** What the process was warned of. */
const warnings: string[] = []
const listen = (warning: Error): void => void warnings.push(warning.message)
beforeEach(() => {
  warnings.length = 0
  process.on('warning', listen)
})
afterEach(() => process.off('warning', listen))

const statusFor = (origin: string, host: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    request(`${origin}/common/discovery/keys`, { headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })

test('by default nothing is lenient, and there is no warning', async () => {
  await using emulator = await startTestEmulator()
  await fetch(`${emulator.origin}/common/discovery/keys`)
  expect(warnings).toEqual([])
})

describe('imitateMicrosoftIssuers', () => {
  test.each<[ImitatedIssuers, string, string, string]>([
    [
      'global',
      'https://sts.windows.net/{t}/',
      'https://login.microsoftonline.com/{t}/v2.0',
      'microsoftonline.com',
    ],
    [
      'usGovernment',
      'https://sts.windows.net/{t}/',
      'https://login.microsoftonline.us/{t}/v2.0',
      'microsoftonline.us',
    ],
    [
      'china',
      'https://sts.chinacloudapi.cn/{t}/',
      'https://login.partner.microsoftonline.cn/{t}/v2.0',
      'partner.microsoftonline.cn',
    ],
    [
      'externalId',
      'https://sts.windows.net/{t}/',
      'https://{t}.ciamlogin.com/{t}/v2.0',
      'microsoftonline.com',
    ],
    [
      'b2c',
      'https://sts.windows.net/{t}/',
      'https://countersign.b2clogin.com/{t}/v2.0/',
      'microsoftonline.com',
    ],
  ])(
    '%s puts its names into tokens and documents, and warns',
    async (imitated, v1, v2, cloudInstanceName) => {
      await using emulator = await startTestEmulator({ imitateMicrosoftIssuers: imitated })
      const named = (template: string): string => template.replaceAll('{t}', ids.contoso)
      expect(decodeJwt(await emulator.issueToken({ client: 'daemon', resource: 'v2' })).iss).toBe(named(v2))
      expect(decodeJwt(await emulator.issueToken({ client: 'daemon', resource: 'v1' })).iss).toBe(named(v1))
      const response = await fetch(`${emulator.origin}/${ids.contoso}/v2.0/.well-known/openid-configuration`)
      expect(await response.json()).toMatchObject({
        issuer: named(v2),
        cloud_instance_name: cloudInstanceName,
      })
      expect(emulator.cloud.v2Issuer).toBe(v2.replaceAll('{t}', '{tenantid}'))
      await vi.waitFor(() => expect(warnings.join()).toContain('imitateMicrosoftIssuers'))
    },
  )
})

describe('allowConnectionsFromOtherMachines', () => {
  const others = { address: '0.0.0.0', hostName: 'emulator.test' }

  test('listens beyond loopback, answers to the one additional name, and warns', async () => {
    await using emulator = await startTestEmulator({ allowConnectionsFromOtherMachines: others })
    const { port } = new URL(emulator.origin)
    expect(emulator.origin).toBe(`http://emulator.test:${port}`)
    const here = `http://127.0.0.1:${port}`
    expect(await statusFor(here, `emulator.test:${port}`)).toBe(200)
    expect(await statusFor(here, 'evil.example')).toBe(400)
    await vi.waitFor(() => expect(warnings.join()).toContain('can sign in as anyone'))
  })

  test.each<[unknown]>([
    [true],
    [{ address: 'all', hostName: 'x' }],
    [{ address: '0.0.0.0' }],
    [{ address: '::', hostName: 'a b' }],
    [{ address: '::', hostName: 'x', port: 8400 }],
  ])('is refused with a TypeError unless it has an address and a name: %j', async (value) => {
    const options = { allowConnectionsFromOtherMachines: value } as EmulatorOptions
    await expect(startEmulator(options)).rejects.toThrow(
      /^startEmulator: "allowConnectionsFromOtherMachines" must be/,
    )
  })
})

test('a misspelt imitation is refused with a TypeError that lists the known ones', async () => {
  const options = { imitateMicrosoftIssuers: 'mars' } as unknown as EmulatorOptions
  await expect(startEmulator(options)).rejects.toThrow(
    'startEmulator: "imitateMicrosoftIssuers" must be one of global',
  )
})
