import { queryOptions } from '@tanstack/react-query'
import { http, read, send } from './client'

const EVERY_MS = 5_000
/** While an order is on its way. */
const SOON_MS = 1_000

export const projectionsQuery = queryOptions({
  queryKey: ['operations', 'projections'],
  queryFn: async ({ signal }) => {
    const { data } = await read(() => http.GET('/api/operations/projections', { signal }))
    return data.items
  },
  refetchInterval: EVERY_MS,
})

export const MOST_PARKED = 200

export function parkedQuery(name: string, isAwaited: boolean) {
  return queryOptions({
    queryKey: ['operations', 'parked', name],
    queryFn: async ({ signal }) => {
      const params = { path: { name }, query: { limit: MOST_PARKED } }
      const { data, position } = await read(() =>
        http.GET('/api/operations/projections/{name}/parked', { params, signal }),
      )
      return { ...data, position }
    },
    refetchInterval: isAwaited ? SOON_MS : EVERY_MS,
  })
}

interface Target {
  name: string
  position: number
}

export function retryParked(path: Target, intent: string) {
  return send(() =>
    http.POST('/api/operations/projections/{name}/parked/{position}/retry', {
      params: { path },
      headers: { 'Idempotency-Key': intent },
    }),
  )
}

/** All that the reader put aside, whatever its key. */
export function retryAllParked(name: string, intent: string) {
  return send(() =>
    http.POST('/api/operations/projections/{name}/parked/retry-all', {
      params: { path: { name } },
      headers: { 'Idempotency-Key': intent },
    }),
  )
}

export function discardParked(path: Target, reason: string, intent: string) {
  return send(() =>
    http.POST('/api/operations/projections/{name}/parked/{position}/discard', {
      params: { path },
      headers: { 'Idempotency-Key': intent },
      body: { reason },
    }),
  )
}
