// A job as an application writes it: acquire, disconnect, end. It gets its addresses and what it does as arguments.
import KeyvRedis from '@keyv/redis'
import Keyv from 'keyv'
import { clientSecret, createTokenClient, entraAuthority } from '../dist/index.js'

const [redisUrl, origin, closes] = process.argv.slice(2)
const adapter = new KeyvRedis(redisUrl)
const client = createTokenClient({
  authority: entraAuthority({
    tenantId: '0f0e0d0c-0b0a-4908-8706-050403020100',
    version: '2.0',
    cloud: { authority: origin },
  }),
  clientId: 'job',
  credential: clientSecret('secret'),
  store: { keyv: new Keyv(adapter), keys: [{ secret: Buffer.alloc(32, 'k') }], timeoutSeconds: 2 },
})
await client.acquireForApp({ resource: 'api://orders' })
if (closes === 'close') await client.close()
await adapter.disconnect()
console.log('done')
