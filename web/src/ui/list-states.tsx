// What every list says when it is loading, empty or failed, and how it goes on.
import type { ReactNode } from 'react'
import { useT } from '@/lib/i18n'
import { Button } from './button'
import { Card } from './page'
import { EmptyState, ErrorState, SkeletonRows } from './states'

interface ListStatesProps {
  query: { isPending: boolean; refetch: () => unknown }
  problem: { text: string; traceId?: string | null } | null
  /** Shown when the list is there, and holds nothing. */
  empty: { title: string; text: string } | null
  children: ReactNode
}

export function ListStates({ query, problem, empty, children }: ListStatesProps) {
  const { t } = useT()
  return (
    <>
      {problem ? (
        <ErrorState
          className="mb-4"
          text={problem.text}
          trace={problem.traceId}
          retryLabel={t('common.retry')}
          onRetry={() => void query.refetch()}
        />
      ) : null}
      {query.isPending ? (
        <Card>
          <SkeletonRows label={t('common.loading')} />
        </Card>
      ) : null}
      {empty ? <EmptyState {...empty} /> : null}
      {children}
    </>
  )
}

interface PagedQuery {
  hasNextPage: boolean
  isFetchingNextPage: boolean
  fetchNextPage: () => unknown
}

export function LoadMore({ query }: { query: PagedQuery }) {
  const { t } = useT()
  if (!query.hasNextPage) return null
  return (
    <div className="mt-6 text-center">
      <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
        {t('common.load_more')}
      </Button>
    </div>
  )
}
