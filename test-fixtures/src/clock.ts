/** The second at which every test takes place: 2026-03-01T12:00:00Z. */
export const now = 1_772_366_400

/** The fixed clock, in the shape of every `clock` option. */
export const clock = (): number => now
