import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** `countersign emulator`: the emulator's own command, in this process. Resolves when it has ended, to its exit code. */
export async function emulator(args: readonly string[]): Promise<number> {
  const manifest = createRequire(import.meta.url).resolve('@countersign/emulator/package.json')
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: { 'countersign-emulator': string } }
  const file = join(dirname(manifest), bin['countersign-emulator'])
  process.argv = [process.argv[0] ?? '', file, ...args]
  await import(pathToFileURL(file).href)
  return Number(process.exitCode ?? 0)
}
