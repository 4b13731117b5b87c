import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { noteReaders, startPresence, usePresence } from './presence'

const marie = { id: '1', username: 'marie.leroy', display_name: 'Marie Leroy' }
let said: unknown[]
let presence: ReturnType<typeof startPresence>

beforeEach(() => {
  vi.useFakeTimers()
  said = []
  presence = startPresence((message) => said.push(message))
})

afterEach(() => {
  presence.stop()
  usePresence.setState({ viewing: null })
  vi.useRealTimers()
})

const look = (id: string | null) => {
  usePresence.setState({ viewing: id })
}

describe('what this screen says', () => {
  it('tells a look that lasts, and not what was scrolled past', () => {
    look('a')
    vi.advanceTimersByTime(200)
    look('b')
    vi.advanceTimersByTime(399)
    expect(said).toEqual([])
    vi.advanceTimersByTime(1)
    expect(said).toEqual([{ type: 'viewing', id: 'b' }])
    look(null)
    vi.advanceTimersByTime(400)
    expect(said.at(-1)).toEqual({ type: 'viewing', id: null })
  })

  it('says it again to a new connection, and now and then', () => {
    look('a')
    vi.advanceTimersByTime(400)
    presence.connected()
    vi.advanceTimersByTime(400)
    expect(said).toHaveLength(2)
    vi.advanceTimersByTime(30_000)
    expect(said).toHaveLength(3)
  })

  it('reads nothing while the page is hidden', () => {
    look('a')
    vi.advanceTimersByTime(400)
    const hidden = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden')
    document.dispatchEvent(new Event('visibilitychange'))
    vi.advanceTimersByTime(400)
    hidden.mockRestore()
    expect(said.at(-1)).toEqual({ type: 'viewing', id: null })
  })
})

describe('what it hears', () => {
  it('keeps the readers of each approval until they leave or the connection is lost', () => {
    noteReaders({ type: 'safeguard:presence', id: 'a', people: [marie, { id: 7 }] })
    noteReaders({ type: 'safeguard:presence', id: 'b', people: [marie] })
    expect(usePresence.getState().readers.a).toEqual([marie])
    noteReaders({ type: 'safeguard:presence', id: 'a', people: [] })
    expect(usePresence.getState().readers).toEqual({ b: [marie] })
    noteReaders({ type: 'other', id: 'c', people: [marie] })
    noteReaders({ type: 'safeguard:presence', id: 'c', people: 'marie' })
    expect(usePresence.getState().readers.c).toBeUndefined()
    presence.connected()
    expect(usePresence.getState().readers).toEqual({})
    noteReaders({ type: 'safeguard:presence', id: 'b', people: [marie] })
    presence.lost()
    expect(usePresence.getState().readers).toEqual({})
  })
})
