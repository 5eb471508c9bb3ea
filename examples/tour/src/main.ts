import { parseArgs } from 'node:util'
import { FullNarrator } from './full-narrator.js'
import type { Narrator } from './narrator.js'
import { daemon, multiTenant, onBehalfOf } from './scenarios.js'
import { setStage, type Stage } from './stage.js'
import { StoryNarrator } from './story-narrator.js'
import type { Api } from './apis.js'

const scenes = [daemon, onBehalfOf, multiTenant]

const help = `Plays both service-to-service scenarios on both endpoint versions, over real HTTP, and checks every step.

  npm start                  the story: the v2.0 scenarios step by step, one line each of everything else
  npm start -- --verbose     every request and answer, with the claims that decide something
  npm start -- --keep        leaves everything running, and prints the address of the page with these requests

  --verbose, -v   --keep, -k   --help, -h
Exit codes: 0 everything went as it should, 1 something did not`

/** Plays both scenarios on both versions. Resolves to whether everything went as it should. */
async function play(narrator: Narrator, keep: boolean): Promise<boolean> {
  const startedAt = performance.now()
  const stages: Stage[] = []
  const apis: Api[] = []
  try {
    for (const version of ['2.0', '1.0'] as const) {
      // Each version has a token service of its own, in which nothing has been consented to yet.
      const stage = await setStage(narrator)
      stages.push(stage)
      narrator.begin(version, stage.emulator.origin)
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
  const [stage] = stages as [Stage]
  console.log(`
The requests above, on the page of the token service (v2.0):
  ${stage.emulator.origin}/_/requests

Still running:`)
  for (const { emulator } of stages) console.log(`  ${'token service'.padEnd(18)} ${emulator.origin}`)
  for (const { name, origin } of apis) console.log(`  ${name.padEnd(18)} ${origin}`)
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
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      keep: { type: 'boolean', short: 'k', default: false },
      verbose: { type: 'boolean', short: 'v', default: false },
    },
  })
  if (values.help) console.log(help)
  else {
    const narrator = values.verbose ? new FullNarrator() : new StoryNarrator()
    process.exitCode = (await play(narrator, values.keep)) ? 0 : 1
  }
} catch (error) {
  console.error(`\nThe tour stopped: ${error instanceof Error ? error.message : 'for an unknown reason'}`)
  process.exitCode = 1
}
