import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** Whether a Redis can be started here. If not, a message is printed, and in CI it is an error. */
export function hasRedis(): boolean {
  if (spawnSync('redis-server', ['--version']).status === 0) return true
  const message = 'redis-server is not installed: the tests against a real Redis DID NOT RUN'
  if (process.env['CI'] === 'true') throw new Error(message)
  console.warn(`\n*** ${message} ***\n`)
  return false
}

export async function stopProgram(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** A program that is stopped when the test ends, once it has printed a line of this form. */
export async function startProgram(command: string, words: readonly string[], ready: RegExp) {
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => stopProgram(child))
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += String(chunk)
    if (ready.test(text)) break
  }
  child.stdout.resume()
  return { child, text }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** A Redis of its own on a free port, which keeps nothing on disk. It is stopped when the test ends. */
export async function startRedis() {
  const port = await freePort()
  const quiet = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const { child } = await startProgram('redis-server', ['--port', `${port}`, ...quiet], /Ready to accept/)
  return { child, url: `redis://127.0.0.1:${port}` }
}
