// Writes docs/options.md: every option and every member of a validated token, from the declarations and their doc comments, so
// that the tables are the types. `npm run docs:options`; with `--check` a difference is an error.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { docOf, readSurface, textOf } from './lib/declarations.mjs'
import { root } from './lib/packages.mjs'

const file = join(root, 'docs/options.md')
const surfaces = new Map()

const chapters = [
  {
    title: 'Validation: `createTokenValidator`, `bearerAuth`, `createFetchAuth`',
    path: 'core/dist/index.d.ts',
    interfaces: [
      ['TokenValidatorOptions', 'Every validator, and so `bearerAuth` of every adapter'],
      ['AdapterOptions', '`bearerAuth` beside them', 'core/dist/adapter.d.ts'],
      ['EntraOptions', '`entra`'],
      ['EntraMultiTenantOptions', '`entraMultiTenant`'],
      ['OidcIssuerOptions', '`oidcIssuer`'],
      ['StaticIssuerOptions', '`staticIssuer`'],
      ['OidcIssuersOptions', '`oidcIssuers`'],
      ['IntrospectedIssuerOptions', '`introspectedIssuer`'],
      ['DpopOptions', '`dpop`'],
      ['MutualTlsOptions', '`mutualTls`'],
      ['ForwardedCertificateOptions', '`forwardedCertificate`'],
      ['RevocationListOptions', '`createRevocationList`'],
      ['SecurityEventReceiverOptions', '`createSecurityEventReceiver`'],
      ['ProtectedResourceOptions', '`protectedResourceMetadata`'],
    ],
  },
  {
    title: 'What a handler gets',
    path: 'core/dist/index.d.ts',
    interfaces: [
      ['DelegatedToken', "A user’s token (`kind: 'delegated'`)"],
      ['ApplicationToken', "A client’s own token (`kind: 'application'`)"],
      ['TokenOfUnknownKind', "A token of an issuer that does not say (`kind: 'unknown'`)"],
    ],
  },
  {
    title: 'Token client: `createTokenClient`',
    path: 'token-client/dist/index.d.ts',
    interfaces: [
      ['TokenClientOptions', 'The client'],
      ['AcquireOptions', 'Each `acquire…`'],
      ['StoreOptions', '`store`'],
    ],
  },
  {
    title: 'MCP: `createMcpAuth`',
    path: 'mcp/dist/index.d.ts',
    interfaces: [['McpSettings', 'Beside the options of `bearerAuth`']],
  },
]

function surfaceOf(path) {
  if (!surfaces.has(path)) surfaces.set(path, readSurface(join(root, 'packages', path)))
  return surfaces.get(path)
}

function find(path, name) {
  const { exported, mentioned } = surfaceOf(path)
  const target = exported.get(name) ?? mentioned.find((candidate) => candidate.name === name)
  if (target?.nodes === undefined) throw new Error(`${path} has no ${name}`)
  return target
}

/** The members of an interface, those of the interfaces that it extends first. */
function membersOf(path, name) {
  const { module, nodes } = find(path, name)
  return nodes.flatMap((node) => {
    const inherited = (node.extends ?? []).flatMap(({ expression }) => membersOf(path, expression.name))
    const own = node.body.body.map((member) => ({
      name: member.key?.name ?? textOf(module, member.key),
      isOptional: member.optional === true,
      type: typeOf(module, member),
      doc: (docOf(module, member) ?? '').trim().replaceAll(/\s+/g, ' '),
    }))
    return [...inherited, ...own]
  })
}

function typeOf(module, member) {
  if (member.typeAnnotation === null || member.typeAnnotation === undefined) return 'function'
  const text = textOf(module, member.typeAnnotation.typeAnnotation)
    .replaceAll(/\/\*\*[\s\S]*?\*\//g, '')
    .replaceAll(/\s+/g, ' ')
    .replace(/^\((.*)\) \| undefined$/, '$1')
    .replace(/ \| undefined$/, '')
  return text.includes('{') && text.length > 60 ? 'object' : text
}

const cell = (text) => text.replaceAll('|', '\\|')

function tableOf(path, name) {
  const rows = membersOf(path, name).map(
    ({ name: member, isOptional, type, doc }) =>
      `| \`${member}\`${isOptional ? '' : ' *'} | \`${cell(type)}\` | ${cell(doc)} |`,
  )
  return ['| Name | Type | What it is |', '| --- | --- | --- |', ...rows].join('\n')
}

const sections = chapters.map(({ title, path, interfaces }) => {
  const tables = interfaces.map(
    ([name, what, other]) => `### ${name}\n\n${what}.\n\n${tableOf(other ?? path, name)}\n`,
  )
  return `## ${title}\n\n${tables.join('\n')}`
})
const text = `# Options and members

Made from the types by \`npm run docs:options\`. A star marks what is required. Durations are seconds.

${sections.join('\n')}`

const before = readFileSync(file, { encoding: 'utf8', flag: 'a+' })
writeFileSync(file, text)
execFileSync(join(root, 'node_modules/.bin/oxfmt'), [file], { cwd: root })
if (process.argv.includes('--check') && readFileSync(file, 'utf8') !== before) {
  writeFileSync(file, before)
  console.error('docs/options.md differs from the types: run npm run docs:options')
  process.exitCode = 1
}
