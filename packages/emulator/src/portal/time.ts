import type { Service } from '../instance/service.js'
import { html, type Html } from '../pages/html.js'

/** A time on the emulator's clock, and how far it is from now. */
export function when(service: Service, seconds: number): string {
  const text = printed(seconds)
  return text === undefined ? 'out of range' : `${text} (${distance(seconds - service.clock.now())})`
}

/** Date and time of day, UTC; undefined for a number that is no date. */
export function printed(seconds: number): string | undefined {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString().slice(0, 19).replace('T', ' ')
}

/** The time of day, UTC. */
export function timeOfDay(seconds: number): string {
  return printed(seconds)?.slice(11) ?? ''
}

export function distance(seconds: number): string {
  const amount = Math.abs(Math.round(seconds))
  const [unit, size] = (
    [
      ['day', 86_400],
      ['hour', 3600],
      ['minute', 60],
      ['second', 1],
    ] as const
  ).find(([, each]) => amount >= each) ?? ['second', 1]
  const count = Math.round(amount / size)
  const text = `${count} ${unit}${count === 1 ? '' : 's'}`
  return seconds < 0 ? `${text} ago` : `in ${text}`
}

/** A time and its distance from now, which the page's script keeps right. */
export function countdown(service: Service, seconds: number): Html {
  const text = printed(seconds)
  if (text === undefined) return html`out of range`
  return html`<time datetime="${text.replace(' ', 'T')}Z" title="${text}Z" data-until="${seconds}"
    >${distance(seconds - service.clock.now())}</time
  >`
}

/** The emulator's time, as the page's script needs it: it goes on unless the clock stands still. */
export function nowText(service: Service): Html {
  const now = service.clock.now()
  const isMoved = Math.abs(now - Date.now() / 1000) > 2
  return html`<span data-now="${now}" data-still="${String(standsStill(service))}"
    >${printed(now)}Z${isMoved && ', not the machine’s time'}</span
  >`
}

const samples = new WeakMap<object, readonly [machine: number, emulator: number]>()

/** Whether the clock did not move while the machine's did. */
function standsStill({ clock }: Service): boolean {
  const seen = [Date.now() / 1000, clock.now()] as const
  const before = samples.get(clock)
  if (before === undefined) samples.set(clock, seen)
  return before !== undefined && seen[0] > before[0] && seen[1] === before[1]
}
