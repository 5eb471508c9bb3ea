import { describeAdapterContract } from '@countersign/test-fixtures'
import express from 'express'
import express4 from 'express4'
import { harnessOf } from './harness.js'

describeAdapterContract('Express 5', harnessOf(express))
describeAdapterContract('Express 4', harnessOf(express4))
