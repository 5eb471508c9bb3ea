require('./scenario.cjs')((name) => require(name)).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
