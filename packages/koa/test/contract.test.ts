import { describeAdapterContract } from '@countersign/test-fixtures'
import { harnessOf } from './harness.js'
import { koaVersions } from './koa-versions.js'

for (const [name, App] of koaVersions) describeAdapterContract(name, harnessOf(App))
