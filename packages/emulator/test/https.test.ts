import { execFile, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:tls'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Emulator, type EmulatorState, startEmulator } from '@countersign/emulator'
import { createTlsCertificate } from '../src/keys/tls-certificates.js'
import { startTestEmulator } from './support.js'

let folder = ''
let state = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emulator-'))
  state = join(folder, 'state.json')
})
afterEach(() => rm(folder, { recursive: true }))

/** The leaf that the server shows by a name, or why a client that trusts `ca` refuses it. */
function shown({ origin }: Emulator, ca: string, servername: string): Promise<X509Certificate | string> {
  return new Promise((resolve) => {
    const { port } = new URL(origin)
    const socket = connect({ host: '127.0.0.1', port: Number(port), ca, servername }, () => {
      resolve(socket.getPeerX509Certificate() ?? 'none')
      socket.destroy()
    })
    socket.on('error', (error: NodeJS.ErrnoException) =>
      // Node has no code of its own for every reason of OpenSSL.
      resolve(error.code === undefined || error.code === 'UNSPECIFIED' ? error.message : error.code),
    )
  })
}

describe('the certificate authority of a state file', () => {
  test('stays the same over restarts and signs a new leaf for every start, for all names', async () => {
    const start = (): Promise<Emulator> =>
      startTestEmulator({ state, https: true, hostNames: ['host.docker.internal'] })
    const first = await start()
    const trusted = first.certificate ?? ''
    const leaf = await shown(first, trusted, 'localhost')
    await first.stop()
    await using second = await start()
    expect(second.certificate).toBe(trusted)
    for (const name of ['localhost', 'host.docker.internal']) {
      const other = await shown(second, trusted, name)
      if (typeof leaf === 'string' || typeof other === 'string')
        throw new Error(`${String(leaf)} ${String(other)}`)
      expect(other.fingerprint256).not.toBe(leaf.fingerprint256)
      expect([other.ca, other.checkIP('127.0.0.1'), other.checkIP('::1')]).toEqual([
        false,
        '127.0.0.1',
        '::1',
      ])
    }
    expect(await shown(second, trusted, 'other.example')).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
    expect(new X509Certificate(trusted).ca).toBe(true)
    expect((await readFile(state, 'utf8')).includes('certificateAuthority')).toBe(true)
  })

  test('is downloaded without the control token', async () => {
    await using emulator = await startTestEmulator({ state, https: true })
    const file = join(folder, 'ca.pem')
    await writeFile(file, emulator.certificate ?? '')
    expect(await run('curl', ['--silent', '--cacert', file, `${emulator.origin}/_/certificate.pem`])).toBe(
      emulator.certificate,
    )
  })

  test('is replaced when a name is added that it may not sign for, and kept by a run without https', async () => {
    const first = await startTestEmulator({ state, https: true })
    await first.stop()
    await (await startTestEmulator({ state })).stop()
    const second = await startTestEmulator({ state, https: true })
    expect(second.certificate).toBe(first.certificate)
    await second.stop()
    await using third = await startTestEmulator({ state, https: true, hostNames: ['emulator'] })
    expect(third.certificate).not.toBe(first.certificate)
    expect(typeof (await shown(third, third.certificate ?? '', 'emulator'))).toBe('object')
  })

  test('cannot sign for another name: clients refuse such a leaf', async () => {
    const first = await startTestEmulator({ state, https: true })
    await first.stop()
    const text = await readFile(state, 'utf8')
    const { certificateAuthority } = JSON.parse(text) as EmulatorState
    if (certificateAuthority === undefined) throw new Error('no authority')
    const { certificateBy } = await import('../src/keys/tls-certificates.js')
    const forged = certificateBy(certificateAuthority, ['login.microsoftonline.com'])
    await using other = await startEmulator({
      https: { certificate: forged.certificate, privateKey: forged.privateKey },
    })
    const answer = await shown(other, certificateAuthority.certificate, 'login.microsoftonline.com')
    expect(answer).toBe('permitted subtree violation')
  })

  test('that is none is refused with its place', async () => {
    const first = await startTestEmulator({ state, https: true })
    await first.stop()
    const stored = JSON.parse(await readFile(state, 'utf8')) as EmulatorState
    const own = createTlsCertificate([])
    const { certificateAuthority: authority } = stored
    for (const wrong of [
      { ...authority, privateKey: own.privateKey },
      { ...authority, certificate: 'test-value' },
    ]) {
      await expect(
        startEmulator({ state: { ...stored, certificateAuthority: wrong } as EmulatorState }),
      ).rejects.toThrow('state: certificateAuthority: must be a certificate and its private key')
    }
  })
})

