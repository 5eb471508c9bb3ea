/** Every page, and what its buttons do: one import for all of them. */
export { consentMatrix } from './consent.js'
export { changeClock, changeFaults, faultsAndClock } from './faults.js'
export { inspectorPage } from './inspector.js'
export { changeKeys, keyList } from './keys.js'
export { readAction, sendPortalPage } from './layout.js'
export { mint } from './mint.js'
export { applicationDetail, overview } from './overview.js'
export { requestDetail, requestList } from './requests.js'
