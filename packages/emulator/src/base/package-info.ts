import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/*
 * The only file that asks for its own address. It stays two folders below the package's: in src, in dist, and in a
 * bundle under dist.
 */

/** Loads a CommonJS module. Not by `import`: Node would first search its text for names, a tenth of a start. */
export const requireModule: NodeJS.Require = createRequire(import.meta.url)

/** The version of this package, from its manifest. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown'
}
