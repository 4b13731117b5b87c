import { expect, test, vi } from 'vitest'
import { ApiError } from '@/api/problem'
import { causesOf, runMany, type Tally } from './many-facts'

const nothing: Tally = { done: 0, failed: [] }
const failed = (sequence: number, code: string) => ({ sequence, code, detail: '' })
const wait = () => Promise.resolve()

function run(call: (after: number | undefined) => Promise<object>, change: object = {}) {
  const seen: number[] = []
  const over = runMany({
    from: nothing,
    call: call as Parameters<typeof runMany>[0]['call'],
    onProgress: ({ done }) => seen.push(done),
    isStopped: () => false,
    wait,
    ...change,
  })
  return { over, seen }
}

test('each call begins where the one before ended, until nothing is left', async () => {
  const call = vi.fn()
  call.mockResolvedValueOnce({ done: 500, failed: [], next_after: 812 })
  call.mockResolvedValueOnce({ done: 20, failed: [failed(900, 'too_large')], next_after: null })
  const { over, seen } = run(call)
  expect(await over).toEqual({ done: 520, failed: [failed(900, 'too_large')], after: null })
  expect(call.mock.calls).toEqual([[undefined], [812]])
  expect(seen).toEqual([500, 520])
})

test('a busy server is waited for, as long as it says', async () => {
  const call = vi.fn()
  call.mockRejectedValueOnce(new ApiError(429, { code: 'rate_limited' }, 7))
  call.mockResolvedValueOnce({ done: 3, failed: [], next_after: null })
  const waited = vi.fn(wait)
  expect((await run(call, { wait: waited }).over).done).toBe(3)
  expect(waited).toHaveBeenCalledWith(7_000)
})

test('what cannot be got over is thrown, and a later run goes on from there', async () => {
  const call = vi.fn()
  call.mockResolvedValueOnce({ done: 500, failed: [], next_after: 812 })
  call.mockRejectedValueOnce(new ApiError(403, { code: 'forbidden' }))
  let last = nothing
  const first = run(call, { onProgress: (tally: Tally) => (last = tally) })
  await expect(first.over).rejects.toThrow('forbidden')
  call.mockResolvedValueOnce({ done: 1, failed: [], next_after: null })
  expect((await run(call, { from: last }).over).done).toBe(501)
  expect(call.mock.lastCall).toEqual([812])
})

test('an absent server is not asked for ever', async () => {
  const call = vi.fn(() => Promise.reject(new ApiError(503, { code: 'unavailable' })))
  await expect(run(call).over).rejects.toThrow('unavailable')
  expect(call).toHaveBeenCalledTimes(5)
})

test('who stops it gets what was done so far', async () => {
  const call = vi.fn(() => Promise.resolve({ done: 500, failed: [], next_after: 812 }))
  const isStopped = () => call.mock.calls.length > 0
  expect((await run(call, { isStopped }).over).after).toBe(812)
  expect(call).toHaveBeenCalledTimes(1)
})

test('causes are counted, the most frequent first', () => {
  const all = [failed(1, 'internal'), failed(2, 'too_large'), failed(3, 'too_large')]
  expect(causesOf(all).map(([code, each]) => [code, each.length])).toEqual([
    ['too_large', 2],
    ['internal', 1],
  ])
})
