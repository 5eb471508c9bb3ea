declare module 'koa2' {
  import Koa from 'koa'
  export default Koa
}
declare module 'koa2-floor' {
  import Koa from 'koa'
  export default Koa
}
declare module 'koa3-floor' {
  import Koa from 'koa'
  export default Koa
}
