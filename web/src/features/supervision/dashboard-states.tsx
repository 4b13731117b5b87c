// Loading, failed, or there: what each dashboard says of its question.
import type { ReactNode } from 'react'
import { describeError } from '@/api/problem'
import { cn } from '@/lib/cn'
import { useT } from '@/lib/i18n'
import { ErrorState, Skeleton } from '@/ui/states'

interface Asked<T> {
  data: T | undefined
  error: Error | null
  isPlaceholderData: boolean
  refetch: () => unknown
}

interface DashboardStatesProps<T> {
  query: Asked<T>
  children: (data: T) => ReactNode
}

export function DashboardStates<T>({ query, children }: DashboardStatesProps<T>) {
  const { t } = useT()
  const problem = query.error ? describeError(query.error, t) : null
  return (
    <>
      {problem ? (
        <ErrorState
          className="mb-4"
          text={query.data ? `${problem.text} ${t('sv.stale')}` : problem.text}
          trace={problem.traceId}
          retryLabel={t('common.retry')}
          onRetry={() => void query.refetch()}
        />
      ) : null}
      {query.data === undefined && !problem ? <DashboardSkeleton /> : null}
      {query.data === undefined ? null : (
        <div
          aria-busy={query.isPlaceholderData}
          className={cn(
            'flex flex-col gap-4 transition-opacity',
            query.isPlaceholderData && 'opacity-60',
          )}
        >
          {children(query.data)}
        </div>
      )}
    </>
  )
}

function DashboardSkeleton() {
  const { t } = useT()
  return (
    <div role="status" className="flex flex-col gap-4">
      <span className="sr-only">{t('common.loading')}</span>
      <div className="grid grid-cols-2 gap-3 sm:gap-4 lg:grid-cols-4">
        {[0, 1, 2, 3].map((each) => (
          <Skeleton key={each} className="h-28 rounded-xl" />
        ))}
      </div>
      <div className="grid grid-cols-1 gap-4 lg:grid-cols-2">
        <Skeleton className="h-72 rounded-xl" />
        <Skeleton className="h-72 rounded-xl" />
      </div>
    </div>
  )
}
