import { parseArgs } from 'node:util'
import { Narrator } from './narrator.js'
import { daemon, multiTenant, onBehalfOf } from './scenarios.js'
import { setStage, type Stage } from './stage.js'
import type { Api } from './apis.js'

const scenes = [daemon, onBehalfOf, multiTenant]

/** Plays both scenarios on both versions. Resolves to whether everything went as it should. */
async function play(keep: boolean): Promise<boolean> {
  const startedAt = performance.now()
  const narrator = new Narrator()
  const stages: Stage[] = []
  const apis: Api[] = []
  try {
    for (const version of ['1.0', '2.0'] as const) {
      // Each version has a token service of its own, in which nothing has been consented to yet.
      const stage = await setStage(narrator)
      stages.push(stage)
      narrator.scene(`The v${version} endpoints`)
      narrator.say(`The token service listens on ${stage.emulator.origin}. Every request below is real;`)
      narrator.say('ids are shown as the {names} they are registered under, and no token is shown at all.')
      for (const scene of scenes) await scene(stage, version, apis)
    }
    const isGood = narrator.conclude((performance.now() - startedAt) / 1000)
    if (keep) await stay(stages, apis)
    return isGood
  } finally {
    await Promise.all([...apis, ...stages.map(({ emulator }) => emulator)].map((part) => part.stop()))
  }
}

/** Leaves everything running until Ctrl+C, and says how to go on by hand. */
async function stay(stages: readonly Stage[], apis: readonly Api[]): Promise<void> {
  console.log('\nStill running:')
  for (const { emulator } of stages) console.log(`  ${'token service'.padEnd(18)} ${emulator.origin}`)
  for (const { name, origin } of apis) console.log(`  ${name.padEnd(18)} ${origin}`)
  const stage = stages.at(-1) as Stage
  const reports = apis.find(({ name }) => name === 'reports-api-v2') as Api
  const token = `${stage.emulator.origin}/${stage.tenantId('Contoso')}/oauth2/v2.0/token`
  console.log(`
Try it, in another terminal:
  TOKEN=$(curl -s ${token} \\
    -d grant_type=client_credentials -d client_id=${stage.appId('nightly-daemon')} \\
    -d client_secret=${stage.secret('nightly-daemon')} \\
    -d scope=api://${stage.appId('reports-api-v2')}/.default | node -p 'JSON.parse(require("fs").readFileSync(0)).access_token')
  curl -i ${reports.origin}/reports -H "Authorization: Bearer $TOKEN"            # 200
  curl -i ${reports.origin}/reports -H "Authorization: Bearer $TOKEN" -X POST    # 403: not granted the role
  curl -i ${reports.origin}/reports                                              # 401: no token

Ctrl+C stops everything.`)
  await new Promise<void>((resolve) => {
    // The servers that listen keep the process alive until then.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}

try {
  const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } })
  process.exitCode = (await play(values.keep)) ? 0 : 1
} catch (error) {
  console.error(`\nThe tour stopped: ${error instanceof Error ? error.message : 'for an unknown reason'}`)
  process.exitCode = 1
}
