import { it } from 'vitest'

it('finds every answer of its API as it should be', async () => {
  // It throws where one is not.
  await import('../src/main.js')
})
