import { Script } from 'node:vm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeUnder, readDocument, runCode, tokenForToday } from './documents.js'
import { apiClientId, genericIssuer, genericSubject, tenantId, userObjectId } from './identities.js'
import { startIssuer, type Issuer } from './issuer.js'
import { sendRequest } from './send-request.js'

/** A guide under `docs/migration`, and what the code after the migration is run with. */
export interface Migration {
  /** The guide's name, without its ending. */
  readonly guide: string
  /** The adapter's package. */
  readonly adapter: string
  /** A folder that can import the adapter and its framework. */
  readonly folder: URL
  /** How the guide listens, and how it listens on a free port instead, exporting `started`: the server's address and end. */
  readonly listening: readonly [inTheGuide: string, inTheTest: string]
  /** Which issuer the guide is about. */
  readonly from: 'v2Delegated' | 'generic'
  /** Every option of the old library. */
  readonly options: readonly string[]
}

interface Started {
  readonly origin: string
  stop(): Promise<void>
}

/** Runs the code after the migration against a real issuer, and looks for every option of the old library. */
export function describeMigration(migration: Migration): void {
  const { guide, adapter, folder, listening, from, options } = migration

  describe(`the guide from ${guide}`, () => {
    let issuer: Issuer
    let document: string
    let api: Started

    beforeAll(async () => {
      issuer = await startIssuer()
      document = await readDocument(`docs/migration/${guide}.md`)
      const changes: Record<string, string> = { [listening[0]]: listening[1] }
      if (from === 'generic') {
        const value = JSON.stringify({ issuer: genericIssuer, metadataUrl: issuer.genericMetadataUrl })
        changes["issuer: 'https://login.example/'"] =
          `issuer: (await import('${adapter}')).oidcIssuer(${value})`
      } else {
        changes["tenantId: '<tenant id>'"] = `tenantId: '${tenantId}', cloud: ${JSON.stringify(issuer.cloud)}`
        changes["'<client id>'"] = `'${apiClientId}'`
      }
      api = (await runCode(codeUnder('## After', document), folder, changes))['started'] as Started
    })
    afterAll(async () => {
      await api.stop()
      await issuer.stop()
    })

    const ask = (claims?: Record<string, unknown>) =>
      sendRequest(api.origin, {
        path: '/files',
        authorization: [`Bearer ${tokenForToday({ from, ...(claims && { claims }) })}`],
      })

    it('ends in code that answers a caller with the scope', async () => {
      const answer = await ask()
      expect(answer.status).toBe(200)
      expect(JSON.parse(answer.body)).toMatchObject({
        user: from === 'generic' ? genericSubject : userObjectId,
      })
    })

    it('ends in code that refuses every other caller', async () => {
      const stranger = await sendRequest(api.origin, { path: '/files' })
      expect([stranger.status, stranger.header('www-authenticate')]).toEqual([401, ['Bearer']])
      expect((await ask({ aud: 'https://another.example' })).status).toBe(401)
      expect((await ask({ exp: 1 })).status).toBe(401)
      expect((await ask({ scope: 'other', scp: 'Other' })).status).toBe(403)
    })

    it('shows the code before, as CommonJS that can be run', () => {
      const before = codeUnder('## Before', document)
      expect(before).toContain('require(')
      expect(() => new Script(before)).not.toThrow()
    })

    it.each(options)('says what replaces %s', (option) => {
      const rows = document.split('\n').filter((line) => line.startsWith('| '))
      const named = new RegExp(`^\\| [^|]*\`(\\w+\\.)?${option}(: [^\`]*)?\``)
      expect(rows.filter((row) => named.test(row))).toHaveLength(1)
    })
  })
}
