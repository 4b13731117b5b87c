// One reader of the log: how far it is, what it lacks, and a rebuild that is going on.
import { CircleAlert, CircleCheck, Clock3, RefreshCw } from 'lucide-react'
import type { ProjectionState } from '@/api/types'
import { useT } from '@/lib/i18n'
import { Badge } from '@/ui/badge'

export function ProjectionRow({ projection }: { projection: ProjectionState }) {
  const { t, tn, language } = useT()
  const { name, position, lag_events: behind, rebuild } = projection
  const head = position + behind
  const number = (value: number) => value.toLocaleString(language)
  return (
    <li className="border-line border-b px-4 py-3 last:border-0 sm:px-5">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1.5">
        <p className="min-w-0 flex-1 basis-48">
          <span className="font-mono text-base font-medium break-all">{name}</span>
          <span className="text-faint block text-sm">
            {t('ops.version', { version: projection.version })} ·{' '}
            {t('ops.position', { position: number(position) })}
          </span>
        </p>
        {projection.parked > 0 ? (
          <Badge tone="red">{tn('ops.parked_count', projection.parked)}</Badge>
        ) : null}
        {projection.problem ? (
          <Badge tone="red">
            <CircleAlert aria-hidden="true" />
            {t('ops.stopped')}
          </Badge>
        ) : null}
        {rebuild ? (
          <Badge tone="accent">
            <RefreshCw aria-hidden="true" />
            {t('ops.rebuild')}
          </Badge>
        ) : null}
        {behind > 0 ? (
          <Badge tone="yellow">
            <Clock3 aria-hidden="true" />
            {tn('ops.behind', behind)}
            {projection.lag_seconds > 0
              ? ` ${t('ops.behind_since', { time: duration(projection.lag_seconds) })}`
              : null}
          </Badge>
        ) : (
          <Badge tone="green">
            <CircleCheck aria-hidden="true" />
            {t('ops.up_to_date')}
          </Badge>
        )}
      </div>
      <Bar label={t('ops.progress', { name })} value={position} most={head} />
      {projection.problem ? (
        <p className="text-red mt-2 font-mono text-sm break-words">{projection.problem}</p>
      ) : null}
      {rebuild ? (
        <div className="mt-2">
          <p className="text-soft text-sm">
            {rebuildLabel(rebuild.state, t)} ·{' '}
            {t('ops.rebuild_at', {
              position: number(rebuild.position),
              target: number(rebuild.target),
            })}
          </p>
          <Bar
            label={t('ops.rebuild_progress', { name })}
            value={rebuild.position}
            most={rebuild.target}
          />
        </div>
      ) : null}
    </li>
  )
}

function rebuildLabel(state: string, t: ReturnType<typeof useT>['t']): string {
  switch (state) {
    case 'filling':
    case 'indexing':
    case 'swapping':
      return t(`ops.rebuild.${state}`)
    default:
      return state
  }
}

/** "45 s", "12 min", "3 h": how old the oldest unread event is. */
function duration(seconds: number): string {
  if (seconds < 90) return `${seconds} s`
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3_600)} h`
}

function Bar({ label, value, most }: { label: string; value: number; most: number }) {
  const share = most > 0 ? Math.min(value / most, 1) : 1
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.floor(share * 100)}
      className="bg-sunken mt-2 h-1.5 overflow-hidden rounded-full"
    >
      <div
        className={share < 1 ? 'bg-yellow h-full rounded-full' : 'bg-green h-full rounded-full'}
        style={{ width: `${share * 100}%` }}
      />
    </div>
  )
}
