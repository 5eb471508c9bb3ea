declare module 'express4' {
  import express from 'express'
  export default express
}
declare module 'express4-floor' {
  import express from 'express'
  export default express
}
declare module 'express5-floor' {
  import express from 'express'
  export default express
}
