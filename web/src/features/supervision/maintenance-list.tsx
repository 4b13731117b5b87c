import { Ban } from 'lucide-react'
import type { Maintenance } from '@/api/supervision-types'
import { useActorName } from '@/api/use-actor-name'
import { useSession } from '@/api/use-session'
import { useT } from '@/lib/i18n'
import { mayReadAudit } from '@/lib/levels'
import { parisDateTime, parisDay, parisTime } from '@/lib/paris'
import { Button } from '@/ui/button'
import { VisibleText } from '@/ui/visible-text'
import { useMinute } from './ago'
import { ClientName, HistoryLink, MaintenanceMark } from './labels'
import { isOfInterest } from './maintenance-alerts'
import { StillWrong } from './still-wrong'

interface MaintenanceListProps {
  items: Maintenance[]
  label: string
  onCancel?: (maintenance: Maintenance) => void
}

export function MaintenanceList({ items, label, onCancel }: MaintenanceListProps) {
  return (
    <ul aria-label={label}>
      {items.map((each) => (
        <MaintenanceRow key={each.id} maintenance={each} onCancel={onCancel} />
      ))}
    </ul>
  )
}

interface RowProps {
  maintenance: Maintenance
  onCancel?: (maintenance: Maintenance) => void
}

function MaintenanceRow({ maintenance, onCancel }: RowProps) {
  const { t, language } = useT()
  const nameOf = useActorName()
  const person = useSession()
  const now = useMinute()
  const { starts_at: from, ends_at: to } = maintenance
  const end =
    parisDay(from) === parisDay(to) ? parisTime(to, language) : parisDateTime(to, language)
  const isOpen = maintenance.status === 'planned' || maintenance.status === 'running'
  const what = maintenance.device ?? maintenance.client?.name ?? maintenance.client?.id ?? ''
  return (
    <li
      data-maintenance={maintenance.id}
      className="border-line flex flex-wrap items-start gap-x-4 gap-y-2 border-b px-4 py-3 text-base last:border-0 sm:px-5"
    >
      <div className="min-w-0 flex-1 basis-64">
        <p className="flex flex-wrap items-center gap-2">
          <MaintenanceMark status={maintenance.status} />
          <span className="font-medium">
            {maintenance.device ? (
              <VisibleText text={maintenance.device} strict />
            ) : (
              <ClientName client={maintenance.client} />
            )}
          </span>
          {maintenance.device && maintenance.client ? (
            <span className="text-soft">
              <ClientName client={maintenance.client} />
            </span>
          ) : null}
        </p>
        <p className="break-words">
          <VisibleText text={maintenance.reason} />
        </p>
        <p className="text-soft text-sm">
          <time dateTime={from}>{parisDateTime(from, language)}</time> –{' '}
          <time dateTime={to}>{end}</time> ·{' '}
          {t('sv.maintenance.by', { by: nameOf(maintenance.planned_by) })}
        </p>
        {isOfInterest(maintenance, now) ? <StillWrong maintenance={maintenance} /> : null}
      </div>
      <div className="flex items-center gap-3">
        {mayReadAudit(person) ? (
          <HistoryLink type="sentinel.maintenance" id={maintenance.id} name={what} />
        ) : null}
        {onCancel && isOpen ? (
          <Button
            size="sm"
            aria-label={`${t('sv.maintenance.cancel')} · ${what}`}
            onClick={() => {
              onCancel(maintenance)
            }}
          >
            <Ban className="size-4" aria-hidden="true" />
            {t('sv.maintenance.cancel')}
          </Button>
        ) : null}
      </div>
    </li>
  )
}
