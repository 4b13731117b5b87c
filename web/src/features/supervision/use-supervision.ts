// One socket for every page of SUPERVISION, open while one of them is.
import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useEffect } from 'react'
import { sessionQuery } from '@/api/auth'
import { followSupervision } from '@/api/supervision-live'

export function useSupervision() {
  const client = useQueryClient()
  const router = useRouter()
  useEffect(
    () =>
      followSupervision(client, () => {
        client.setQueryData(sessionQuery.queryKey, null)
        const next = router.latestLocation.href
        void router.navigate({ to: '/sign-in', search: { next, ended: true }, replace: true })
      }),
    [client, router],
  )
}
