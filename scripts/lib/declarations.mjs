// Reads declaration files as a user's compiler sees them: what an entry exports, and every type that those declarations
// mention. Works on `dist/*.d.ts`, which hold no code.
import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseSync } from 'oxc-parser'

const modules = new Map()

/** One parsed file: its declarations, imports and exports by name. */
function readModule(file) {
  let module = modules.get(file)
  if (module === undefined) modules.set(file, (module = parseModule(file)))
  return module
}

function parseModule(file) {
  const text = readFileSync(file, 'utf8')
  const { program, comments, errors } = parseSync(file, text)
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`)
  const module = {
    file,
    text,
    comments,
    declared: new Map(),
    imports: new Map(),
    exports: new Map(),
    stars: [],
  }
  module.augmentations = []
  for (const statement of program.body) readStatement(module, statement)
  return module
}

function readStatement(module, statement) {
  const { type, source, specifiers, declaration, exportKind } = statement
  if (type === 'ImportDeclaration') {
    for (const { type: kind, local, imported } of specifiers) {
      const name = kind === 'ImportSpecifier' ? (imported.name ?? imported.value) : '*'
      module.imports.set(local.name, { source: source.value, name })
    }
  } else if (type === 'ExportAllDeclaration') {
    module.stars.push({ source: source.value, text: textOf(module, statement) })
  } else if (type === 'ExportNamedDeclaration' && declaration === null) {
    for (const { local, exported, exportKind: kind } of specifiers) {
      module.exports.set(exported.name ?? exported.value, {
        name: local.name ?? local.value,
        source: source?.value,
        isType: exportKind === 'type' || kind === 'type',
      })
    }
  } else if (type === 'ExportNamedDeclaration') {
    for (const name of declare(module, declaration, statement)) module.exports.set(name, { name })
  } else if (type === 'TSModuleDeclaration' || type === 'TSGlobalDeclaration') {
    module.augmentations.push({ module, name: '', nodes: [statement], statements: [statement] })
  } else {
    declare(module, statement, statement)
  }
}

/** Records a declaration under its names. Overloads and merged interfaces come together. */
function declare(module, node, statement) {
  const names =
    node.type === 'VariableDeclaration' ? node.declarations.map(({ id }) => id.name) : [node.id?.name]
  for (const name of names.filter((candidate) => candidate !== undefined)) {
    const known = module.declared.get(name) ?? { module, name, nodes: [], statements: [] }
    known.nodes.push(node)
    known.statements.push(statement)
    module.declared.set(name, known)
  }
  return names
}

/** What `name` means in `module`: a declaration of this package, or `{ external, name }`. */
function lookUp(module, name) {
  const declared = module.declared.get(name)
  if (declared !== undefined) return declared
  const imported = module.imports.get(name)
  return imported === undefined ? undefined : follow(module, imported)
}

function follow(module, { source, name }) {
  if (!source.startsWith('.')) return { external: source, name }
  const target = readModule(join(dirname(module.file), source.replace(/\.js$/, '.d.ts')))
  return name === '*' ? undefined : resolveExport(target, name)
}

function resolveExport(module, name) {
  const exported = module.exports.get(name)
  if (exported !== undefined) {
    return exported.source === undefined ? lookUp(module, exported.name) : follow(module, exported)
  }
  for (const { source } of module.stars.filter((star) => star.source.startsWith('.'))) {
    const found = follow(module, { source, name })
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * The surface of an entry: `exported`, by name; `types`, the names exported by `export type`; `stars`, other packages that are exported whole; `mentioned`, declarations
 * that the exported ones mention and that have no name of their own for users; `augmentations` of other modules.
 */
export function readSurface(file) {
  const entry = readModule(file)
  const stars = []
  const exported = new Map()
  const types = new Set()
  collectExports(entry, { exported, types, stars })
  const reached = new Set([...exported.values()].filter((target) => target.nodes !== undefined))
  const augmentations = new Set(entry.augmentations)
  // A set also visits what is added to it meanwhile.
  for (const target of reached) {
    for (const augmentation of target.module.augmentations) augmentations.add(augmentation)
    for (const mentioned of mentionedBy(target)) reached.add(mentioned)
  }
  const named = new Set(exported.values())
  const mentioned = [...reached].filter((target) => !named.has(target))
  return { exported, types, stars, mentioned, augmentations: [...augmentations] }
}

function collectExports(module, surface) {
  const { exported, types, stars } = surface
  for (const name of module.exports.keys()) {
    const target = resolveExport(module, name)
    if (target === undefined) throw new Error(`${module.file}: what is exported as ${name} was not found`)
    if (!exported.has(name)) exported.set(name, target)
    if (module.exports.get(name).isType === true) types.add(name)
  }
  for (const star of module.stars) {
    if (!star.source.startsWith('.')) stars.push(star.source)
    else
      collectExports(
        readModule(resolve(dirname(module.file), star.source.replace(/\.js$/, '.d.ts'))),
        surface,
      )
  }
}

function mentionedBy({ module, nodes }) {
  const found = []
  const add = (name) => {
    const target = name === undefined ? undefined : lookUp(module, name)
    if (target?.nodes !== undefined) found.push(target)
  }
  for (const node of nodes) {
    walk(node, (child) => {
      if (child.type === 'TSTypeReference') add(leftmost(child.typeName))
      else if (child.type === 'TSTypeQuery') add(leftmost(child.exprName))
      else if (child.type === 'TSInterfaceHeritage' || child.type === 'TSClassImplements')
        add(leftmost(child.expression))
      else if (child.type === 'ClassDeclaration') add(child.superClass?.name)
      else if (child.computed === true) add(child.key?.name)
      else if (child.type === 'TSImportType') {
        const target = follow(module, { source: child.source.value, name: leftmost(child.qualifier) })
        if (target?.nodes !== undefined) found.push(target)
      }
    })
  }
  return found
}

function leftmost(node) {
  if (node === null || node === undefined) return undefined
  if (node.type === 'TSQualifiedName') return leftmost(node.left)
  if (node.type === 'MemberExpression') return leftmost(node.object)
  return node.name
}

export function walk(node, visit) {
  if (typeof node?.type !== 'string') return
  visit(node)
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) for (const child of value) walk(child, visit)
    else if (typeof value === 'object') walk(value, visit)
  }
}

/** Whether a declaration is a value at run time. */
export function isValue({ nodes }) {
  return nodes.some(({ type }) => !['TSInterfaceDeclaration', 'TSTypeAliasDeclaration'].includes(type))
}

/** The text of a node without its comments. */
export function textOf(module, node) {
  let text = ''
  let at = node.start
  for (const { start, end } of module.comments) {
    if (start < at || end > node.end) continue
    text += module.text.slice(at, start)
    at = end
  }
  return (text + module.text.slice(at, node.end)).replace(/^\s*\n/gm, '')
}

/** The doc comment right before a node, without its stars; undefined if there is none. */
export function docOf(module, node) {
  const comment = module.comments.findLast(({ end }) => end <= node.start)
  if (comment === undefined || comment.type !== 'Block' || !comment.value.startsWith('*')) return undefined
  if (module.text.slice(comment.end, node.start).trim() !== '') return undefined
  return comment.value
    .slice(1)
    .replace(/^[ \t]*\* ?/gm, '')
    .trim()
}
