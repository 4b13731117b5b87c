import { Link } from '@tanstack/react-router'
import { ChevronRight, GitBranch } from 'lucide-react'
import type { AuditItem } from '@/api/types'
import { formatDate, formatTimeSeconds } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { Card } from '@/ui/page'
import { Quote } from '@/ui/quote'
import { actionLabel, actorLabel, browserName, kindLabel, shortId, targetLabel } from './labels'
import { OutcomeBadge } from './outcome-badge'
import { UnreadableBadge } from './unreadable-badge'

/** Rows on large screens, stacked lines on phones: one list for both, in reading order. */
export function AuditList({ items }: { items: AuditItem[] }) {
  const { t } = useT()
  return (
    <Card>
      <ul aria-label={t('audit.title')}>
        {items.map((item) => (
          <AuditRow key={item.position} item={item} />
        ))}
      </ul>
    </Card>
  )
}

function AuditRow({ item }: { item: AuditItem }) {
  const { t, language } = useT()
  const target =
    item.target_type && item.target_id ? { type: item.target_type, id: item.target_id } : null
  const reference = item.details?.reference
  const origin = [item.ip_address, item.user_agent && browserName(item.user_agent)].filter(
    (part): part is string => Boolean(part),
  )
  return (
    <li className="border-line hover:bg-sunken/50 relative border-b last:border-0">
      <div className="grid gap-x-4 gap-y-1 px-4 py-3 text-base sm:px-5 md:grid-cols-[7.5rem_minmax(0,1fr)_minmax(0,1.7fr)_minmax(0,1.1fr)_auto] md:items-start">
        <time dateTime={item.at} className="text-soft text-sm tabular-nums">
          {formatDate(item.at, language)}
          <span className="md:block"> {formatTimeSeconds(item.at, language)}</span>
        </time>
        <p className="min-w-0 break-words">
          <span className="font-medium">{actorLabel(item.actor, t)}</span>
          <span className="text-faint block text-sm">{kindLabel(item.actor, t)}</span>
        </p>
        <div className="min-w-0">
          <p className="flex flex-wrap items-center gap-2">
            <span className="font-medium">{actionLabel(item.action, t)}</span>
            <OutcomeBadge outcome={item.outcome} />
            <UnreadableBadge cause={item.unreadable} />
          </p>
          {target ? (
            <Link
              to="/audit/$targetType/$targetId"
              params={{ targetType: target.type, targetId: target.id }}
              aria-label={`${t('audit.see_entity')} · ${target.type} ${target.id}`}
              className="text-accent inline-flex min-h-11 items-center text-sm underline-offset-4 md:min-h-6 hover:underline md:after:absolute md:after:inset-0"
            >
              {targetLabel(target.type, t)} ·{' '}
              {typeof reference === 'string' ? reference : shortId(target.id)}
            </Link>
          ) : null}
          {item.reason ? (
            <p className="text-soft mt-0.5 text-sm break-words">
              <Quote text={item.reason} />
            </p>
          ) : null}
          <p className="text-faint font-mono text-xs break-all">{item.action}</p>
        </div>
        <p className="text-soft min-w-0 text-sm break-words">
          {origin.length === 0 ? <span className="max-md:hidden">—</span> : null}
          {origin.map((part, i) => (
            <span key={part} className="md:block">
              {i > 0 ? <span className="md:hidden"> · </span> : null}
              {part}
            </span>
          ))}
        </p>
        <div className="flex items-center gap-1 max-md:absolute max-md:top-1.5 max-md:right-1.5">
          {item.correlation_id ? (
            <Link
              to="/audit/chain/$correlationId"
              params={{ correlationId: item.correlation_id }}
              aria-label={`${t('audit.see_chain')} · ${item.action}, ${t('audit.position')} ${item.position}`}
              title={t('audit.see_chain')}
              className="text-soft hover:bg-sunken hover:text-accent relative z-[1] grid size-11 place-items-center rounded-lg md:size-9"
            >
              <GitBranch className="size-4" aria-hidden="true" />
            </Link>
          ) : null}
          <ChevronRight className="text-faint size-4 max-md:hidden" aria-hidden="true" />
        </div>
      </div>
    </li>
  )
}
