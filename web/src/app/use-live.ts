import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useEffect } from 'react'
import { followSafeguard } from '@/api/live'
import { useSession } from '@/api/use-session'
import { atLeast } from '@/lib/levels'
import { sessionEnded } from './session-end'

/** Approvals as they are asked and decided, for whoever may see them. */
export function useLive() {
  const person = useSession()
  const client = useQueryClient()
  const router = useRouter()
  const enabled = atLeast(person, 'N1')
  useEffect(() => {
    if (!enabled) return
    return followSafeguard(client, () => {
      sessionEnded(client, router)
    })
  }, [client, router, enabled])
}
