// For workerd: its own test command calls `test`.
import { check } from './check.mjs'

export default {
  async test() {
    console.log(`${await check()} checks passed`)
  },
}
