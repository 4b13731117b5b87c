import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createPace } from './pace'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('runs at once, then for whatever came meanwhile, once', () => {
  const run = vi.fn()
  const pace = createPace(run, { everyMs: 1_000, mostMs: 4_000 })
  pace.ask()
  expect(run).toHaveBeenCalledTimes(1)
  for (let i = 0; i < 4_000; i += 1) pace.ask()
  expect(run).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(1_000)
  expect(run).toHaveBeenCalledTimes(2)
  vi.advanceTimersByTime(60_000)
  expect(run).toHaveBeenCalledTimes(2)
})

it('stays far below a hundred a minute in a storm', () => {
  const run = vi.fn()
  const pace = createPace(run, { everyMs: 1_000, mostMs: 3_000 })
  for (let ms = 0; ms < 60_000; ms += 10) {
    pace.ask()
    vi.advanceTimersByTime(10)
  }
  expect(run.mock.calls.length).toBeGreaterThanOrEqual(15)
  expect(run.mock.calls.length).toBeLessThanOrEqual(25)
})

it('is quick again after a pause, and silent once stopped', () => {
  const run = vi.fn()
  const pace = createPace(run, { everyMs: 1_000, mostMs: 4_000 })
  pace.ask()
  pace.ask()
  vi.advanceTimersByTime(10_000)
  run.mockClear()
  pace.ask()
  pace.ask()
  vi.advanceTimersByTime(1_000)
  expect(run).toHaveBeenCalledTimes(2)
  pace.ask()
  pace.stop()
  vi.advanceTimersByTime(60_000)
  expect(run).toHaveBeenCalledTimes(2)
})
