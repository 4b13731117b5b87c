// Requests that wait, the most urgent first; deciding is SAFEGUARD's own page.
import { Link } from '@tanstack/react-router'
import { Clock, Hourglass, TriangleAlert } from 'lucide-react'
import { useActionTitle } from '@/api/action-title'
import type { Approval } from '@/api/types'
import { cn } from '@/lib/cn'
import { useT } from '@/lib/i18n'
import { countdownText, tierOf } from '@/lib/urgency'
import { useServerTime } from '@/lib/use-clock'
import { VisibleText } from '@/ui/visible-text'

const looks = {
  red: { icon: TriangleAlert, ink: 'text-red' },
  yellow: { icon: Hourglass, ink: 'text-yellow' },
  green: { icon: Clock, ink: 'text-green' },
}

export function PendingList({ items, label }: { items: Approval[]; label: string }) {
  return (
    <ul aria-label={label}>
      {items.map((each) => (
        <PendingRow key={each.id} approval={each} />
      ))}
    </ul>
  )
}

function PendingRow({ approval }: { approval: Approval }) {
  const { t } = useT()
  const titleOf = useActionTitle()
  const tier = useServerTime((now) => tierOf(approval.expires_at, now))
  const left = useServerTime((now) => countdownText(Date.parse(approval.expires_at) - now))
  const { icon: Icon, ink } = looks[tier]
  return (
    <li className="border-line hover:bg-sunken/60 relative flex items-start gap-3 border-b px-4 py-3 last:border-0 sm:px-5">
      <Icon className={cn('mt-0.5 size-5 shrink-0', ink)} aria-hidden="true" />
      <div className="min-w-0 flex-1">
        <Link
          to="/safeguard/$id"
          params={{ id: approval.id }}
          className="text-base font-medium break-words after:absolute after:inset-0"
        >
          <VisibleText text={titleOf(approval)} />
        </Link>
        <p className="text-soft text-sm break-words">
          <span className="font-mono">{approval.reference}</span>
          {approval.context.client_name ? (
            <>
              {' · '}
              <VisibleText text={approval.context.client_name} />
            </>
          ) : null}
        </p>
      </div>
      <p className={cn('text-right text-sm font-semibold', ink)}>
        {t(`sg.urgency.label.${tier}`)}
        <time dateTime={approval.expires_at} role="timer" className="block tabular-nums">
          <span className="sr-only">{t('sg.expires_in')} </span>
          {left}
        </time>
      </p>
    </li>
  )
}
