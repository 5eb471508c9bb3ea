// The CommonJS build.
const { createTokenValidator, staticIssuer } = require('@countersign/core')

createTokenValidator({
  issuer: staticIssuer({
    issuer: 'https://i.example',
    jwks: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
  }),
  audience: 'a',
})
  .validateToken('x')
  .then(
    () => process.exit(1),
    ({ code }) => console.log(code === 'token_malformed' ? '1 check passed' : `saw ${code}`),
  )
