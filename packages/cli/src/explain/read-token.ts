/** A token as it was found in a text, and what was removed around it. */
export interface FoundToken {
  readonly token: string
  /** One sentence for each thing that the API would have received as well. */
  readonly notes: readonly string[]
}

/** Finds the token in what a person pasted: after `Bearer`, in quotes, over several lines, in a token response. */
export function findToken(input: string): FoundToken {
  const notes: string[] = []
  let text = input.trim()
  const answered = accessTokenIn(text)
  if (answered !== undefined) {
    notes.push('The text is a token response; its access_token is explained.')
    text = answered
  }
  if (/^(['"]).*\1$/s.test(text)) {
    notes.push('The token was in quotes. Sent with them, it is refused as malformed.')
    text = text.slice(1, -1)
  }
  if (/^authorization:/i.test(text)) text = text.replace(/^authorization:\s*/i, '')
  if (/^(bearer|dpop)\s/i.test(text)) {
    notes.push('The scheme before the token was removed.')
    text = text.replace(/^\w+\s+/, '')
  }
  if (/\s/.test(text)) {
    notes.push(
      'Spaces or line breaks inside the token were removed. Sent with them, it is refused as malformed.',
    )
    text = text.replaceAll(/\s+/g, '')
  }
  return { token: text, notes }
}

function accessTokenIn(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    const { access_token: token } = JSON.parse(text) as { access_token?: unknown }
    return typeof token === 'string' ? token : undefined
  } catch {
    return undefined
  }
}
