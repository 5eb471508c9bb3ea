import { describeAdapterContract } from '@countersign/test-fixtures'
import { expressVersions } from './express-versions.js'
import { harnessOf } from './harness.js'

describeAdapterContract(expressVersions.map(([name, createApp]) => [name, harnessOf(createApp)]))
