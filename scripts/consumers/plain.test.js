const playScenario = require('./scenario.cjs')

test('the packages serve in plain JavaScript', () => playScenario((name) => require(name)), 60_000)
