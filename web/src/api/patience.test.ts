import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createPatience, usePatience } from './patience'

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(0)
})
afterEach(() => {
  vi.useRealTimers()
})

const refusal = (seconds?: number) =>
  new Response('{}', {
    status: 429,
    headers: seconds === undefined ? {} : { 'Retry-After': String(seconds) },
  })
const get = (signal?: AbortSignal) => new Request('http://localhost/api/clients', { signal })

test('a read that is put off comes when the server said, and nobody is told', async () => {
  const send = vi.fn(() => Promise.resolve(new Response('there')))
  send.mockResolvedValueOnce(refusal(3))
  const answer = createPatience(send)(get())
  await vi.advanceTimersByTimeAsync(2_900)
  expect(send).toHaveBeenCalledTimes(1)
  expect(usePatience.getState().until).not.toBeNull()
  await vi.advanceTimersByTimeAsync(200)
  expect(await (await answer).text()).toBe('there')
  expect(usePatience.getState().until).toBeNull()
})

test('no other read asks during the pause', async () => {
  const send = vi.fn(() => Promise.resolve(new Response('there')))
  send.mockResolvedValueOnce(refusal(10))
  const patient = createPatience(send)
  const first = patient(get())
  await vi.advanceTimersByTimeAsync(1)
  const second = patient(get())
  await vi.advanceTimersByTimeAsync(9_000)
  expect(send).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(1_000)
  expect((await first).status).toBe(200)
  expect((await second).status).toBe(200)
  expect(send).toHaveBeenCalledTimes(3)
})

test('a page that was left no longer waits', async () => {
  const send = vi.fn(() => Promise.resolve(refusal(10)))
  const left = new AbortController()
  const answer = createPatience(send)(get(left.signal))
  const failed = expect(answer).rejects.toThrow('abort')
  await vi.advanceTimersByTimeAsync(1)
  left.abort()
  await failed
  await vi.advanceTimersByTimeAsync(60_000)
  expect(send).toHaveBeenCalledTimes(1)
  expect(usePatience.getState().until).toBeNull()
})

test('a command is never sent again by itself', async () => {
  const send = vi.fn(() => Promise.resolve(refusal(1)))
  const order = new Request('http://localhost/api/clients', { method: 'POST', body: '{}' })
  expect((await createPatience(send)(order)).status).toBe(429)
  expect(send).toHaveBeenCalledTimes(1)
})

test('a server that goes on refusing is believed in the end', async () => {
  const send = vi.fn(() => Promise.resolve(refusal()))
  const answer = createPatience(send)(get())
  await vi.advanceTimersByTimeAsync(120_000)
  expect((await answer).status).toBe(429)
  expect(send).toHaveBeenCalledTimes(10)
})

test('nobody is kept waiting for an hour', async () => {
  const send = vi.fn(() => Promise.resolve(refusal(3_600)))
  expect((await createPatience(send)(get())).status).toBe(429)
  expect(send).toHaveBeenCalledTimes(1)
})
