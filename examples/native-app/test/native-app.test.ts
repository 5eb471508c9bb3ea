import { it } from 'vitest'

it('finds every answer as it should be', async () => {
  // It throws where one is not.
  await import('../src/main.js')
}, 30_000)
