import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import type { PeriodQuery } from '@/lib/period'
import { http, read, send } from './client'
import type {
  Alert,
  Category,
  Outcome,
  Paged,
  Responsibility,
  SafeguardDashboard,
  Severity,
} from './supervision-types'
import type { FeedPage } from './types'

export const supervisionKeys = {
  all: ['supervision'] as const,
  dashboards: ['supervision', 'dashboard'] as const,
  dashboard: (name: DashboardName) => ['supervision', 'dashboard', name] as const,
  lists: ['supervision', 'list'] as const,
  alert: (id: string) => ['supervision', 'alert', id] as const,
  maintenance: ['supervision', 'maintenance'] as const,
  health: ['supervision', 'health'] as const,
}

export type DashboardName = 'overview' | 'support' | 'sentinel' | 'enrichisseur' | 'safeguard'

/** Time passes also when nothing happens: what slid out of the period leaves the numbers. */
const SLIDE_MS = 30_000

const live = { staleTime: 5_000, refetchInterval: SLIDE_MS, placeholderData: keepPreviousData }

export function overviewQuery(query: PeriodQuery) {
  return queryOptions({
    queryKey: [...supervisionKeys.dashboard('overview'), query],
    queryFn: async ({ signal }) =>
      (await read(() => http.GET('/api/supervision/overview', { params: { query }, signal }))).data,
    ...live,
  })
}

export function supportQuery(query: PeriodQuery) {
  return queryOptions({
    queryKey: [...supervisionKeys.dashboard('support'), query],
    queryFn: async ({ signal }) =>
      (await read(() => http.GET('/api/supervision/support', { params: { query }, signal }))).data,
    ...live,
  })
}

export function sentinelQuery(query: PeriodQuery) {
  return queryOptions({
    queryKey: [...supervisionKeys.dashboard('sentinel'), query],
    queryFn: async ({ signal }) =>
      (await read(() => http.GET('/api/supervision/sentinel', { params: { query }, signal }))).data,
    ...live,
  })
}

export function enrichisseurQuery(query: PeriodQuery) {
  return queryOptions({
    queryKey: [...supervisionKeys.dashboard('enrichisseur'), query],
    queryFn: async ({ signal }) =>
      (await read(() => http.GET('/api/supervision/enrichisseur', { params: { query }, signal })))
        .data,
    ...live,
  })
}

export function safeguardDashboardQuery(query: PeriodQuery) {
  return queryOptions({
    queryKey: [...supervisionKeys.dashboard('safeguard'), query],
    queryFn: async ({ signal }): Promise<SafeguardDashboard> =>
      (await read(() => http.GET('/api/supervision/safeguard', { params: { query }, signal })))
        .data,
    ...live,
  })
}

export interface TicketFilters extends PeriodQuery {
  category?: Category
  outcome?: Outcome
  automatic?: boolean
  client_id?: string
  known_client?: boolean
  q?: string
}

export interface AlertFilters extends PeriodQuery {
  status?: Alert['status']
  responsibility?: Responsibility
  severity?: Severity
  client_id?: string
  known_client?: boolean
  device?: string
  flapping?: boolean
  awaiting_diag?: boolean
  acknowledged?: boolean
  q?: string
}

export interface ErrorFilters extends PeriodQuery {
  workflow?: string
  recovered?: boolean
}

export const PAGE = 50

/** One page after another, by the cursor of the one before. */
function paged<T>(
  key: readonly unknown[],
  load: (cursor: string | undefined, signal: AbortSignal) => Promise<Paged<T>>,
) {
  return infiniteQueryOptions({
    queryKey: [...supervisionKeys.lists, ...key],
    queryFn: ({ pageParam, signal }) => load(pageParam ?? undefined, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    staleTime: 5_000,
    placeholderData: keepPreviousData,
  })
}

export function ticketsQuery(filters: TicketFilters) {
  return paged(['tickets', filters], async (cursor, signal) => {
    const query = { ...filters, cursor, limit: PAGE }
    return (await read(() => http.GET('/api/supervision/tickets', { params: { query }, signal })))
      .data
  })
}

export function alertsQuery(filters: AlertFilters) {
  return paged(['alerts', filters], async (cursor, signal) => {
    const query = { ...filters, cursor, limit: PAGE }
    return (await read(() => http.GET('/api/supervision/alerts', { params: { query }, signal })))
      .data
  })
}

export function errorsQuery(filters: ErrorFilters) {
  return paged(['errors', filters], async (cursor, signal) => {
    const query = { ...filters, cursor, limit: PAGE }
    return (await read(() => http.GET('/api/supervision/errors', { params: { query }, signal })))
      .data
  })
}

export function runsQuery(filters: PeriodQuery) {
  return paged(['runs', filters], async (cursor, signal) => {
    const query = { ...filters, cursor, limit: PAGE }
    return (await read(() => http.GET('/api/supervision/runs', { params: { query }, signal }))).data
  })
}

export function activityQuery() {
  return paged(['activity'], async (cursor, signal) => {
    const query = { cursor, limit: PAGE }
    return (await read(() => http.GET('/api/supervision/activity', { params: { query }, signal })))
      .data
  })
}

export function alertQuery(id: string, episode?: number) {
  return queryOptions({
    queryKey: [...supervisionKeys.alert(id), episode ?? 'last'],
    queryFn: async ({ signal }) => {
      const params = { path: { id }, query: { episode } }
      return (await read(() => http.GET('/api/supervision/alerts/{id}', { params, signal }))).data
    },
    staleTime: 5_000,
    refetchInterval: SLIDE_MS,
  })
}

export const healthQuery = queryOptions({
  queryKey: supervisionKeys.health,
  queryFn: async ({ signal }) =>
    (await read(() => http.GET('/api/supervision/health', { signal }))).data,
  staleTime: 5_000,
  refetchInterval: SLIDE_MS,
})

export type ExportedList = 'tickets' | 'alerts' | 'errors' | 'runs'

/** The whole list with the same filters, as a file. */
export function exportHref(list: ExportedList, filters: object, format: 'csv' | 'xlsx'): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(filters) as [string, unknown][]) {
    if (value !== undefined && value !== '') query.set(name, String(value))
  }
  query.set('format', format)
  return `/api/supervision/${list}/export?${query.toString()}`
}

export function supervisionFeedPage(
  after: number | undefined,
  epoch: string | undefined,
): Promise<FeedPage> {
  return send(() => http.GET('/api/supervision/feed', { params: { query: { after, epoch } } }))
}
