// What a supervisor does about alerts, and the maintenance windows.
import { infiniteQueryOptions } from '@tanstack/react-query'
import { http, read, send } from './client'
import { PAGE, supervisionKeys } from './supervision'
import type { Responsibility } from './supervision-types'

/** `intent`: one uuid per thing the person wants; retries repeat it, so nothing happens twice. */
const command = (id: string, intent: string) => ({
  params: { path: { id } },
  headers: { 'Idempotency-Key': intent },
})

export type AlertAct =
  | { kind: 'acknowledge'; comment: string | null }
  | { kind: 'reclassify'; responsibility: Responsibility; confidence: number | null }
  | { kind: 'resolve'; resolution: string }
  | { kind: 'note'; detail: string }

export function actOnAlert(id: string, version: number, act: AlertAct, intent: string) {
  const options = command(id, intent)
  switch (act.kind) {
    case 'acknowledge':
      return send(() =>
        http.POST('/api/sentinel/alerts/{id}/acknowledge', {
          ...options,
          body: { version, comment: act.comment },
        }),
      )
    case 'reclassify':
      return send(() =>
        http.POST('/api/sentinel/alerts/{id}/reclassify', {
          ...options,
          body: { version, responsibility: act.responsibility, confidence: act.confidence },
        }),
      )
    case 'resolve':
      return send(() =>
        http.POST('/api/sentinel/alerts/{id}/resolve', {
          ...options,
          body: { version, resolution: act.resolution },
        }),
      )
    case 'note':
      return send(() =>
        http.POST('/api/sentinel/alerts/{id}/note', { ...options, body: { detail: act.detail } }),
      )
  }
}

export function maintenanceQuery() {
  return infiniteQueryOptions({
    queryKey: supervisionKeys.maintenance,
    queryFn: async ({ pageParam, signal }) => {
      const query = { cursor: pageParam ?? undefined, limit: PAGE }
      return (
        await read(() => http.GET('/api/sentinel/maintenance', { params: { query }, signal }))
      ).data
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    staleTime: 5_000,
    refetchInterval: 30_000,
  })
}

export interface MaintenancePlan {
  client_id: string | null
  device: string | null
  reason: string
  starts_at: string
  ends_at: string
}

export function planMaintenance(body: MaintenancePlan, intent: string) {
  return send(() =>
    http.POST('/api/sentinel/maintenance', { headers: { 'Idempotency-Key': intent }, body }),
  )
}

export function cancelMaintenance(id: string, intent: string) {
  return send(() =>
    http.POST('/api/sentinel/maintenance/{id}/cancel', { ...command(id, intent), body: {} }),
  )
}
