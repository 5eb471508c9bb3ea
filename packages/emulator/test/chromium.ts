import { createHash, X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium } from 'playwright-core'

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'

export const hasChromium: boolean = existsSync(executablePath)
if (!hasChromium) {
  if (process.env['CI'] === 'true') throw new Error(`no Chromium at ${executablePath}: CI must have it`)
  console.warn(`NOT TESTED in a browser: there is no Chromium at ${executablePath} (set CHROMIUM_PATH)`)
}

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath, args })
}

/**
 * Starts Chromium in a profile of its own (a folder that is there), which trusts one more certificate (PEM) and no other
 * than that. Frames of other sites have their cookies, as in Chrome and Edge; Debian's build has that off.
 */
export async function launchProfile(folder: string, trusted: string): Promise<BrowserContext> {
  await mkdir(join(folder, 'Default'))
  await writeFile(
    join(folder, 'Default', 'Preferences'),
    JSON.stringify({ profile: { cookie_controls_mode: 0 } }),
  )
  return chromium.launchPersistentContext(folder, {
    executablePath,
    args: [...args, `--ignore-certificate-errors-spki-list=${keyDigest(trusted)}`],
  })
}

function keyDigest(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(key).digest('base64')
}
