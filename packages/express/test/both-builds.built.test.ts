import { createRequire } from 'node:module'
import * as imported from '@countersign/express'
import { describeBothBuilds } from '@countersign/test-fixtures'
import express from 'express'
import { harnessOf } from './harness.js'

const required = createRequire(import.meta.url)('@countersign/express') as typeof imported

describeBothBuilds({ import: imported, require: required }, (build) => harnessOf(express, build))
