// What a maintenance window covered and is not well yet: what whoever planned it looks at next.
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { CircleCheck, OctagonAlert } from 'lucide-react'
import { alertsQuery } from '@/api/supervision'
import type { Alert, Maintenance } from '@/api/supervision-types'
import { useT } from '@/lib/i18n'
import { VisibleText } from '@/ui/visible-text'
import { lengthText, secondsBetween, useMinute } from './ago'
import { activeUnder, stillWrong } from './maintenance-alerts'

const MOST_SHOWN = 5

export function StillWrong({ maintenance }: { maintenance: Maintenance }) {
  const { t, tn } = useT()
  const filters = activeUnder(maintenance)
  const { data } = useInfiniteQuery(alertsQuery(filters))
  if (!data) return null
  const alerts = stillWrong(
    maintenance,
    data.pages.flatMap((page) => page.items),
  )
  if (alerts.length === 0) {
    return (
      <p className="text-soft mt-1 flex items-center gap-1.5 text-sm">
        <CircleCheck className="text-green size-4 shrink-0" aria-hidden="true" />
        {t(maintenance.status === 'ended' ? 'sv.maintenance.all_well' : 'sv.now.well')}
      </p>
    )
  }
  const rest = alerts.length - MOST_SHOWN
  const title = tn(
    maintenance.status === 'ended' ? 'sv.maintenance.still' : 'sv.maintenance.covers',
    alerts.length,
  )
  return (
    <div className="mt-1.5">
      <p className="text-red flex items-center gap-1.5 text-sm font-medium">
        <OctagonAlert className="size-4 shrink-0" aria-hidden="true" />
        {title}
      </p>
      <ul aria-label={title} className="text-sm">
        {alerts.slice(0, MOST_SHOWN).map((alert) => (
          <StillWrongRow key={`${alert.id}:${alert.episode}`} alert={alert} />
        ))}
      </ul>
      {rest > 0 ? (
        <Link
          to="/supervision/alertes"
          search={filters}
          className="text-accent inline-flex min-h-11 items-center text-sm underline-offset-4 hover:underline sm:min-h-6"
        >
          {tn('sv.maintenance.others', rest)}
        </Link>
      ) : null}
    </div>
  )
}

function StillWrongRow({ alert }: { alert: Alert }) {
  const { t } = useT()
  const now = useMinute()
  const length = lengthText(secondsBetween(alert.raised_at, now), t)
  return (
    <li className="flex flex-wrap items-baseline gap-x-2 sm:pl-5.5">
      <Link
        to="/supervision/alertes/$id"
        params={{ id: alert.id }}
        search={{ episode: alert.episode }}
        className="text-accent inline-flex min-h-11 items-center font-medium break-all underline-offset-4 hover:underline sm:min-h-6"
      >
        <VisibleText text={alert.device} strict />
      </Link>
      <span className="min-w-0 break-words">
        <VisibleText text={alert.message} />
      </span>
      <span className="text-soft">· {t('sv.health.since', { length })}</span>
    </li>
  )
}
