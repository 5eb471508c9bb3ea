/** One challenge of a `WWW-Authenticate` header (RFC 9110 section 11.6.1). */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string
  /** By lower-case name. A parameter that occurs twice is ambiguous and is left out. */
  readonly parameters: ReadonlyMap<string, string>
}

const maxHeaderLength = 16_384
const maxClaimsLength = 8192

/**
 * Reads the challenges of a header, several headers joined by commas included. Tolerates what services send: parameters
 * without quotes, and JSON with its own quotes inside a quoted value. Text that is not a challenge ends the reading.
 */
export function readChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string>; repeated: Set<string> }[] = []
  if (header.length > maxHeaderLength) return challenges
  let rest = header
  // The search for the end of each JSON value reads the whole rest: a header full of braces must not cost the square of its length.
  let jsonLeft = 4
  const take = (pattern: RegExp): string | undefined => {
    const found = pattern.exec(rest)?.[0]
    if (found !== undefined) rest = rest.slice(found.length)
    return found
  }
  for (take(/^[\s,]*/); rest !== ''; take(/^[\s,]*/)) {
    const current = challenges.at(-1)
    const name = current && take(/^[\w!#$%&'*+.^`|~-]+\s*=\s*/)
    if (current !== undefined && name !== undefined) {
      const key = name.slice(0, name.indexOf('=')).trim().toLowerCase()
      const value = takeValue()
      if (current.parameters.has(key)) current.repeated.add(key)
      if (value !== undefined) current.parameters.set(key, value)
      continue
    }
    const scheme = take(/^[\w!#$%&'*+.^`|~-]+(?=\s|,|$)/)
    if (scheme === undefined) break
    challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map(), repeated: new Set() })
    // A token68, as Negotiate sends it.
    take(/^\s+[\w.~+/-]+=*(?=\s*(?:,|$))/)
  }
  for (const { parameters, repeated } of challenges) for (const name of repeated) parameters.delete(name)
  return challenges

  function takeValue(): string | undefined {
    if (/^"?\{/.test(rest) && jsonLeft-- > 0) {
      const start = rest.startsWith('"') ? 1 : 0
      const json = readJsonAtStart(rest.slice(start))
      if (json !== undefined) {
        rest = rest.slice(start + json.length + (rest[start + json.length] === '"' ? 1 : 0))
        return json
      }
    }
    const quoted = take(/^"(?:[^"\\]|\\.)*"/)
    if (quoted !== undefined) return quoted.slice(1, -1).replaceAll(/\\(.)/g, '$1')
    return take(/^[^\s,"]+/)
  }
}

/**
 * The claims of a challenge, as JSON text; `undefined` when there is none that can be answered. A challenge whose
 * `authorization_uri` is not an own address is not answered: it belongs to another service.
 */
export function readClaimsChallenge(
  header: string | null,
  isOwnAddress: (uri: URL) => boolean,
): string | undefined {
  for (const { scheme, parameters } of readChallenges(header ?? '')) {
    if (scheme !== 'bearer') continue
    const uri = parameters.get('authorization_uri')
    if (uri !== undefined && !(URL.canParse(uri) && isOwnAddress(new URL(uri)))) continue
    const claims = decodeClaims(parameters.get('claims') ?? '')
    if (claims !== undefined) return claims
  }
  return undefined
}

/** Whether a challenge says that the token is not accepted, and nothing else (RFC 6750 section 3.1). */
export function refusesToken(header: string | null): boolean {
  const challenges = readChallenges(header ?? '')
  return challenges.some(
    ({ scheme, parameters }) =>
      (scheme === 'bearer' || scheme === 'dpop') &&
      parameters.get('error') === 'invalid_token' &&
      !parameters.has('claims'),
  )
}

/** Standard base64, base64url, with or without padding, or the JSON itself. */
function decodeClaims(text: string): string | undefined {
  try {
    const json = /^\s*\{/.test(text) ? text : decodeBase64(text)
    const value: unknown = JSON.parse(json)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject && json.length <= maxClaimsLength ? json : undefined
  } catch {
    return undefined
  }
}

function decodeBase64(text: string): string {
  if (!/^[\w+/-]+={0,2}$/.test(text)) throw new TypeError('not base64')
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'base64'))
}

/** The JSON object a text begins with, found by its braces. */
function readJsonAtStart(text: string): string | undefined {
  let depth = 0
  let isInString = false
  for (let index = 0; index < text.length; index++) {
    const character = text[index]
    if (isInString && character === '\\') index++
    else if (character === '"') isInString = !isInString
    else if (!isInString && character === '{') depth++
    else if (!isInString && character === '}' && --depth === 0) {
      const json = text.slice(0, index + 1)
      return isJson(json) ? json : undefined
    }
  }
  return undefined
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
