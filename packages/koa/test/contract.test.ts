import { describeAdapterContract } from '@countersign/test-fixtures'
import Koa from 'koa'
import Koa2 from 'koa2'
import { harnessOf } from './harness.js'

describeAdapterContract('Koa 3', harnessOf(Koa))
describeAdapterContract('Koa 2', harnessOf(Koa2))
