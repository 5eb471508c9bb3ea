import express from 'express'
import express4 from 'express4'
import express4Floor from 'express4-floor'
import express5Floor from 'express5-floor'

/** The newest of each major, and the oldest that is supported. */
export const expressVersions: readonly (readonly [name: string, createApp: typeof express])[] = [
  ['Express 5', express],
  ['Express 5.0.0', express5Floor],
  ['Express 4', express4],
  ['Express 4.17.0', express4Floor],
]
