/** A time span in seconds since the epoch; an open end is infinite. */
export interface Period {
  /** The first second of it. */
  readonly from: number
  /** The first second that is no longer in it. */
  readonly until: number
}

/** Whether a time lies in a span: its first second does, its last no longer. */
export function isWithin({ from, until }: Period, time: number): boolean {
  return from <= time && time < until
}
