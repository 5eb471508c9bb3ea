#!/usr/bin/env node
import { run } from './run.js'

// Before the start: a signal during the start is not lost.
const stopped = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
})

process.exitCode = await run(
  process.argv.slice(2),
  {
    write: (line) => process.stdout.write(`${line}\n`),
    complain: (line) => process.stderr.write(`${line}\n`),
    untilStopped: () => stopped,
  },
  process.env,
)
