// The live page under load, in a real Chromium; ends with 1 if it drops below 50 frames a second.
//   node benchmarks/page-load.mjs [seconds], or npm run bench -- page
// 5,000 flows are there, 100 requests a second come in, and the list is scrolled all the while. Frames are counted by
// requestAnimationFrame; the longest time between two of them is reported as well.
import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const rows = 5000
const perSecond = 100
const leastFrames = 50
const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === 'serve') await serve()
  else await main(Number(process.argv[2] ?? 15))
}

/** The emulator in a process of its own, which makes the requests itself. */
async function serve() {
  const { startEmulator } = await import('@countersign/emulator')
  const emulator = await startEmulator()
  const response = await fetch(`${emulator.controlApi.address}/directory`, {
    headers: { authorization: `Bearer ${emulator.controlApi.token}` },
  })
  const { tenants, applications } = await response.json()
  const clientId = applications.find(({ displayName }) => displayName === 'daemon').appId
  const url = `${emulator.origin}/${tenants[0].id}/oauth2/v2.0/token`
  let count = 0
  const ask = async () => {
    count += 1
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      // Every tenth is refused.
      client_secret: count % 10 === 0 ? 'wrong' : 'not-a-secret-daemon',
      scope: 'api://api/.default',
    })
    await (await fetch(url, { method: 'POST', body })).arrayBuffer()
  }
  process.on('message', async ({ fill, rate }) => {
    for (let made = 0; made < (fill ?? 0); made += 25) await Promise.all(Array.from({ length: 25 }, ask))
    const start = performance.now()
    let sent = 0
    if (rate !== undefined) {
      setInterval(() => {
        const due = Math.floor(((performance.now() - start) / 1000) * rate)
        for (; sent < due; sent += 1) void ask()
      }, 10)
    }
    process.send({ filled: count })
  })
  process.on('disconnect', () => process.exit())
  process.send({ origin: emulator.origin })
}

async function main(seconds) {
  const { facts, isFast } = await measurePage(seconds)
  for (const [name, value] of Object.entries(facts)) console.log(`${name}: ${value}`)
  if (!isFast) process.exitCode = 1
}

/** Frames of the live page, with nothing coming in and under load. Throws without Chromium. */
export async function measurePage(seconds) {
  if (!existsSync(executablePath)) throw new Error(`no Chromium at ${executablePath} (set CHROMIUM_PATH)`)
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { execArgv: [] })
  const [{ origin }] = await once(child, 'message')
  const tell = async (message) => {
    child.send(message)
    return (await once(child, 'message'))[0]
  }
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
  try {
    await tell({ fill: rows })
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    await page.goto(`${origin}/_/requests`)
    await page.locator('a.flow').first().click()
    await page.waitForFunction(
      (height) => document.querySelector('.virtual').offsetHeight >= height,
      (rows - 100) * 58,
    )
    await measure(page, 2)
    const idle = await measure(page, seconds)
    await tell({ rate: perSecond })
    await delay(1000)
    const before = await newest(page)
    const session = await page.context().newCDPSession(page)
    await session.send('Performance.enable')
    const work = await scriptSeconds(session)
    const busy = await measure(page, seconds)
    const worked = (await scriptSeconds(session)) - work
    const rate = ((await newest(page)) - before) / seconds
    const elements = await page.evaluate(() => document.querySelectorAll('*').length)
    return {
      facts: {
        'nothing comes in, the list is scrolled': words(idle),
        [`${Math.round(rate)} requests a second, the list is scrolled`]: words(busy),
        'of which the script of the page runs': `${((worked / seconds) * 100).toFixed(1)} %`,
        'flows in the list': rows,
        'elements in the page': elements,
      },
      isFast: busy.frames >= leastFrames && rate >= perSecond * 0.9,
    }
  } finally {
    await browser.close()
    child.disconnect()
  }
}

/** How long scripts of the page ran since the counting began. */
async function scriptSeconds(session) {
  const { metrics } = await session.send('Performance.getMetrics')
  return metrics.find(({ name }) => name === 'ScriptDuration').value
}

/** The id of the flow at the top. */
function newest(page) {
  return page.evaluate(
    () =>
      new Promise((resolve) => {
        const list = document.getElementById('flows')
        list.scrollTop = 0
        requestAnimationFrame(() =>
          requestAnimationFrame(() =>
            resolve(
              Math.max(
                ...[...document.querySelectorAll('a.flow')].map((row) =>
                  Number(row.getAttribute('href').split('/').at(-1)),
                ),
              ),
            ),
          ),
        )
      }),
  )
}

/** Scrolls the list in every frame. */
function measure(page, seconds) {
  return page.evaluate(
    (length) =>
      new Promise((resolve) => {
        const list = document.getElementById('flows')
        const gaps = []
        const start = performance.now()
        let last = start
        let by = 40
        const step = (now) => {
          gaps.push(now - last)
          last = now
          if (list.scrollTop + list.clientHeight >= list.scrollHeight - 40) by = -40
          if (list.scrollTop <= 40) by = 40
          list.scrollTop += by
          if (now - start < length * 1000) requestAnimationFrame(step)
          else {
            gaps.sort((a, b) => a - b)
            resolve({
              frames: gaps.length / ((now - start) / 1000),
              usual: gaps[Math.floor(gaps.length * 0.5)],
              slow: gaps[Math.floor(gaps.length * 0.99)],
              longest: gaps.at(-1),
            })
          }
        }
        requestAnimationFrame(step)
      }),
    seconds,
  )
}

function words({ frames, usual, slow, longest }) {
  const ms = (value) => `${value.toFixed(1)} ms`
  return `${frames.toFixed(1)} frames a second; between two ${ms(usual)} (median), ${ms(slow)} (99 of 100), ${ms(longest)} (longest)`
}
