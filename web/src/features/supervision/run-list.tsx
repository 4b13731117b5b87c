import { CircleCheck, TriangleAlert } from 'lucide-react'
import type { Run } from '@/api/supervision-types'
import { useSession } from '@/api/use-session'
import { cn } from '@/lib/cn'
import { formatDuration } from '@/lib/format'
import { hasMessage, useT } from '@/lib/i18n'
import { mayReadAudit } from '@/lib/levels'
import { parisDateTime } from '@/lib/paris'
import { VisibleText } from '@/ui/visible-text'
import { HistoryLink } from './labels'
import { freshClass, useFresh } from './use-fresh'

/** Where knowledge comes from, in words; as it is told where there are none. */
export function useSourceName() {
  const { t } = useT()
  return (source: string) => {
    const key = `sv.source.${source}`
    return hasMessage(key) ? t(key) : source
  }
}

interface RunListProps {
  items: Run[]
  scope: string
  label: string
}

export function RunList({ items, scope, label }: RunListProps) {
  const fresh = useFresh(
    items.map((each) => each.run_id),
    scope,
  )
  return (
    <ul aria-label={label}>
      {items.map((run) => (
        <RunRow key={run.run_id} run={run} className={freshClass(fresh.has(run.run_id))} />
      ))}
    </ul>
  )
}

function RunRow({ run, className }: { run: Run; className?: string }) {
  const { tn, language } = useT()
  const person = useSession()
  const sourceOf = useSourceName()
  const failed = run.failed > 0
  const Icon = failed ? TriangleAlert : CircleCheck
  const seconds = (Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000
  const number = (value: number) => value.toLocaleString(language)
  return (
    <li
      className={cn(
        'border-line flex items-start gap-3 border-b px-4 py-3 text-base last:border-0 sm:px-5',
        className,
      )}
    >
      <Icon
        className={cn('mt-0.5 size-4.5 shrink-0', failed ? 'text-yellow' : 'text-green')}
        aria-hidden="true"
      />
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap gap-x-3">
          <span className="font-medium">{tn('sv.run.added', run.added)}</span>
          <span>{tn('sv.run.updated', run.updated)}</span>
          <span className={failed ? 'text-red font-medium' : 'text-soft'}>
            {tn('sv.run.failed', run.failed)}
          </span>
        </p>
        <p className="text-soft flex flex-wrap items-center gap-x-2 text-sm">
          {Object.entries(run.by_source).map(([source, count]) => (
            <span key={source}>
              <VisibleText text={sourceOf(source)} /> {number(count)}
            </span>
          ))}
          <span className="text-faint">· {formatDuration(seconds)}</span>
          {mayReadAudit(person) ? (
            <HistoryLink type="knowledge.enrichment" id={run.aggregate_id} name={run.run_id} />
          ) : null}
        </p>
      </div>
      <time dateTime={run.finished_at} className="text-soft text-sm whitespace-nowrap tabular-nums">
        {parisDateTime(run.finished_at, language)}
      </time>
    </li>
  )
}
