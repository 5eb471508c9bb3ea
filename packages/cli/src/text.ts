import { styleText } from 'node:util'

export type Style = 'bold' | 'cyan' | 'dim' | 'green' | 'red' | 'yellow'

/** Colours a text; without colours it stays as it is. Words carry the meaning, never a colour alone. */
export type Paint = (style: Style, text: string) => string

export function createPaint(isColoured: boolean): Paint {
  return (style, text) => (isColoured ? styleText(style, text, { validateStream: false }) : text)
}

/** A text in lines of at most `columns`, each after the first indented; a word is never broken. */
export function wrap(text: string, columns: number, indent: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const isFull = line !== '' && line.length + 1 + word.length > columns - indent.length
    if (isFull) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  lines.push(line)
  return lines.map((each, index) => (index === 0 ? each : indent + each))
}

/** "4 min", "3 h 2 min": a length of time in at most two units. */
export function duration(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const
  let rest = Math.round(Math.abs(seconds))
  const parts: string[] = []
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count} ${unit}`)
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.length === 0 ? '0 s' : parts.join(' ')
}

/** "1 check", "3 checks". */
export function count(number: number, one: string, several: string = `${one}s`): string {
  return `${number} ${number === 1 ? one : several}`
}

/** Nothing that moves a cursor or breaks a line, and no more than a line of it. */
export function printable(text: string, most = 200): string {
  const safe = text.replaceAll(/[^\x20-\x7E]/g, '?')
  return safe.length > most ? `${safe.slice(0, most)}…` : safe
}

/** A name of a registration or a directory, without what moves a cursor or changes the direction of the line. */
export function visible(name: string): string {
  return name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}
