import { createRequire } from 'node:module'
import * as imported from '@countersign/koa'
import { describeBothBuilds } from '@countersign/test-fixtures'
import Koa from 'koa'
import { harnessOf } from './harness.js'

const required = createRequire(import.meta.url)('@countersign/koa') as typeof imported

describeBothBuilds({ import: imported, require: required }, (build) => harnessOf(Koa, build))
