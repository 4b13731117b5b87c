import { infiniteQueryOptions, queryOptions, type QueryClient } from '@tanstack/react-query'
import { http, read } from './client'
import type { AuditItem, LoggedEvent } from './types'

export interface AuditFilters {
  actor?: string
  action?: string
  target_type?: string
  target_id?: string
  from?: string
  to?: string
  q?: string
}

export function auditQuery(filters: AuditFilters) {
  return infiniteQueryOptions({
    queryKey: ['audit', 'items', filters],
    queryFn: ({ pageParam, signal }) => auditPage(filters, pageParam ?? undefined, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    staleTime: 5_000,
  })
}

export interface AuditPage {
  items: AuditItem[]
  next_cursor?: string | null
}

/** The same route also answers CSV and JSON Lines: without `format` it is always a page. */
export async function auditPage(filters: AuditFilters, cursor?: string, signal?: AbortSignal) {
  const query = { ...filters, cursor, limit: 50 }
  const { data } = await read(() => http.GET('/api/users/audit', { params: { query }, signal }))
  return data as AuditPage
}

/** The newest entries, gathered turn after turn while somebody follows. */
export function auditTailQuery(client: QueryClient, filters: AuditFilters, following: boolean) {
  const queryKey = ['audit', 'tail', filters]
  return queryOptions({
    queryKey,
    queryFn: async ({ signal }) => {
      const page = await auditPage(filters, undefined, signal)
      return mergeAudit(page.items, client.getQueryData<AuditItem[]>(queryKey) ?? []).slice(
        0,
        1_000,
      )
    },
    enabled: following,
    refetchInterval: following ? TAIL_EVERY_MS : false,
    gcTime: 0,
  })
}

const TAIL_EVERY_MS = 2_000

/** Newest first, each position once. */
export function mergeAudit(...lists: AuditItem[][]): AuditItem[] {
  const byPosition = new Map<number, AuditItem>()
  for (const item of lists.flat()) byPosition.set(item.position, item)
  return [...byPosition.values()].sort((a, b) => b.position - a.position)
}

export function exportHref(filters: AuditFilters, format: 'csv' | 'jsonl') {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(filters)) if (value) query.set(name, String(value))
  query.set('format', format)
  return `/api/users/audit?${query.toString()}`
}

const CHAIN_PAGE = 200

/** Every event of one cause, in log order. */
export function chainQuery(correlationId: string) {
  return infiniteQueryOptions({
    queryKey: ['audit', 'chain', correlationId],
    queryFn: async ({ pageParam, signal }) => {
      const query = { correlation_id: correlationId, after: pageParam, limit: CHAIN_PAGE }
      const { data } = await read(() =>
        http.GET('/api/audit/events', { params: { query }, signal }),
      )
      return data as { items: LoggedEvent[] }
    },
    initialPageParam: 0,
    getNextPageParam: (last) =>
      last.items.length < CHAIN_PAGE ? undefined : last.items.at(-1)?.position,
  })
}
