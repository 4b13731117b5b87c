// Facts that could not be accepted: they wait in the stream REJECTED until somebody decides.
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { http, read, send } from './client'
import { PAGE } from './supervision'

export const intakeKeys = {
  all: ['intake'] as const,
  rejected: ['intake', 'rejected'] as const,
  fact: (sequence: number) => ['intake', 'rejected', sequence] as const,
  schemas: ['intake', 'schemas'] as const,
}

/** No feed tells of them. */
const EVERY_MS = 10_000

export interface RejectedFilters {
  /** The account that published. */
  service?: string
  /** Why it was refused. */
  code?: string
}

export function rejectedQuery(filters: RejectedFilters) {
  return infiniteQueryOptions({
    queryKey: [...intakeKeys.rejected, 'list', filters],
    queryFn: async ({ pageParam, signal }) => {
      const query = { ...filters, cursor: pageParam ?? undefined, limit: PAGE }
      return (await read(() => http.GET('/api/intake/rejected', { params: { query }, signal })))
        .data
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    refetchInterval: EVERY_MS,
  })
}

export function rejectedFactQuery(sequence: number) {
  return queryOptions({
    queryKey: intakeKeys.fact(sequence),
    queryFn: async ({ signal }) =>
      (
        await read(() =>
          http.GET('/api/intake/rejected/{sequence}', { params: { path: { sequence } }, signal }),
        )
      ).data,
    // What somebody is correcting must not change under his hands; a message never changes anyway.
    staleTime: Infinity,
  })
}

export const schemasQuery = queryOptions({
  queryKey: intakeKeys.schemas,
  queryFn: async ({ signal }) =>
    (await read(() => http.GET('/api/intake/schemas', { signal }))).data,
  staleTime: Infinity,
})

export function resubmitFact(sequence: number, body: string | null, intent: string) {
  return send(() =>
    http.POST('/api/intake/rejected/{sequence}/resubmit', {
      params: { path: { sequence } },
      headers: { 'Idempotency-Key': intent },
      body: { body },
    }),
  )
}

export function discardFact(sequence: number, reason: string, intent: string) {
  return send(() =>
    http.POST('/api/intake/rejected/{sequence}/discard', {
      params: { path: { sequence } },
      headers: { 'Idempotency-Key': intent },
      body: { reason },
    }),
  )
}

/** Facts after one sequence and up to another. */
export interface Stretch extends RejectedFilters {
  after?: number
  up_to: number
}

/** One call of several: `next_after` says where the next one begins. */
export function resubmitFacts(body: Stretch, intent: string) {
  return send(() =>
    http.POST('/api/intake/rejected/resubmit', { headers: { 'Idempotency-Key': intent }, body }),
  )
}

export function discardFacts(body: Stretch & { reason: string }, intent: string) {
  return send(() =>
    http.POST('/api/intake/rejected/discard', { headers: { 'Idempotency-Key': intent }, body }),
  )
}
