import { describe, expect, it } from 'vitest'
import { ServerClock } from './server-clock'

describe('the server clock', () => {
  it('follows the feed even when the device is an hour wrong', () => {
    const clock = new ServerClock(() => 1_000_000)
    clock.sample(4_600_000, 'feed')
    expect(clock.now()).toBe(4_600_000)
  })

  it('does not let a coarse Date header replace the feed', () => {
    const clock = new ServerClock(() => 0)
    clock.sample(5_123, 'feed')
    clock.sample(5_000, 'header')
    expect(clock.now()).toBe(5_123)
  })

  it('takes the middle of a second for a header, and does not jitter', () => {
    const clock = new ServerClock(() => 0)
    clock.sample(10_000, 'header')
    expect(clock.now()).toBe(10_500)
    clock.sample(10_000 - 400, 'header')
    expect(clock.now()).toBe(10_500)
    clock.sample(60_000, 'header')
    expect(clock.now()).toBe(60_500)
  })

  it('ignores nonsense', () => {
    const clock = new ServerClock(() => 7)
    clock.sample(Number.NaN, 'feed')
    expect(clock.now()).toBe(7)
  })
})
