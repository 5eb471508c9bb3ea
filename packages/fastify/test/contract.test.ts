import { describeAdapterContract } from '@countersign/test-fixtures'
import { harness } from './harness.js'

describeAdapterContract('Fastify 5', harness)
