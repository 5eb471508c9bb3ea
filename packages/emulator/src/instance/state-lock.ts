import { randomBytes } from 'node:crypto'
import {
  existsSync,
  linkSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { systemCode } from '../base/system-error.js'

/*
 * One process has a state file at a time. Node has no file locks of the system, so the lock is a file next to it, which
 * names its owner and is touched while the owner runs: a lock whose owner was killed is recognised and replaced.
 */

/** The exclusive use of a state file. */
export interface StateLock {
  /** Gives it up. May be called twice. */
  release(): void
}

interface Owner {
  /** Of this lock, random. */
  readonly id: string
  readonly pid: number
  /** In which system and container the process id counts. */
  readonly scope: string
  /** When that process started: another process may have its id by now. */
  readonly started: string
}

const touchEveryMilliseconds = 1000
/** A lock of an owner that cannot be asked for is stale if it is not touched for so long. */
const staleAfterMilliseconds = 3500

/**
 * Takes the lock of a state file. Rejects with a TypeError if another running process has it, or another emulator of
 * this process. Does not protect against programs that ignore the lock.
 */
export async function lockStateFile(path: string): Promise<StateLock> {
  const file = `${path}.lock`
  const own: Owner = {
    id: randomBytes(12).toString('hex'),
    pid: process.pid,
    scope: scopeOfThisProcess(),
    started: startOf(process.pid),
  }
  if (!create(file, own)) {
    const owner = readOwner(file)
    if (await isAlive(file, owner)) throw inUse(path)
    discard(file, owner)
    if (!create(file, own)) throw inUse(path)
  }
  const timer = setInterval(() => touch(file), touchEveryMilliseconds).unref()
  return {
    release() {
      clearInterval(timer)
      if (readOwner(file)?.id === own.id) unlinkSync(file)
    },
  }
}

function inUse(path: string): TypeError {
  return new TypeError(
    `state: ${path} is in use by another emulator: stop that one, or give each a file of its own`,
  )
}

/** False if there is a lock already. */
function create(file: string, owner: Owner): boolean {
  // Written first and then linked: no one sees a lock without its owner.
  const draft = `${file}.${owner.id}`
  try {
    writeFileSync(draft, JSON.stringify(owner), { mode: 0o600, flag: 'wx' })
    linkSync(draft, file)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw new TypeError(`state: cannot write next to the file (${systemCode(error)})`)
  } finally {
    if (existsSync(draft)) unlinkSync(draft)
  }
}

function readOwner(file: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Owner
  } catch {
    return undefined
  }
}

async function isAlive(file: string, owner: Owner | undefined): Promise<boolean> {
  if (owner?.scope === scopeOfThisProcess()) {
    if (startOf(owner.pid) !== owner.started) return false
    if (owner.started !== unknownStart) return true
  }
  // Of another container or machine, or of a system that does not tell when a process started: a running owner touches
  // its lock.
  const before = touchedAt(file)
  for (let waited = 0; waited < staleAfterMilliseconds; waited += 100) {
    await delay(100)
    if (touchedAt(file) !== before) return true
  }
  return false
}

/** Removes a stale lock; a lock that someone else has taken meanwhile is put back. */
function discard(file: string, stale: Owner | undefined): void {
  const aside = `${file}.${randomBytes(12).toString('hex')}`
  try {
    renameSync(file, aside)
  } catch {
    return
  }
  if (readOwner(aside)?.id !== stale?.id && !existsSync(file)) linkSync(aside, file)
  unlinkSync(aside)
}

function touchedAt(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function touch(file: string): void {
  const now = Date.now() / 1000
  try {
    utimesSync(file, now, now)
  } catch {
    // Removed by hand: the next owner is not this one's concern.
  }
}

/** Process ids count within one boot of one machine, and on Linux within one namespace. */
function scopeOfThisProcess(): string {
  const parts = [
    () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    () => readlinkSync('/proc/self/ns/pid'),
  ]
  const known = parts.map((part) => {
    try {
      return part()
    } catch {
      return ''
    }
  })
  return [hostname(), ...known].join(' ')
}

/** Of a process that runs, where the system does not tell when it started. */
const unknownStart = 'running'

/** Something that differs between two processes with the same id; empty for a process that does not run. */
function startOf(pid: number): string {
  try {
    // Field 22; the name before it may contain blanks and parentheses.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').trim().split(' ')
    // A zombie has ended.
    return fields[0] === 'Z' ? '' : (fields[19] ?? '')
  } catch {
    // No such file system, or no such process.
  }
  try {
    process.kill(pid, 0)
    return unknownStart
  } catch (error) {
    return systemCode(error) === 'EPERM' ? unknownStart : ''
  }
}
