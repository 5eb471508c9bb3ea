export type Json = Readonly<Record<string, unknown>>

export interface Read {
  readonly parts: readonly string[]
  readonly header: Json | undefined
  readonly claims: Json | undefined
}

/** Reads what was pasted: with or without `Bearer`, quotes and line breaks around it. */
export function readPasted(text: string): string {
  return text
    .trim()
    .replace(/^authorization: */i, '')
    .replace(/^bearer +/i, '')
    .replaceAll(/["'\s]/g, '')
}

export function readToken(token: string): Read {
  const parts = token.split('.')
  const part = (index: number): Json | undefined => {
    try {
      const value: unknown = JSON.parse(Buffer.from(parts[index] ?? '', 'base64url').toString('utf8'))
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
    } catch {
      return undefined
    }
  }
  return { parts, header: part(0), claims: parts.length === 3 ? part(1) : undefined }
}

/** A member of a token as text, of any type. */
export function written(value: unknown, absent = ''): string {
  if (value === undefined) return absent
  return typeof value === 'string' ? value : JSON.stringify(value)
}
