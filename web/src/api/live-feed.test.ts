import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LiveFeed, type FeedState, type LiveFrame, type PolledFrames } from './live-feed'

class FakeSocket {
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  closed = false
  readonly sent: string[] = []
  readonly url: string
  constructor(url: string) {
    this.url = url
  }
  close() {
    this.closed = true
  }
  send(text: string) {
    this.sent.push(text)
  }
  say(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
  end(code: number) {
    this.onclose?.({ code })
  }
}

function follow(poll?: (after?: number) => Promise<PolledFrames>) {
  const sockets: FakeSocket[] = []
  const frames: LiveFrame[] = []
  const states: FeedState[] = []
  const onReset = vi.fn()
  const onSignal = vi.fn()
  const onReady = vi.fn()
  const onSignedOut = vi.fn()
  const polls = vi.fn(poll ?? (() => Promise.reject(new Error('down'))))
  const feed = new LiveFeed({
    url: (after) => `ws://greffe/ws${after === undefined ? '' : `?after=${after}`}`,
    poll: polls,
    onFrame: (frame) => frames.push(frame),
    onReset,
    onSignal,
    onReady,
    onSignedOut,
    onState: (state) => states.push(state),
    createSocket: (url) => {
      const socket = new FakeSocket(url)
      sockets.push(socket)
      return socket as unknown as WebSocket
    },
    random: () => 1,
  })
  const socket = () => {
    const last = sockets.at(-1)
    if (!last) throw new Error('no socket was opened')
    return last
  }
  return { feed, sockets, socket, frames, states, onReset, onSignal, onReady, onSignedOut, polls }
}

const ready = (position: number, epoch = 'e1') => ({
  type: 'feed:ready',
  position,
  epoch,
  server_time: '2026-01-06T10:00:00.000Z',
})
const frame = (position: number) => ({ type: 'safeguard:new_request', position, data: {} })
const positions = (frames: LiveFrame[]) => frames.map((each) => each.position)

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('LiveFeed', () => {
  it('starts after the position it is given and reports the server clock', () => {
    const { feed, socket, onReady, states } = follow()
    feed.start(41)
    expect(socket().url).toBe('ws://greffe/ws?after=41')
    socket().say(ready(50))
    expect(onReady).toHaveBeenCalledWith(50, '2026-01-06T10:00:00.000Z')
    expect(states.at(-1)?.status).toBe('live')
  })

  it('keeps its own position on ready, so replayed frames below the head are applied', () => {
    const { feed, socket, frames } = follow()
    feed.start(41)
    socket().say(ready(44))
    for (const n of [42, 43, 44, 45]) socket().say(frame(n))
    expect(positions(frames)).toEqual([42, 43, 44, 45])
  })

  it('drops frames it has already seen', () => {
    const { feed, socket, frames } = follow()
    feed.start(10)
    socket().say(ready(10))
    for (const n of [11, 11, 10, 12, 11]) socket().say(frame(n))
    expect(positions(frames)).toEqual([11, 12])
  })

  it('is live again after an outage that its socket lived through', () => {
    const { feed, socket, sockets, states } = follow()
    feed.start(10)
    socket().say(ready(10))
    socket().say(frame(11))
    window.dispatchEvent(new Event('offline'))
    expect(states.at(-1)?.status).toBe('offline')
    window.dispatchEvent(new Event('online'))
    expect(sockets).toHaveLength(2)
    expect(socket().url).toBe('ws://greffe/ws?after=11')
    socket().say(ready(12))
    expect(states.at(-1)?.status).toBe('live')
    feed.stop()
  })

  it('passes on what has no position, and counts it for nothing', () => {
    const { feed, socket, frames, onSignal } = follow()
    feed.start(10)
    socket().say(ready(10))
    const signal = { type: 'safeguard:presence', id: 'a', people: [] }
    socket().say(signal)
    socket().say({ people: [] })
    expect(onSignal.mock.calls).toEqual([[signal]])
    expect(frames).toEqual([])
    expect(feed.position).toBe(10)
  })

  it('says something only to a server that listens', () => {
    const { feed, socket } = follow()
    feed.start(10)
    feed.say({ type: 'viewing', id: 'a' })
    socket().say(ready(10))
    feed.say({ type: 'viewing', id: 'b' })
    expect(socket().sent).toEqual(['{"type":"viewing","id":"b"}'])
  })

  it('takes the position of ready when it has none', () => {
    const { feed, socket, frames } = follow()
    feed.start()
    expect(socket().url).toBe('ws://greffe/ws')
    socket().say(ready(20))
    socket().say(frame(20))
    socket().say(frame(21))
    expect(positions(frames)).toEqual([21])
  })

  it('resumes after the last frame when the connection is lost', () => {
    const { feed, socket, sockets, frames } = follow()
    feed.start(10)
    socket().say(ready(10))
    socket().say(frame(11))
    socket().end(1006)
    vi.advanceTimersByTime(500)
    expect(sockets).toHaveLength(2)
    expect(socket().url).toBe('ws://greffe/ws?after=11')
    socket().say(ready(12))
    socket().say(frame(11))
    socket().say(frame(12))
    expect(positions(frames)).toEqual([11, 12])
  })

  it('waits longer after each failure, up to 30 s', () => {
    const { feed, socket, sockets } = follow()
    feed.start(1)
    const waits = [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]
    waits.forEach((wait, i) => {
      socket().end(1006)
      vi.advanceTimersByTime(wait - 1)
      expect(sockets).toHaveLength(i + 1)
      vi.advanceTimersByTime(1)
      expect(sockets).toHaveLength(i + 2)
    })
  })

  it('says when the next try is', () => {
    const { feed, socket, states } = follow()
    feed.start(1)
    socket().say(ready(1))
    socket().end(1006)
    expect(states.at(-1)).toEqual({ status: 'reconnecting', retryAt: Date.now() + 500 })
  })

  it('refetches on reset and goes on from its position', () => {
    const { feed, socket, frames, onReset } = follow()
    feed.start(5)
    socket().say({ type: 'feed:reset', position: 900 })
    expect(onReset).toHaveBeenCalledWith(900)
    socket().say(frame(6))
    socket().say(frame(901))
    expect(positions(frames)).toEqual([901])
  })

  it('treats another epoch as a reset, even at a lower position', () => {
    const { feed, socket, frames, onReset } = follow()
    feed.start(500)
    socket().say(ready(500, 'before'))
    socket().end(1006)
    vi.advanceTimersByTime(500)
    socket().say(ready(30, 'after'))
    expect(onReset).toHaveBeenCalledWith(30)
    socket().say(frame(31))
    expect(positions(frames)).toEqual([31])
  })

  it('stops on 4401 and says so', () => {
    const { feed, socket, sockets, onSignedOut } = follow()
    feed.start(1)
    socket().say(ready(1))
    socket().end(4401)
    expect(onSignedOut).toHaveBeenCalledOnce()
    vi.advanceTimersByTime(120_000)
    expect(sockets).toHaveLength(1)
  })

  it('resumes at once on 1013', () => {
    const { feed, socket, sockets } = follow()
    feed.start(1)
    socket().say(ready(1))
    socket().say(frame(2))
    socket().end(1013)
    expect(sockets).toHaveLength(2)
    expect(socket().url).toBe('ws://greffe/ws?after=2')
  })

  it('does not spin when 1013 comes before ready', () => {
    const { feed, socket, sockets } = follow()
    feed.start(1)
    socket().end(1013)
    expect(sockets).toHaveLength(1)
  })

  it('gives up on a connection that never gets ready', () => {
    const { feed, sockets } = follow()
    feed.start(1)
    vi.advanceTimersByTime(10_000)
    expect(sockets[0]?.closed).toBe(true)
    vi.advanceTimersByTime(500)
    expect(sockets).toHaveLength(2)
  })

  it('polls after three failures, every 30 s, while still trying the socket', async () => {
    const page = { items: [frame(2), frame(3)], position: 3, epoch: 'e1', reset: false }
    const { feed, socket, frames, states, polls, sockets } = follow(() => Promise.resolve(page))
    feed.start(1)
    for (const wait of [500, 1000]) {
      socket().end(1006)
      await vi.advanceTimersByTimeAsync(wait)
    }
    expect(polls).not.toHaveBeenCalled()
    socket().end(1006)
    await vi.advanceTimersByTimeAsync(0)
    expect(polls).toHaveBeenCalledWith(1, undefined)
    expect(positions(frames)).toEqual([2, 3])
    expect(states.at(-1)?.status).toBe('degraded')
    await vi.advanceTimersByTimeAsync(30_000)
    expect(polls).toHaveBeenCalledTimes(2)
    expect(polls).toHaveBeenLastCalledWith(3, 'e1')
    expect(sockets.length).toBeGreaterThan(3)
    window.dispatchEvent(new Event('online'))
    socket().say(ready(3))
    await vi.advanceTimersByTimeAsync(90_000)
    expect(polls).toHaveBeenCalledTimes(2)
    expect(positions(frames)).toEqual([2, 3])
  })

  it('refetches when the poll answers reset', async () => {
    const page = { items: [], position: 70, epoch: 'e1', reset: true }
    const { feed, socket, onReset } = follow(() => Promise.resolve(page))
    feed.start(1)
    for (const wait of [500, 1000, 0]) {
      socket().end(1006)
      await vi.advanceTimersByTimeAsync(wait)
    }
    expect(onReset).toHaveBeenCalledWith(70)
    expect(feed.position).toBe(70)
  })

  it('tries at once when the network comes back', () => {
    const { feed, socket, sockets } = follow()
    feed.start(1)
    socket().end(1006)
    window.dispatchEvent(new Event('online'))
    expect(sockets).toHaveLength(2)
  })

  it('replaces a dead socket found when the page is seen again', async () => {
    const page = { items: [frame(2)], position: 2, epoch: 'e1', reset: false }
    const { feed, socket, sockets, frames } = follow(() => Promise.resolve(page))
    feed.start(1)
    socket().say(ready(1))
    document.dispatchEvent(new Event('visibilitychange'))
    await vi.advanceTimersByTimeAsync(0)
    expect(positions(frames)).toEqual([2])
    expect(sockets).toHaveLength(2)
    expect(sockets[0]?.closed).toBe(true)
    expect(socket().url).toBe('ws://greffe/ws?after=2')
  })

  it('does nothing any more once stopped', () => {
    const { feed, socket, sockets, frames } = follow()
    feed.start(1)
    const first = socket()
    feed.stop()
    first.say(frame(2))
    first.end(1006)
    vi.advanceTimersByTime(60_000)
    expect(sockets).toHaveLength(1)
    expect(frames).toEqual([])
  })
})
