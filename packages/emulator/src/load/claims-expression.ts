type Claims = Readonly<Record<string, unknown>>

const part = /^claims\['([\w:/.-]{1,100})'\] (eq|matches) '([^']{1,500})'$/

/**
 * A flexible federated credential: `claims['sub'] matches 'repo:contoso/*'`, parts joined by ` and `. `*` matches
 * any number of characters, `?` one. Undefined for a text of another form.
 */
export function readClaimsExpression(text: string): ((claims: Claims) => boolean) | undefined {
  const checks = text.split(' and ').map((piece) => {
    const [, name, operator, value] = part.exec(piece.trim()) ?? []
    if (name === undefined || value === undefined) return undefined
    const isWanted =
      operator === 'eq' ? (claim: string) => claim === value : (claim: string) => isLike(claim, value)
    return (claims: Claims): boolean => {
      const claim = claims[name]
      return typeof claim === 'string' && isWanted(claim)
    }
  })
  if (checks.some((check) => check === undefined)) return undefined
  return (claims) => checks.every((check) => check?.(claims))
}

/** Compared in one pass with one step back per star, so that no pattern takes long. */
function isLike(text: string, pattern: string): boolean {
  let [at, place, star, resume] = [0, 0, -1, 0]
  while (at < text.length) {
    if (pattern[place] === '*') {
      star = place
      place += 1
      resume = at
    } else if (place < pattern.length && (pattern[place] === '?' || pattern[place] === text[at])) {
      at += 1
      place += 1
    } else if (star >= 0) {
      place = star + 1
      resume += 1
      at = resume
    } else return false
  }
  return /^\**$/.test(pattern.slice(place))
}
