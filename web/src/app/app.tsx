import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { useEffect } from 'react'
import { sessionQuery } from '@/api/auth'
import { whenUnauthenticated } from '@/api/client'
import { ApiError } from '@/api/problem'
import { createAppRouter } from './router'
import { sessionEnded } from './session-end'

const client = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, error) => error instanceof ApiError && error.transient && failures < 3,
      retryDelay: (attempt) => Math.min(8_000, 700 * 2 ** attempt),
      refetchOnWindowFocus: false,
    },
    mutations: {
      // The idempotency key travels in the variables: sending again is safe.
      retry: (failures, error) => error instanceof ApiError && error.transient && failures < 2,
      retryDelay: (attempt) => 600 * 2 ** attempt,
    },
  },
})
const router = createAppRouter(client)

export function App() {
  useEffect(() => {
    whenUnauthenticated(() => {
      if (!client.getQueryData(sessionQuery.queryKey)) return
      sessionEnded(client, router)
    })
  }, [])
  return (
    <QueryClientProvider client={client}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  )
}
