const segmenter = new Intl.Segmenter('en')

/** The characters of a text, as a reader counts them. */
export function charactersOf(text: string): readonly string[] {
  if (/^[\x20-\x7e]*$/.test(text)) return text.split('')
  return Array.from(segmenter.segment(text), ({ segment }) => segment)
}

/** At most so many characters; the last is an ellipsis if there were more. */
export function shortened(text: string, most: number): string {
  // A name may be long, and only its begin is of interest.
  const characters = charactersOf(text.slice(0, most * 8))
  const isWhole = text.length <= most * 8 && characters.length <= most
  return isWhole ? text : `${characters.slice(0, most - 1).join('')}…`
}
