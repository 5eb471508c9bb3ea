import { describeAdapterContract } from '@countersign/test-fixtures'
import { expressVersions } from './express-versions.js'
import { harnessOf } from './harness.js'

for (const [name, createApp] of expressVersions) describeAdapterContract(name, harnessOf(createApp))
