import { describe, expect, it } from 'vitest'
import { parisDay, parisDayEnd, parisDayStart, parisInstant, parisWall } from './paris'

const hours = (day: string) =>
  (Date.parse(parisDayEnd(day)) - Date.parse(parisDayStart(day))) / 3_600_000

describe('days of Paris', () => {
  it('begin at midnight there, in winter and in summer', () => {
    expect(parisDayStart('2026-01-06')).toBe('2026-01-05T23:00:00.000Z')
    expect(parisDayStart('2026-07-14')).toBe('2026-07-13T22:00:00.000Z')
  })

  it('last 23 or 25 hours when the clock changes', () => {
    expect(hours('2026-03-28')).toBe(24)
    expect(hours('2026-03-29')).toBe(23)
    expect(hours('2026-10-25')).toBe(25)
  })

  it('know on which day an instant lies', () => {
    expect(parisDay('2026-01-05T23:30:00Z')).toBe('2026-01-06')
    expect(parisDay(Date.parse('2026-07-13T21:59:59Z'))).toBe('2026-07-13')
  })

  it('read back what a control writes, also around a change of the clock', () => {
    for (const wall of ['2026-03-29T01:30', '2026-03-29T03:30', '2026-10-25T04:00']) {
      expect(parisWall(parisInstant(wall))).toBe(wall)
    }
  })
})
