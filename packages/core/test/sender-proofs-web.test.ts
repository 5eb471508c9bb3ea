import { expect, it, vi } from 'vitest'
import { platform } from '#platform'

/* The tests of sender proofs once more, with the engine of Deno, Bun, Workers and browsers. */

vi.mock('#platform', () => import('../src/platform-web.js'))

it('is in use', () => {
  expect(platform.redirect).toBe('manual')
})

await import('./dpop.test.js')
await import('./mutual-tls.test.js')
