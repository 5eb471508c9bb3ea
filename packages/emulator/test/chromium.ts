import { createHash, X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'

export const hasChromium: boolean = existsSync(executablePath)
if (!hasChromium) {
  if (process.env['CI'] === 'true') throw new Error(`no Chromium at ${executablePath}: CI must have it`)
  console.warn(`NOT TESTED in a browser: there is no Chromium at ${executablePath} (set CHROMIUM_PATH)`)
}

/** Starts Chromium, which trusts one more certificate (PEM) if it is given, and no other than that. */
export function launchChromium(trusted?: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...(trusted === undefined ? [] : [`--ignore-certificate-errors-spki-list=${keyDigest(trusted)}`]),
    ],
  })
}

function keyDigest(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(key).digest('base64')
}
