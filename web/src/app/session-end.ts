import type { QueryClient } from '@tanstack/react-query'
import type { AnyRouter } from '@tanstack/react-router'
import { sessionQuery } from '@/api/auth'

/** The session ended by itself: go and sign in, then come back here. Heard twice, done once. */
export function sessionEnded(client: QueryClient, router: AnyRouter) {
  client.setQueryData(sessionQuery.queryKey, null)
  const { pathname, href } = router.latestLocation
  if (pathname === '/sign-in') return
  void router.navigate({
    to: '/sign-in',
    search: { next: href === '/' ? undefined : href, ended: true },
    replace: true,
  })
}
