import { useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { refresh, sessionQuery } from '@/api/auth'
import { useSession } from '@/api/use-session'
import { serverClock } from '@/lib/server-clock'

const BEFORE_END_MS = 10 * 60_000
/** setTimeout cannot wait longer than this. */
const LONGEST_WAIT_MS = 2 ** 31 - 1

/** Renews the token shortly before it ends; when the session itself is over, the server says so. */
export function useSessionRefresh() {
  const client = useQueryClient()
  const expiresAt = useSession().expires_at
  useEffect(() => {
    if (!expiresAt) return
    const wait = Date.parse(expiresAt) - serverClock.now() - BEFORE_END_MS
    // Already nearly over: a refresh would answer the same end again, and again.
    if (wait <= 0 || wait > LONGEST_WAIT_MS) return
    const timer = setTimeout(() => {
      refresh()
        .then((answer) => {
          client.setQueryData(
            sessionQuery.queryKey,
            (person) => person && { ...person, expires_at: answer.expires_at },
          )
        })
        .catch(() => undefined)
    }, wait)
    return () => {
      clearTimeout(timer)
    }
  }, [client, expiresAt])
}
