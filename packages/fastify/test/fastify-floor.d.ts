declare module 'fastify-floor' {
  import Fastify from 'fastify'
  export default Fastify
}
