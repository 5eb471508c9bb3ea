// The live page of the emulator in Chromium: see page-load.mjs.
import { measurePage } from '../page-load.mjs'

export async function page({ quick }) {
  const { facts } = await measurePage(quick ? 5 : 15)
  return [{ title: 'The live page with 5,000 flows, in Chromium', facts }]
}
