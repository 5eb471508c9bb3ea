import { execFile, spawn, spawnSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { clock } from './clock.js'
import { genericAudience, genericIssuer } from './identities.js'
import { keySet } from './issuer.js'
import { tokenWith } from './tokens.js'
import type { Adapter, ContractOptions } from './contract/harness.js'

/** Options of Node's TLS server; absent for plain HTTP behind a proxy. */
export interface TlsOptions {
  readonly key: string
  readonly cert: string
  readonly requestCert: true
  readonly rejectUnauthorized: false
}

/** Starts an API of one framework on a free port of 127.0.0.1, which answers GET / with 200 to an accepted caller. */
export type StartApi<TrustedIssuer> = (
  options: ContractOptions<TrustedIssuer>,
  tls?: TlsOptions,
) => Promise<{ readonly port: number; stop(): Promise<void> }>

interface Identity {
  readonly key: string
  readonly cert: string
}

type Target = { readonly port: number } | { readonly socketPath: string }

const run = promisify(execFile)

/** Whether an nginx can be started here. If not, a message is printed, and in CI it is an error. */
function hasNginx(): boolean {
  if (spawnSync('nginx', ['-v']).status === 0) return true
  const message = 'nginx is not installed: the tests behind a real nginx DID NOT RUN'
  if (process.env['CI'] === 'true') throw new Error(message)
  console.warn(`\n*** ${message} ***\n`)
  return false
}

/** Tokens that are bound to a certificate, over real TLS: at a framework's own server, and behind nginx. */
export function describeMutualTlsServers<TrustedIssuer>(
  name: string,
  adapter: Adapter<TrustedIssuer>,
  start: StartApi<TrustedIssuer>,
): void {
  describe(`tokens bound to a certificate, with ${name}`, () => {
    let folder: string
    let server: Identity
    let client: Identity
    let other: Identity
    let bound: string

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'countersign-mtls-'))
      ;[server, client, other] = (await Promise.all(['server', 'client', 'other'].map(createIdentity))) as [
        Identity,
        Identity,
        Identity,
      ]
      const thumbprint = createHash('sha256').update(new X509Certificate(client.cert).raw).digest('base64url')
      bound = tokenWith({ from: 'generic', claims: { cnf: { 'x5t#S256': thumbprint } } })
    })

    afterAll(() => rm(folder, { recursive: true, force: true }))

    async function createIdentity(of: string): Promise<Identity> {
      const [key, cert] = [join(folder, `${of}.key`), join(folder, `${of}.crt`)]
      const subject = ['-subj', `/CN=${of}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1']
      const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
      await run('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', cert])
      return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') }
    }

    async function statusFor(
      target: Target,
      identity: Identity | undefined,
      headers: Record<string, string> = {},
    ): Promise<number | undefined> {
      const sent = request({
        host: '127.0.0.1',
        ...target,
        ...identity,
        ca: server.cert,
        agent: false,
        headers: { authorization: `Bearer ${bound}`, ...headers },
      })
      sent.end()
      const [answer] = await once(sent, 'response')
      answer.resume()
      return answer.statusCode
    }

    async function startApi(
      certificateFrom?: ReturnType<typeof adapter.forwardedCertificate>,
      tls?: TlsOptions,
    ): Promise<{ port: number }> {
      const options = {
        issuer: adapter.staticIssuer({ issuer: genericIssuer, jwks: keySet(['generic']) }),
        audience: genericAudience,
        clock,
        senderProofs: adapter.mutualTls(certificateFrom === undefined ? {} : { certificateFrom }),
      }
      const api = await start(options, tls)
      onTestFinished(() => api.stop())
      return { port: api.port }
    }

    it('are accepted over a TLS connection with that certificate, and over no other', async () => {
      const api = await startApi(undefined, { ...server, requestCert: true, rejectUnauthorized: false })
      expect(await statusFor(api, client)).toBe(200)
      expect(await statusFor(api, other)).toBe(401)
      expect(await statusFor(api, undefined)).toBe(401)
      expect(await statusFor(api, client)).toBe(200)
    })

    it.skipIf(!hasNginx())('are accepted behind nginx, which forwards the certificate', async () => {
      const header = 'X-Client-Certificate'
      const certificateFrom = adapter.forwardedCertificate({
        trustedProxies: '127.0.0.1',
        header,
        format: 'url-encoded-pem',
      })
      const proxy = await startNginx((await startApi(certificateFrom)).port, header)
      expect(await statusFor(proxy, client)).toBe(200)
      expect(await statusFor(proxy, other)).toBe(401)
      expect(await statusFor(proxy, undefined)).toBe(401)
      // nginx replaces what the client writes into that header.
      expect(await statusFor(proxy, other, { [header]: encodeURIComponent(client.cert) })).toBe(401)
      expect(await statusFor(proxy, undefined, { [header]: encodeURIComponent(client.cert) })).toBe(401)
    })

    /** An nginx that ends TLS and forwards to a port. It listens on a socket file, so that no port has to be guessed. */
    async function startNginx(port: number, header: string): Promise<Target> {
      const socketPath = join(folder, 'nginx.sock')
      const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      const file = join(folder, 'nginx.conf')
      await writeFile(
        file,
        `daemon off; master_process off; pid ${folder}/nginx.pid; events {}
        http {
          access_log off;
          ${paths.map((path) => `${path}_temp_path ${folder}/${path};`).join(' ')}
          server {
            listen unix:${socketPath} ssl;
            ssl_certificate ${folder}/server.crt;
            ssl_certificate_key ${folder}/server.key;
            ssl_verify_client optional_no_ca;
            location / {
              proxy_pass http://127.0.0.1:${port};
              proxy_set_header ${header} $ssl_client_escaped_cert;
            }
          }
        }`,
      )
      const nginx = spawn('nginx', ['-c', file, '-p', folder, '-e', 'stderr'], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let log = ''
      nginx.stderr.on('data', (chunk) => (log += String(chunk)))
      const ended = once(nginx, 'exit')
      onTestFinished(async () => {
        nginx.kill()
        await ended
      })
      for (let wait = 0; wait < 200; wait++) {
        if (nginx.exitCode !== null) break
        const isReady = await statusFor({ socketPath }, undefined).catch(() => undefined)
        if (isReady !== undefined) return { socketPath }
        await new Promise((resolve) => setTimeout(resolve, 25))
      }
      throw new Error(`nginx did not start: ${log}`)
    }
  })
}
