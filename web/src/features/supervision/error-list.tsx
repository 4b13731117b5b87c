import { CircleCheck, TriangleAlert } from 'lucide-react'
import type { WorkflowError } from '@/api/supervision-types'
import { useSession } from '@/api/use-session'
import { cn } from '@/lib/cn'
import { useT } from '@/lib/i18n'
import { mayReadAudit } from '@/lib/levels'
import { parisMoment } from '@/lib/paris'
import { serverClock } from '@/lib/server-clock'
import { VisibleText } from '@/ui/visible-text'
import { HistoryLink, TicketLink } from './labels'
import { freshClass, useFresh } from './use-fresh'

interface ErrorListProps {
  items: WorkflowError[]
  scope: string
  label: string
  full?: boolean
}

export function ErrorList({ items, scope, label, full }: ErrorListProps) {
  const fresh = useFresh(
    items.map((each) => each.id),
    scope,
  )
  return (
    <ul aria-label={label}>
      {items.map((each) => (
        <ErrorRow
          key={each.id}
          error={each}
          full={full}
          className={freshClass(fresh.has(each.id))}
        />
      ))}
    </ul>
  )
}

interface RowProps {
  error: WorkflowError
  full?: boolean
  className?: string
}

function ErrorRow({ error, full, className }: RowProps) {
  const { t, tn, language } = useT()
  const person = useSession()
  const Icon = error.recovered ? CircleCheck : TriangleAlert
  return (
    <li
      className={cn(
        'border-line flex items-start gap-3 border-b px-4 py-2.5 text-base last:border-0 sm:px-5',
        className,
      )}
    >
      <Icon
        className={cn('mt-0.5 size-4.5 shrink-0', error.recovered ? 'text-green' : 'text-yellow')}
        aria-hidden="true"
      />
      <div className="min-w-0 flex-1">
        <p className="break-words">
          <VisibleText text={error.message} />
          {error.tool ? (
            <span className="text-soft">
              {' '}
              (
              <span className="font-mono text-sm">
                <VisibleText text={error.tool} strict />
              </span>
              )
            </span>
          ) : null}
        </p>
        <p className="text-soft flex flex-wrap items-center gap-x-2 text-sm">
          <VisibleText text={error.workflow} strict />
          {error.ticket_id == null ? null : <TicketLink number={error.ticket_id} url={error.url} />}
          <span>
            {error.recovered
              ? error.attempts
                ? tn('sv.error.recovered', error.attempts)
                : t('sv.error.recovered_some')
              : error.attempts
                ? tn('sv.error.failed', error.attempts)
                : t('sv.error.failed_some')}
          </span>
          {full && mayReadAudit(person) ? (
            <HistoryLink type="workflow.error" id={error.id} name={error.workflow} />
          ) : null}
        </p>
      </div>
      <time dateTime={error.occurred_at} className="text-soft text-sm tabular-nums">
        {parisMoment(error.occurred_at, language, serverClock.now())}
      </time>
    </li>
  )
}
