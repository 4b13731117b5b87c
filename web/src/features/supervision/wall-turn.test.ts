import { describe, expect, it } from 'vitest'
import { everyOf, turn, type Turn } from './wall-turn'

const start: Turn = { index: 0, elapsedMs: 0, isPaused: false }
const go = (state: Turn, ...acts: Parameters<typeof turn>[1][]) =>
  acts.reduce((each, act) => turn(each, act, 5, 20_000), state)

describe('the wall', () => {
  it('turns when the time of a dashboard is over, and comes round', () => {
    const waited = go(start, { type: 'passed', ms: 19_750 })
    expect(waited.index).toBe(0)
    expect(go(waited, { type: 'passed', ms: 250 })).toEqual({ ...start, index: 1 })
    expect(go({ ...start, index: 4 }, { type: 'passed', ms: 20_000 }).index).toBe(0)
  })

  it('stands still while paused, and goes on where it was', () => {
    const half = go(start, { type: 'passed', ms: 10_000 }, { type: 'toggle' })
    const later = go(half, { type: 'passed', ms: 60_000 }, { type: 'toggle' })
    expect(later).toEqual({ index: 0, elapsedMs: 10_000, isPaused: false })
  })

  it('is turned by hand, and then shows the whole time', () => {
    const half = go(start, { type: 'passed', ms: 10_000 })
    expect(go(half, { type: 'next' })).toEqual({ ...start, index: 1 })
    expect(go(half, { type: 'previous' }).index).toBe(4)
    expect(go(half, { type: 'go', index: 3 }).index).toBe(3)
  })

  it('does not turn away from who reads', () => {
    const nearly = go(start, { type: 'passed', ms: 19_000 }, { type: 'read' })
    expect(go(nearly, { type: 'passed', ms: 19_000 }).index).toBe(0)
    expect(go(nearly, { type: 'passed', ms: 20_000 }).index).toBe(1)
  })

  it('takes a sensible pace only', () => {
    expect(everyOf(30)).toBe(30)
    expect(everyOf('5')).toBe(5)
    expect(everyOf(1)).toBeUndefined()
    expect(everyOf('abc')).toBeUndefined()
    expect(everyOf(undefined)).toBeUndefined()
  })
})
