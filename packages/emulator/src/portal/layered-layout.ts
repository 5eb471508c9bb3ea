/*
 * A layered drawing of a small graph: columns from left to right, each arrow to a later column, few crossings. Sugiyama's
 * method in its simplest form: layers by the longest path, an order by barycentres, then places.
 */

export interface LayoutNode {
  readonly id: string
  readonly width: number
  readonly height: number
  /** The first column it may be in. */
  readonly least: number
}

export interface LayoutEdge {
  readonly id: string
  readonly from: string
  readonly to: string
  /** The height that it needs beside a node. */
  readonly space: number
}

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Placed extends Point {
  readonly column: number
}

export interface Layout {
  readonly width: number
  readonly height: number
  /** The left edge of each column. */
  readonly columns: readonly number[]
  /** The upper left corner of each node. */
  readonly nodes: ReadonlyMap<string, Placed>
  /** From node to node, a point at each side of every column between. */
  readonly edges: ReadonlyMap<string, readonly Point[]>
}

export interface Spacing {
  /** The gap to the right of a column. */
  readonly column: (index: number) => number
  readonly row: number
  readonly margin: number
  readonly top: number
}

/** A node, or the place where a long arrow crosses a column. */
interface Cell {
  readonly id: string
  readonly column: number
  readonly width: number
  readonly height: number
  y: number
  readonly before: Cell[]
  readonly after: Cell[]
}

const sweeps = 8

export function layeredLayout(
  nodes: readonly LayoutNode[],
  edges: readonly LayoutEdge[],
  spacing: Spacing,
): Layout {
  const known = new Map(nodes.map((node) => [node.id, node]))
  const drawn = edges.filter(({ from, to }) => from !== to && known.has(from) && known.has(to))
  const columnOf = layersOf(nodes, drawn)
  const columns: Cell[][] = []
  const cells = new Map<string, Cell>()
  const place = (id: string, column: number, width: number, height: number): Cell => {
    const cell: Cell = { id, column, width, height, y: 0, before: [], after: [] }
    while (columns.length <= column) columns.push([])
    columns[column]?.push(cell)
    return cell
  }
  for (const { id, width, height } of nodes) cells.set(id, place(id, columnOf.get(id) ?? 0, width, height))
  const paths = new Map<string, Cell[]>()
  for (const { id, from, to } of drawn) {
    const [start, end] = [cells.get(from), cells.get(to)]
    if (start === undefined || end === undefined) continue
    const path = [start]
    for (let column = start.column + 1; column < end.column; column += 1) {
      path.push(place(`${id} ${column}`, column, 0, 12))
    }
    path.push(end)
    paths.set(id, path)
    if (end.column <= start.column) continue
    for (const [index, cell] of path.slice(1).entries()) {
      path[index]?.after.push(cell)
      cell.before.push(path[index] as Cell)
    }
  }
  order(columns)
  assignRows(columns, spacing)

  const widths = columns.map((column) => Math.max(0, ...column.map(({ width }) => width)))
  const lefts: number[] = []
  for (let count = 0; count < widths.length; count += 1) {
    const last = lefts.length - 1
    lefts.push(last < 0 ? spacing.margin : (lefts[last] ?? 0) + (widths[last] ?? 0) + spacing.column(last))
  }
  const bottom = Math.max(0, ...columns.flat().map(({ y, height }) => y + height))
  return {
    width: (lefts.at(-1) ?? 0) + (widths.at(-1) ?? 0) + spacing.margin,
    height: bottom + spacing.margin,
    columns: lefts,
    nodes: new Map(
      [...cells].map(([id, { column, y }]) => [id, { column, x: lefts[column] ?? 0, y }] as const),
    ),
    edges: routes(paths, new Map(drawn.map(({ id, space }) => [id, space])), lefts, widths),
  }
}

/** The longest path from a node without a caller. An arrow that closes a circle does not count. */
function layersOf(nodes: readonly LayoutNode[], edges: readonly LayoutEdge[]): Map<string, number> {
  const callers = new Map<string, string[]>()
  for (const { from, to } of edges) callers.set(to, [...(callers.get(to) ?? []), from])
  const least = new Map(nodes.map((node) => [node.id, node.least]))
  const layers = new Map<string, number>()
  const open = new Set<string>()
  const layerOf = (id: string): number => {
    const found = layers.get(id)
    if (found !== undefined) return found
    if (open.has(id)) return -1
    open.add(id)
    const layer = Math.max(
      least.get(id) ?? 0,
      ...(callers.get(id) ?? []).map((caller) => layerOf(caller) + 1),
    )
    open.delete(id)
    layers.set(id, layer)
    return layer
  }
  for (const { id } of nodes) layerOf(id)
  return layers
}

