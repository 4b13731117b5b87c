import { useQuery, useQueryClient } from '@tanstack/react-query'
import { sessionQuery } from './auth'
import type { CurrentUser } from './types'

/** The signed-in person. Only for screens behind the session guard. */
export function useSession(): CurrentUser {
  const client = useQueryClient()
  const { data } = useQuery(sessionQuery)
  // Between signing out and leaving, the page still shows who it was.
  const person = data ?? client.getQueryData<CurrentUser>(['last-session'])
  if (!person) throw new Error('useSession outside of a session')
  return person
}
