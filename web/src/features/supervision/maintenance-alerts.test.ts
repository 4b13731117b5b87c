import { expect, test } from 'vitest'
import type { Alert, Maintenance } from '@/api/supervision-types'
import { activeUnder, isOfInterest, stillWrong } from './maintenance-alerts'

const client = { id: '42', name: 'EHPAD Les Jardins', critical: true, is_known: true }
const window: Maintenance = {
  id: '0198-window',
  position: 9,
  version: 1,
  status: 'ended',
  client,
  device: null,
  reason: 'Remplacement du switch',
  planned_by: 'user:marie',
  planned_at: '2026-01-06T08:00:00Z',
  starts_at: '2026-01-06T09:00:00Z',
  ends_at: '2026-01-06T11:00:00Z',
}
const raised = (raised_at: string) => ({ raised_at }) as Alert

test('a window covers its client, or only the device that it names', () => {
  expect(activeUnder(window)).toEqual({ status: 'active', client_id: '42' })
  expect(activeUnder({ ...window, device: 'SWITCH-JARDINS-001' })).toEqual({
    status: 'active',
    device: 'SWITCH-JARDINS-001',
  })
})

test('what is raised after the end is not still wrong', () => {
  const before = raised('2026-01-06T10:59:59Z')
  expect(stillWrong(window, [before, raised('2026-01-06T11:00:00Z')])).toEqual([before])
})

test('a window is looked after while it runs and for a day after its end', () => {
  const at = (wall: string) => Date.parse(wall)
  expect(isOfInterest(window, at('2026-01-06T12:00:00Z'))).toBe(true)
  expect(isOfInterest(window, at('2026-01-07T11:00:00Z'))).toBe(false)
  expect(isOfInterest({ ...window, status: 'running' }, at('2026-01-06T10:00:00Z'))).toBe(true)
  expect(isOfInterest({ ...window, status: 'planned' }, at('2026-01-06T08:30:00Z'))).toBe(false)
  expect(isOfInterest({ ...window, status: 'cancelled' }, at('2026-01-06T12:00:00Z'))).toBe(false)
  const cancelled = (cancelled_at: string) => ({
    ...window,
    status: 'cancelled' as const,
    cancelled_at,
  })
  const running = cancelled('2026-01-06T09:30:00Z')
  expect(isOfInterest(running, at('2026-01-06T12:00:00Z'))).toBe(true)
  expect(isOfInterest(running, at('2026-01-07T09:31:00Z'))).toBe(false)
  expect(isOfInterest(cancelled('2026-01-05T09:30:00Z'), at('2026-01-06T07:00:00Z'))).toBe(false)
})
