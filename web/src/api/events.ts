import { queryOptions } from '@tanstack/react-query'
import { http, read } from './client'

/** What events look like changes only with a release. */
export const catalogueQuery = queryOptions({
  queryKey: ['events', 'catalogue'],
  queryFn: async ({ signal }) => {
    const { data } = await read(() => http.GET('/api/events/catalogue', { signal }))
    return data.items
  },
  staleTime: 3_600_000,
})
