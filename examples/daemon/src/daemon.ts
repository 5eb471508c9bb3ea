import type { TokenClient } from '@countersign/token-client'

/** One run of the job: reads the things by a token of the daemon's own, and counts them. */
export function createJob(client: TokenClient, apiOrigin: string, resource: string): () => Promise<number> {
  // It sends the token to this origin alone. Tokens are kept and renewed: most runs send no token request.
  const fetchThings = client.createFetch({ target: { resource }, origin: apiOrigin })
  return async () => {
    const answer = await fetchThings(`${apiOrigin}/things`)
    if (!answer.ok) throw new Error(`the API answered ${answer.status}`)
    const { things } = (await answer.json()) as { things: string[] }
    return things.length
  }
}