test('a certificate of your own is served as it is, and one without its key is refused', async () => {
  const { certificate, privateKey } = createTlsCertificate(['login.test'])
  await using emulator = await startTestEmulator({ https: { certificate, privateKey } })
  expect(emulator.certificate).toBe(certificate)
  expect(typeof (await shown(emulator, certificate, 'login.test'))).toBe('object')
  const other = createTlsCertificate([])
  await expect(startEmulator({ https: { certificate, privateKey: other.privateKey } })).rejects.toThrow(
    'startEmulator: "https" must be a certificate and its private key, both as PEM',
  )
})

function run(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const environment = { ...process.env, ...env }
    // Of the outer run.
    if (!('NODE_EXTRA_CA_CERTS' in env)) delete environment['NODE_EXTRA_CA_CERTS']
    execFile(program, args, { timeout: 60_000, env: environment }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(stderr))
    })
  })
}

const python = '/usr/bin/python3'
const isThere = (program: string, arg = '--version'): boolean => spawnSync(program, [arg]).status === 0
/** Each platform gets a document by what it trusts: `file` is the certificate, `url` the document. */
const platforms: readonly {
  name: string
  isThere: boolean
  get: (file: string, url: string) => Promise<string>
}[] = [
  {
    name: 'Node',
    isThere: true,
    get: (file, url) =>
      run(process.execPath, ['-e', `fetch('${url}').then(async (r) => console.log(await r.text()))`], {
        NODE_EXTRA_CA_CERTS: file,
      }),
  },
  {
    name: 'Python',
    isThere: isThere(python),
    get: (file, url) =>
      run(python, ['-c', `import urllib.request as r; print(r.urlopen('${url}').read().decode())`], {
        SSL_CERT_FILE: file,
      }),
  },
  {
    name: 'curl',
    isThere: isThere('curl'),
    get: (file, url) => run('curl', ['--silent', '--show-error', '--cacert', file, url]),
  },
  {
    name: 'Java',
    isThere: isThere('javac') && isThere('keytool', '-help'),
    async get(file, url) {
      const store = join(folder, 'emulator.p12')
      const keytool = `-importcert -noprompt -alias emulator -file ${file} -keystore ${store} -storepass changeit`
      if (!(await readFile(store).catch(() => undefined))) await run('keytool', keytool.split(' '))
      const source = join(folder, 'Get.java')
      await writeFile(
        source,
        `import java.net.URI; import java.net.http.*;
         class Get { public static void main(String[] a) throws Exception {
           var request = HttpRequest.newBuilder(URI.create(a[0])).build();
           System.out.println(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
         } }`,
      )
      return run('java', [
        `-Djavax.net.ssl.trustStore=${store}`,
        '-Djavax.net.ssl.trustStorePassword=changeit',
        source,
        url,
      ])
    },
  },
]

for (const platform of platforms) {
  if (!platform.isThere) {
    if (process.env['CI'] === 'true') throw new Error(`no ${platform.name}: CI must have it`)
    console.warn(`NOT TESTED with ${platform.name}: there is none on this machine`)
  }
  test.runIf(platform.isThere)(
    `${platform.name} trusts the authority that was written once, also after a restart`,
    { timeout: 60_000 },
    async () => {
      const file = join(folder, 'emulator.pem')
      for (const round of [1, 2]) {
        await using emulator = await startTestEmulator({ state, https: true })
        if (round === 1) await writeFile(file, emulator.certificate ?? '')
        const url = `${emulator.origin}/common/discovery/v2.0/keys`
        expect(JSON.parse(await platform.get(file, url))).toHaveProperty('keys')
      }
    },
  )
}
