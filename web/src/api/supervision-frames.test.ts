import { describe, expect, it } from 'vitest'
import type { LiveFrame } from './live-feed'
import {
  activityOf,
  applyToOverview,
  applyToSentinel,
  applyToSupport,
  SHOWN,
} from './supervision-frames'
import type { Alert, Overview, Sentinel, Support, Ticket } from './supervision-types'

const ticket = (change: Partial<Ticket> = {}): Ticket => ({
  ticket_id: 1234,
  aggregate_id: 'ticket-1234',
  title: null,
  category: 'RESET_MDP',
  outcome: 'in_progress',
  automatic: false,
  client: null,
  duration_ms: null,
  reports: 1,
  first_occurred_at: '2026-01-06T10:00:00.000Z',
  occurred_at: '2026-01-06T10:00:00.000Z',
  reported_by: 'service:support',
  url: null,
  position: 10,
  ...change,
})

const alert = (change: Partial<Alert> = {}): Alert => ({
  id: 'alert-1',
  episode: 1,
  version: 1,
  source: 'observium',
  external_id: '77',
  device: 'SWITCH-CLI-001',
  client: null,
  severity: 'critical',
  message: 'Device down',
  responsibility: 'fai',
  confidence: null,
  status: 'active',
  is_flapping: false,
  is_muted: false,
  is_awaiting_diag: false,
  raised_at: '2026-01-06T10:00:00.000Z',
  last_occurred_at: '2026-01-06T10:00:00.000Z',
  repeats: 0,
  reopenings: 0,
  steps: [],
  position: 20,
  ...change,
})

const frame = (type: string, data: { position?: number }, position = data.position ?? 0) =>
  ({ type: `workflow:${type}`, position, at: '2026-01-06T10:00:05.000Z', data }) as LiveFrame

const support = { latest: [], errors: [] } as unknown as Support
const sentinel = { timeline: [], maintenance: [] } as unknown as Sentinel
const overview = { activity: [], health: [] } as unknown as Overview

describe('the tickets of SUPPORT', () => {
  it('show the latest report of a ticket once, wherever its frames come in', () => {
    const first = applyToSupport(support, frame('ticket_processed', ticket()))
    const later = ticket({ outcome: 'resolved', position: 12, reports: 2 })
    const second = applyToSupport(first, frame('ticket_processed', later))
    expect(second.latest).toEqual([later])
    // An old frame, replayed after a reconnection.
    expect(applyToSupport(second, frame('ticket_processed', ticket()))).toBe(second)
  })

  it('stay as many as the server shows, the newest first', () => {
    let shown = support
    for (let i = 0; i < 500; i += 1) {
      const occurred_at = new Date(Date.UTC(2026, 0, 6) + i * 1000).toISOString()
      const each = ticket({ ticket_id: i, position: i, occurred_at })
      shown = applyToSupport(shown, frame('ticket_processed', each))
    }
    expect(shown.latest).toHaveLength(SHOWN.tickets)
    expect(shown.latest[0]?.ticket_id).toBe(499)
  })
})

describe('the alerts of SENTINEL', () => {
  it('change in their place', () => {
    const other = alert({ id: 'alert-2', position: 21, raised_at: '2026-01-06T11:00:00.000Z' })
    const two = [frame('alert_detected', alert()), frame('alert_detected', other)].reduce(
      applyToSentinel,
      sentinel,
    )
    const resolved = alert({ status: 'resolved', position: 22 })
    const after = applyToSentinel(two, frame('alert_updated', resolved))
    expect(after.timeline).toEqual([other, resolved])
  })

  it('of another episode stand on their own', () => {
    const again = alert({ episode: 2, position: 30, raised_at: '2026-01-06T12:00:00.000Z' })
    const both = [frame('alert_detected', alert()), frame('alert_detected', again)].reduce(
      applyToSentinel,
      sentinel,
    )
    expect(both.timeline.map((each) => each.episode)).toEqual([2, 1])
  })
})

describe('the activity', () => {
  it('tells an alert as raised, reopened or resolved, and nothing else of it', () => {
    const kind = (type: string, change: Partial<Alert>) =>
      activityOf(frame(type, alert(change)))?.kind
    expect(kind('alert_detected', {})).toBe('alert_raised')
    expect(kind('alert_detected', { reopenings: 1 })).toBe('alert_reopened')
    const over = { status: 'resolved', resolved_at: '2026-01-06T10:30:00.000Z' } as const
    expect(kind('alert_updated', over)).toBe('alert_resolved')
    expect(kind('alert_updated', { acknowledged_by: 'user:marie.leroy' })).toBeUndefined()
  })

  it('holds each event once', () => {
    const processed = frame('ticket_processed', ticket())
    const once = applyToOverview(overview, processed)
    expect(once.activity).toHaveLength(1)
    expect(applyToOverview(once, processed)).toBe(once)
  })
})
