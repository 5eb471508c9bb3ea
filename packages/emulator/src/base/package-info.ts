import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/*
 * The only file that asks for its own address. It stays two folders below the package's: in src, in dist, and in a
 * bundle under dist.
 */

/** Loads a CommonJS module. Not by `import`: Node would first search its text for names, a tenth of a start. */
export const requireModule: NodeJS.Require = createRequire(import.meta.url)

/** The files of the page. */
export type PageFile = 'theme.css' | 'portal.css' | 'page.js' | 'live.js'

/** A file of the page, from the package's folder `page`. */
export function pageFile(name: PageFile): string {
  const manifest = new URL('../../package.json', import.meta.url)
  return readFileSync(new URL(`page/${name}`, manifest), 'utf8')
}

/** The version of this package, from its manifest. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown'
}
