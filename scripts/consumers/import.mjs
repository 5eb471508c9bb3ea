import playScenario from './scenario.cjs'

await playScenario((name) => import(name))