/** Orders each column by the middle of its neighbours, forwards and backwards in turn. */
function order(columns: Cell[][]): void {
  for (let sweep = 0; sweep < sweeps; sweep += 1) {
    const isForward = sweep % 2 === 0
    const rank = new Map<Cell, number>()
    const note = (column: readonly Cell[]): void => column.forEach((cell, index) => rank.set(cell, index))
    columns.forEach(note)
    for (const column of isForward ? columns : columns.toReversed()) {
      const weight = new Map(
        column.map((cell, index) => {
          const near = isForward ? cell.before : cell.after
          const ranks = near.map((other) => rank.get(other) ?? 0)
          return [cell, ranks.length === 0 ? index : mean(ranks)] as const
        }),
      )
      column.sort((a, b) => (weight.get(a) ?? 0) - (weight.get(b) ?? 0))
      note(column)
    }
  }
}

/** Each cell as near to the middle of its neighbours as the order and the gaps allow. */
function assignRows(columns: readonly Cell[][], { row, top }: Spacing): void {
  const stack = (column: readonly Cell[], wanted: (cell: Cell) => number): void => {
    let next = Number.NEGATIVE_INFINITY
    const shifts: number[] = []
    for (const cell of column) {
      const best = wanted(cell) - cell.height / 2
      cell.y = Math.max(best, next)
      shifts.push(cell.y - best)
      next = cell.y + cell.height + row
    }
    // What had to move down for its neighbours above moves back by the half of it, with the whole column.
    const back = shifts.length === 0 ? 0 : mean(shifts)
    for (const cell of column) cell.y -= back
  }
  for (const column of columns) {
    let y = 0
    for (const cell of column) {
      cell.y = y
      y += cell.height + row
    }
    for (const cell of column) cell.y -= y / 2
  }
  for (let sweep = 0; sweep < sweeps; sweep += 1) {
    const isForward = sweep % 2 === 0
    for (const column of isForward ? columns : columns.toReversed()) {
      stack(column, (cell) => {
        const near = isForward ? [...cell.before, ...cell.after] : [...cell.after, ...cell.before]
        return near.length === 0
          ? cell.y + cell.height / 2
          : mean(near.map(({ y, height }) => y + height / 2))
      })
    }
  }
  const highest = Math.min(0, ...columns.flat().map(({ y }) => y))
  for (const cell of columns.flat()) cell.y = Math.round(cell.y - highest + top)
}

/** Arrows that leave or reach a node at the same side are spread along it, in the order of their other ends. */
function routes(
  paths: ReadonlyMap<string, readonly Cell[]>,
  spaces: ReadonlyMap<string, number>,
  lefts: readonly number[],
  widths: readonly number[],
): Map<string, readonly Point[]> {
  const ports = new Map<string, number>()
  const spread = (side: 'out' | 'in'): void => {
    const groups = new Map<Cell, [string, Cell][]>()
    for (const [id, path] of paths) {
      const isOut = side === 'out'
      const cell = (isOut ? path[0] : path.at(-1)) as Cell
      const other = (isOut ? path[1] : path.at(-2)) as Cell
      groups.set(cell, [...(groups.get(cell) ?? []), [id, other]])
    }
    for (const [cell, group] of groups) {
      group.sort(([, a], [, b]) => a.y + a.height / 2 - (b.y + b.height / 2))
      const needed = group.map(([id]) => spaces.get(id) ?? 0)
      const sum = needed.reduce((total, space) => total + space, 0)
      const scale = Math.min(1, (cell.height - 8) / Math.max(1, sum))
      let at = cell.y + cell.height / 2 - (sum * scale) / 2
      group.forEach(([id], index) => {
        const space = (needed[index] ?? 0) * scale
        ports.set(`${side} ${id}`, at + space / 2)
        at += space
      })
    }
  }
  spread('out')
  spread('in')
  const right = (column: number): number => (lefts[column] ?? 0) + (widths[column] ?? 0)
  return new Map(
    [...paths].map(([id, path]) => {
      const [start, end] = [path[0] as Cell, path.at(-1) as Cell]
      const from = { x: right(start.column), y: ports.get(`out ${id}`) ?? 0 }
      const isBack = end.column <= start.column
      const to = { x: isBack ? right(end.column) : (lefts[end.column] ?? 0), y: ports.get(`in ${id}`) ?? 0 }
      const between = isBack
        ? []
        : path.slice(1, -1).flatMap(({ column, y, height }) => [
            { x: lefts[column] ?? 0, y: y + height / 2 },
            { x: right(column), y: y + height / 2 },
          ])
      return [id, [from, ...between, to]] as const
    }),
  )
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
