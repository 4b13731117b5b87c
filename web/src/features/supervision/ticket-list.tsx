// Tickets as rows on large screens, stacked lines on phones: one list for both.
import { Bot } from 'lucide-react'
import type { Ticket } from '@/api/supervision-types'
import { useSession } from '@/api/use-session'
import { cn } from '@/lib/cn'
import { formatDuration } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { mayReadAudit } from '@/lib/levels'
import { parisMoment } from '@/lib/paris'
import { serverClock } from '@/lib/server-clock'
import { VisibleText } from '@/ui/visible-text'
import { ClientName, HistoryLink, OutcomeMark, TicketLink, categoryName } from './labels'
import { freshClass, useFresh } from './use-fresh'

interface TicketListProps {
  items: Ticket[]
  scope: string
  label: string
  /** With its title, its workflow and its history. */
  full?: boolean
}

const keyOf = (ticket: Ticket) => `${ticket.ticket_id}:${ticket.position}`

export function TicketList({ items, scope, label, full }: TicketListProps) {
  const fresh = useFresh(items.map(keyOf), scope)
  return (
    <ul aria-label={label}>
      {items.map((ticket) => (
        <TicketRow
          key={ticket.ticket_id}
          ticket={ticket}
          full={full}
          className={freshClass(fresh.has(keyOf(ticket)))}
        />
      ))}
    </ul>
  )
}

interface RowProps {
  ticket: Ticket
  full?: boolean
  className?: string
}

function TicketRow({ ticket, full, className }: RowProps) {
  const { t, tn, language } = useT()
  const person = useSession()
  return (
    <li
      className={cn(
        'border-line flex flex-wrap items-baseline gap-x-4 gap-y-1 border-b px-4 py-2.5 text-base last:border-0 sm:px-5',
        className,
      )}
    >
      <time dateTime={ticket.occurred_at} className="text-soft text-sm sm:min-w-12 tabular-nums">
        {parisMoment(ticket.occurred_at, language, serverClock.now())}
      </time>
      <span className="sm:min-w-16">
        <TicketLink number={ticket.ticket_id} url={ticket.url} />
      </span>
      <span className="font-medium sm:min-w-24">{categoryName(ticket.category)}</span>
      <span className="flex items-center sm:min-w-28 gap-1.5">
        <OutcomeMark outcome={ticket.outcome} />
        {ticket.automatic ? (
          <span title={t('sv.ticket.automatic')} className="text-soft">
            <Bot className="size-4" aria-hidden="true" />
            <span className="sr-only">{t('sv.ticket.automatic')}</span>
          </span>
        ) : null}
      </span>
      <span className="text-soft min-w-0 flex-1 basis-40 max-sm:basis-32">
        <ClientName client={ticket.client} />
      </span>
      {full ? (
        <span className="flex w-full flex-wrap items-baseline gap-x-3 text-sm sm:pl-16">
          <span className="min-w-0 flex-1 basis-60 break-words">
            {ticket.title ? <VisibleText text={ticket.title} /> : null}
            <span className="text-faint">
              {ticket.duration_ms == null
                ? null
                : ` · ${formatDuration(ticket.duration_ms / 1000)}`}
              {ticket.reports > 1 ? ` · ${tn('sv.ticket.reports', ticket.reports)}` : null}
            </span>
          </span>
          {mayReadAudit(person) ? (
            <HistoryLink
              type="support.ticket"
              id={ticket.aggregate_id}
              name={`#${ticket.ticket_id}`}
            />
          ) : null}
        </span>
      ) : null}
    </li>
  )
}
