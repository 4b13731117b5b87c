import { describe, expect, it } from 'vitest'
import { sampleApproval } from '@/test/samples'
import { applyToPending, RecentFrames, upsert, type PendingList } from './pending-list'

const a = sampleApproval({ id: 'a', expires_at: '2026-01-06T11:00:00.000Z' })
const b = sampleApproval({ id: 'b', expires_at: '2026-01-06T10:30:00.000Z' })
const list: PendingList = { items: [a], position: 10 }
const ids = (of: PendingList) => of.items.map((each) => each.id)
const frame = (type: string, position: number, data: unknown) => ({
  type: `safeguard:${type}`,
  position,
  data,
})

describe('the pending list', () => {
  it('puts a new request at its place by urgency', () => {
    const next = applyToPending(list, frame('new_request', 11, b))
    expect(ids(next)).toEqual(['b', 'a'])
    expect(next.position).toBe(11)
  })

  it('ignores what the fetched list already contains', () => {
    expect(applyToPending(list, frame('new_request', 10, b))).toBe(list)
  })

  it('drops a request that is no longer pending', () => {
    const decided = { ...a, status: 'approved', version: 2 }
    expect(ids(applyToPending(list, frame('request_approved', 11, decided)))).toEqual([])
  })

  it('keeps my postponement when a vote frame does not know of it', () => {
    const mine = { ...a, postponed_until: '2026-01-06T10:45:00.000Z' }
    const vote = frame('decision_recorded', 12, { ...a, version: 2, postponed_until: null })
    const next = applyToPending({ items: [mine], position: 10 }, vote)
    expect(next.items[0]?.version).toBe(2)
    expect(next.items[0]?.postponed_until).toBe('2026-01-06T10:45:00.000Z')
  })

  it('merging one approval claims nothing about the rest of the log', () => {
    const next = upsert(list, { ...a, status: 'rejected' })
    expect(next).toEqual({ items: [], position: 10 })
  })

  it('replays frames that arrived while the list was being fetched', () => {
    const recent = new RecentFrames()
    recent.add(frame('new_request', 11, b))
    recent.add(frame('request_rejected', 12, { ...a, status: 'rejected' }))
    expect(ids(recent.replayOver(list))).toEqual(['b'])
    expect(ids(recent.replayOver({ items: [a], position: 12 }))).toEqual(['a'])
  })
})
