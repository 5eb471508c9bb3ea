import { describeTestAuth } from '@countersign/test-fixtures'
import Koa from 'koa'
import { createTestAuth } from '../src/testing.js'
import { harnessOf } from './harness.js'

describeTestAuth(createTestAuth, harnessOf(Koa))
