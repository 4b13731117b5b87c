import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { followSupervision, onSupervisionFrames } from './supervision-live'
import { supervisionKeys } from './supervision'
import type { Support } from './supervision-types'

class FakeSocket {
  static last: FakeSocket | undefined
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  constructor(readonly url: string) {
    FakeSocket.last = this
  }
  close = () => undefined
  send = () => undefined
  say(frame: object) {
    this.onmessage?.({ data: JSON.stringify(frame) })
  }
}

const ticketFrame = (position: number) => ({
  type: 'workflow:ticket_processed',
  position,
  at: '2026-01-06T10:00:00.000Z',
  data: {
    ticket_id: position,
    aggregate_id: `t${position}`,
    category: 'AUTRE',
    outcome: 'resolved',
    occurred_at: new Date(Date.UTC(2026, 0, 6) + position).toISOString(),
    position,
  },
})

const key = [...supervisionKeys.dashboard('support'), { range: 'today' }]
const pastKey = [
  ...supervisionKeys.dashboard('support'),
  { from: '2025-01-01T00:00:00Z', to: '2025-01-02T00:00:00Z' },
]
const shown = (client: QueryClient, of: unknown[] = key) =>
  client.getQueryData<Support>(of)?.latest.map((each) => each.ticket_id)

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', FakeSocket)
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

function follow() {
  const client = new QueryClient()
  const nothing = { latest: [], errors: [] } as unknown as Support
  const asked = vi.fn(() => new Promise<Support>(() => undefined))
  for (const each of [key, pastKey]) client.setQueryData(each, nothing)
  const observer = new QueryObserver(client, {
    queryKey: key,
    queryFn: asked,
    staleTime: Infinity,
  })
  const leave = observer.subscribe(() => undefined)
  const stop = followSupervision(client, () => undefined)
  const socket = FakeSocket.last
  if (!socket) throw new Error('no socket was opened')
  socket.say({ type: 'feed:ready', position: 0, epoch: 'e1' })
  return {
    client,
    asked,
    socket,
    end: () => {
      stop()
      leave()
    },
  }
}

describe('following SUPERVISION', () => {
  it('opens its own socket', () => {
    const { socket, end } = follow()
    expect(socket.url).toContain('/api/supervision/ws')
    end()
  })

  it('shows what comes at once, in periods that have not ended', () => {
    const { client, socket, end } = follow()
    socket.say(ticketFrame(1))
    vi.advanceTimersByTime(200)
    expect(shown(client)).toEqual([1])
    expect(shown(client, pastKey)).toEqual([])
    end()
  })

  it('paints and asks at a steady pace in a storm, and keeps the last ones', () => {
    const { client, asked, socket, end } = follow()
    const painted = vi.fn()
    const forget = onSupervisionFrames(painted)
    asked.mockClear()
    for (let i = 1; i <= 4_000; i += 1) {
      socket.say(ticketFrame(i))
      if (i % 4 === 0) vi.advanceTimersByTime(1)
    }
    vi.advanceTimersByTime(200)
    expect(painted.mock.calls.length).toBeLessThanOrEqual(10)
    expect(asked.mock.calls.length).toBeLessThanOrEqual(2)
    expect(shown(client)).toEqual([
      4_000, 3_999, 3_998, 3_997, 3_996, 3_995, 3_994, 3_993, 3_992, 3_991,
    ])
    forget()
    end()
  })
})
