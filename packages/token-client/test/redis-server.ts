import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** Whether a Redis can be started here. If not, a message is printed, and in CI it is an error. */
export function hasRedis(): boolean {
  const isThere = spawnSync('redis-server', ['--version']).status === 0
  if (isThere) return true
  const message = 'redis-server is not installed: the tests against a real Redis DID NOT RUN'
  if (process.env['CI'] === 'true') throw new Error(message)
  console.warn(`\n*** ${message} ***\n`)
  return false
}

export interface RedisServer {
  readonly url: string
  /** Ends it at once, as a crash does: its data is lost. */
  kill(): Promise<void>
  /** Starts it again, empty, at the same address. */
  start(): Promise<void>
}

/** A Redis on loopback for one test, without files. */
export async function startRedis(): Promise<RedisServer> {
  const port = await freePort()
  let stop = async () => {}
  const server: RedisServer = {
    url: `redis://127.0.0.1:${port}`,
    kill: () => stop(),
    async start() {
      const options = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--daemonize', 'no']
      const child = spawn('redis-server', ['--port', `${port}`, ...options], {
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      const exited = once(child, 'exit')
      stop = async () => {
        child.kill('SIGKILL')
        await exited
        stop = async () => {}
      }
      for await (const chunk of child.stdout.setEncoding('utf8')) {
        if (String(chunk).includes('Ready to accept connections')) break
      }
      child.stdout.resume()
    },
  }
  await server.start()
  onTestFinished(() => server.kill())
  return server
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
