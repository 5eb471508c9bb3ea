import { describeAdapterContract } from '@countersign/test-fixtures'
import { harnessOf } from './harness.js'
import { koaVersions } from './koa-versions.js'

describeAdapterContract(koaVersions.map(([name, App]) => [name, harnessOf(App)]))
