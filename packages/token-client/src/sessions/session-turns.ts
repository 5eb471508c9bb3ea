import type { SessionStore } from './session-store.js'

/** One at a time for each session: when two renewals use one refresh token, a strict issuer ends the session. */
export class SessionTurns {
  readonly #store: SessionStore
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(store: SessionStore) {
    this.#store = store
  }

  async run<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(id)
    const alone = () => this.#store.exclusively(id, work)
    const turn = before === undefined ? alone() : before.then(alone, alone)
    this.#turns.set(id, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(id) === turn) this.#turns.delete(id)
    }
  }
}
