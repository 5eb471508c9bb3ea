// The published packages and what their manifests name: the one list that the build and the checks work from.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** Every package under `packages/`, with its parsed manifest. */
export function readPackages() {
  return readdirSync(join(root, 'packages'))
    .map((folder) => join(root, 'packages', folder))
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) }))
    .map(({ folder, manifest }) => ({ folder, manifest, name: manifest.name }))
}

/** The paths below `dist/` that a manifest names, without their extension: of each build, and of CommonJS types. */
export function builtFiles(manifest) {
  const { exports, imports, bin } = manifest
  const targets = new Set(strings([exports, imports, bin]))
  const ofKind = (pattern) => [...targets].flatMap((target) => pattern.exec(target)?.[1] ?? [])
  return {
    esm: ofKind(/^\.\/dist\/(?!cjs\/)(.+)\.js$/),
    cjs: ofKind(/^\.\/dist\/cjs\/(.+)\.cjs$/),
    cts: ofKind(/^\.\/dist\/cjs\/(.+)\.d\.cts$/),
  }
}

/** The entries a user imports: `{ specifier, file }`, the file without its extension and relative to `dist/`. */
export function publicEntries({ manifest, name }) {
  return Object.entries(manifest.exports ?? {}).flatMap(([path, conditions]) => {
    const file = /^\.\/dist\/(.+)\.d\.ts$/.exec(conditions.types ?? '')?.[1]
    return file === undefined ? [] : [{ specifier: name + path.slice(1), file }]
  })
}

function strings(value) {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(strings) : []
}
