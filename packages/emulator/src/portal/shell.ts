/*
 * Lines that a person copies into a shell. Parts of a recorded request were chosen by its sender, which may be a
 * web page elsewhere.
 */

/** A text as one word of a POSIX shell. A character that a terminal may act on is replaced. */
export function quoted(text: string): string {
  return `'${text.replaceAll(/\p{C}/gu, '?').replaceAll("'", String.raw`'\''`)}'`
}

/**
 * A part of an address or form, percent-encoded except for characters that no shell and no option of curl gives a
 * meaning. The path of a recorded request is encoded in part already: its `%` stays.
 */
export function encodedPart(text: string, unchanged: '' | '%' = ''): string {
  return text.replaceAll(/[^\w.~:/[\]-]/gu, (character) =>
    character === unchanged ? character : percentEncoded(character),
  )
}

function percentEncoded(character: string): string {
  return Buffer.from(character).toString('hex').toUpperCase().replaceAll(/../g, '%$&')
}
