import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as core from '@countersign/core'
import type { TokenValidatorOptions, TrustedIssuer } from '@countersign/core'
import * as issuers from '@countersign/core/issuers'
import { UsageError } from '../exit-codes.js'

/** Makes issuers of a JSON file: `{ "entra": { "tenantId": "…", "clientId": "…" } }` is `entra({ … })`. */
const factories: Readonly<Record<string, (options: never) => TrustedIssuer>> = {
  entra: core.entra,
  entraMultiTenant: core.entraMultiTenant,
  oidcIssuer: core.oidcIssuer,
  ...issuers,
}

/** Options that adapters add, and observers: they decide nothing about a token. */
function isIgnored(name: string): boolean {
  return ['allowAnonymous', 'waitForKeys'].includes(name) || /^on[A-Z]/.test(name)
}

/**
 * The options of an API, from a JSON file or a module that exports them (`export default`, or `export const options`).
 * Throws a UsageError that names the file. A module runs as a part of this process.
 */
export async function readConfig(path: string): Promise<TokenValidatorOptions> {
  const options = path.endsWith('.json') ? await readJson(path) : await readModule(path)
  const used = Object.fromEntries(Object.entries(options).filter(([name]) => !isIgnored(name)))
  return used as unknown as TokenValidatorOptions
}

async function readJson(path: string): Promise<object> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new UsageError(`--config: cannot read ${path} (${codeOf(error)})`)
  }
  let options: unknown
  try {
    options = JSON.parse(text)
  } catch {
    throw new UsageError(`--config: ${path} is not JSON`)
  }
  const object = checkObject(path, options) as { issuer?: unknown }
  const { issuer } = object
  return { ...object, issuer: Array.isArray(issuer) ? issuer.map(issuerOf) : issuerOf(issuer) }
}

function issuerOf(issuer: unknown): unknown {
  if (typeof issuer !== 'object' || issuer === null) return issuer
  const [first, ...more] = Object.entries(issuer) as [string, never][]
  const [name, options] = first ?? ['']
  const make = Object.hasOwn(factories, name) ? factories[name] : undefined
  if (make !== undefined && more.length === 0) return make(options as never)
  const names = Object.keys(factories).join(', ')
  throw new UsageError(`--config: "issuer" must be an address, or { "<name>": { … } } of ${names}`)
}

async function readModule(path: string): Promise<object> {
  let module: { readonly default?: unknown; readonly options?: unknown }
  try {
    module = (await import(pathToFileURL(resolve(path)).href)) as typeof module
  } catch (error) {
    throw new UsageError(`--config: cannot load ${path} (${codeOf(error)})${hintFor(path, error)}`)
  }
  return checkObject(path, module.options ?? module.default)
}

function hintFor(path: string, error: unknown): string {
  if (/\.[cm]?tsx?$/.test(path)) return '; this Node may not read TypeScript: compile it first'
  if (!path.endsWith('.js') || codeOf(error) !== 'SyntaxError') return ''
  return '; an ES module is named .mjs, unless its package.json has "type": "module"'
}

function checkObject(path: string, options: unknown): object {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return options
  throw new UsageError(
    `--config: ${path} must hold the options of the API as one object: in a module, its default export or "options"`,
  )
}

/** Of a system error or a module that cannot be loaded; never a message, which may quote the file. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : error.name
}
