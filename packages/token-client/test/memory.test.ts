import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { clientSecret, createTokenClient, entraAuthority } from '@countersign/token-client'
import { expect, it } from 'vitest'
import { clientId, target, tenantId, theSecret, userToken } from './setup.js'

// The long form: COUNTERSIGN_USERS=1000000 npx vitest run packages/token-client/test/memory.test.ts
const isWhole = process.env['COUNTERSIGN_WHOLE'] === '1'
const users = Number(process.env['COUNTERSIGN_USERS'] ?? (isWhole ? 20_000 : 8000))

it(`memory is flat over ${users} distinct users, of whom it keeps 2,000`, async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  let count = 0
  const client = createTokenClient({
    authority: entraAuthority({ tenantId, version: '2.0' }),
    clientId,
    credential: clientSecret(theSecret),
    clock: () => 1_800_000_000 + count / 1000,
    cache: { maxEntries: 2000 },
    fetch: async () =>
      Response.json({ token_type: 'Bearer', expires_in: 3599, access_token: `${count}${'t'.repeat(1500)}` }),
  })
  const heapAfter = async (end: number) => {
    for (; count < end; count++) {
      const token = userToken({ oid: `user ${count}`, exp: 1_900_000_000 })
      await client.acquireOnBehalfOf(token, target)
    }
    // The garbage of a request is released in later turns of the event loop.
    for (let turn = 0; turn < 3; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      collectGarbage()
    }
    return process.memoryUsage().heapUsed / 2 ** 20
  }
  const early = await heapAfter(users / 4)
  const late = await heapAfter(users)
  console.info(`${users} users: ${early.toFixed(1)} MiB after a quarter, ${late.toFixed(1)} MiB at the end`)
  expect(late - early).toBeLessThan(5)
}, 3_600_000)
