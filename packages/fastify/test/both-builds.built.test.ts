import { createRequire } from 'node:module'
import * as imported from '@countersign/fastify'
import { describeBothBuilds } from '@countersign/test-fixtures'
import Fastify from 'fastify'
import { harnessOf } from './harness.js'

const required = createRequire(import.meta.url)('@countersign/fastify') as typeof imported

describeBothBuilds({ import: imported, require: required }, (build) => harnessOf(Fastify, build))
