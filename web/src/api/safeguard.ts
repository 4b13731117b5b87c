import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { http, read, send } from './client'
import { RecentFrames, type PendingList } from './pending-list'
import type { Approval, ActionLevel, ApprovalStatus, FeedPage, Tool } from './types'

export const recentFrames = new RecentFrames()

export const safeguardKeys = {
  all: ['safeguard'] as const,
  pending: ['safeguard', 'pending'] as const,
  history: ['safeguard', 'history'] as const,
  stats: ['safeguard', 'stats'] as const,
  approval: (id: string) => ['safeguard', 'approval', id] as const,
  tools: ['safeguard', 'tools'] as const,
}

const PAGE = 200
const MAX_PAGES = 10

/** All of it, postponed ones included: filters work on what is already here, without a round trip. */
export const pendingQuery = queryOptions({
  queryKey: safeguardKeys.pending,
  queryFn: async ({ signal }): Promise<PendingList> => {
    const items = new Map<string, Approval>()
    let cursor: string | undefined
    let position = Infinity
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const query = { include_postponed: true, limit: PAGE, cursor }
      const answer = await read(() =>
        http.GET('/api/safeguard/pending', { params: { query }, signal }),
      )
      for (const item of answer.data.items) items.set(item.id, item)
      position = Math.min(position, answer.position)
      cursor = answer.data.next_cursor ?? undefined
      if (!cursor) break
    }
    return recentFrames.replayOver({ items: [...items.values()], position })
  },
  staleTime: Infinity,
})

export interface HistoryFilters {
  from?: string
  to?: string
  status?: ApprovalStatus
  tool?: string
  client?: string
  q?: string
}

export function historyQuery(filters: HistoryFilters) {
  return infiniteQueryOptions({
    queryKey: [...safeguardKeys.history, filters],
    queryFn: async ({ pageParam, signal }) => {
      const query = { ...filters, cursor: pageParam ?? undefined, limit: 50 }
      const { data } = await read(() =>
        http.GET('/api/safeguard/history', { params: { query }, signal }),
      )
      return data
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    staleTime: 10_000,
  })
}

export function approvalQuery(id: string) {
  return queryOptions({
    queryKey: safeguardKeys.approval(id),
    queryFn: ({ signal }) => fetchApproval(id, signal).then((answer) => answer.data),
    staleTime: 5_000,
  })
}

export function fetchApproval(id: string, signal?: AbortSignal) {
  return read(() => http.GET('/api/safeguard/{id}', { params: { path: { id } }, signal }))
}

export interface StatsRange {
  days?: number
  from?: string
  to?: string
}

export function statsQuery(range: StatsRange) {
  return queryOptions({
    queryKey: [...safeguardKeys.stats, range],
    queryFn: async ({ signal }) =>
      (await read(() => http.GET('/api/safeguard/stats', { params: { query: range }, signal })))
        .data,
    staleTime: 10_000,
  })
}

export const toolsQuery = queryOptions({
  queryKey: safeguardKeys.tools,
  queryFn: async ({ signal }): Promise<Tool[]> =>
    (await read(() => http.GET('/api/safeguard/tools', { signal }))).data.items,
  staleTime: 60_000,
})

export function feedPage(after: number | undefined, epoch: string | undefined): Promise<FeedPage> {
  return send(() => http.GET('/api/safeguard/feed', { params: { query: { after, epoch } } }))
}

/** `intent`: one uuid per thing the person wants; retries repeat it, so nothing happens twice. */
const command = (id: string, intent: string) => ({
  params: { path: { id } },
  headers: { 'Idempotency-Key': intent },
})

export function approveRequest(
  id: string,
  intent: string,
  version: number,
  comment: string | null,
) {
  const body = { version, comment }
  return send(() => http.POST('/api/safeguard/{id}/approve', { ...command(id, intent), body }))
}

export function rejectRequest(id: string, intent: string, version: number, reason: string) {
  const body = { version, reason }
  return send(() => http.POST('/api/safeguard/{id}/reject', { ...command(id, intent), body }))
}

export function postponeRequest(id: string, intent: string, version: number, minutes: number) {
  const body = { version, minutes, reason: null }
  return send(() => http.POST('/api/safeguard/{id}/postpone', { ...command(id, intent), body }))
}

export function cancelApproval(id: string, intent: string, reason: string | null) {
  const body = { reason }
  return send(() => http.POST('/api/safeguard/{id}/cancel', { ...command(id, intent), body }))
}

export function breakGlass(id: string, intent: string, version: number, reason: string) {
  const body = { version, reason }
  return send(() => http.POST('/api/safeguard/{id}/break-glass', { ...command(id, intent), body }))
}

export function putTool(
  name: string,
  intent: string,
  body: { level: ActionLevel; description: { fr: string; en: string } },
) {
  return send(() =>
    http.PUT('/api/safeguard/tools/{name}', {
      params: { path: { name } },
      headers: { 'Idempotency-Key': intent },
      body,
    }),
  )
}
