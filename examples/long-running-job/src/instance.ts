import { createApp, type Settings } from './app.js'

/* One instance, in a process of its own. It is started with its settings, prints its address, and follows the emulator's clock. */

const { startedAt, ...settings } = JSON.parse(process.argv[2] ?? '') as Settings & { startedAt: number }
let ahead = 0
process.on('message', (seconds: number) => void (ahead = seconds))
process.on('disconnect', () => process.exit())
const app = await createApp({ ...settings, clock: () => startedAt + ahead })
process.send?.(await app.listen({ port: 0, host: '127.0.0.1' }))
