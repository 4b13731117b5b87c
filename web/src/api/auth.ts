import { queryOptions } from '@tanstack/react-query'
import { http, read, send } from './client'
import { ApiError } from './problem'
import type { CurrentUser } from './types'

/** `null` means signed out; an unreachable server is an error, not a sign-out. */
export const sessionQuery = queryOptions<CurrentUser | null>({
  queryKey: ['session'],
  queryFn: async ({ client, signal }): Promise<CurrentUser | null> => {
    try {
      const { data } = await read(() => http.GET('/api/auth/me', { signal }))
      // Tolerates both a bare user and {"user": …}.
      const person: CurrentUser = (data as { user?: CurrentUser }).user ?? data
      const before = client.getQueryData<CurrentUser>(['session'])
      return { ...person, expires_at: person.expires_at ?? before?.expires_at }
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null
      throw error
    }
  },
  staleTime: Infinity,
  retry: (failures, error) => error instanceof ApiError && error.transient && failures < 2,
})

export function login(username: string, password: string) {
  return send(() => http.POST('/api/auth/login', { body: { username, password } }))
}

export function logout() {
  return send(() => http.POST('/api/auth/logout'))
}

export function refresh() {
  return send(() => http.POST('/api/auth/refresh'))
}
