// Which clients feel it now, and which no longer do: in words, a shape and a colour.
import { Link } from '@tanstack/react-router'
import { CircleCheck, Hourglass, OctagonAlert } from 'lucide-react'
import { useState } from 'react'
import type { ImpactedClient } from '@/api/supervision-types'
import { cn } from '@/lib/cn'
import { useT } from '@/lib/i18n'
import { Button } from '@/ui/button'
import { lengthText, secondsBetween, useMinute } from './ago'
import { ClientName } from './labels'
import { Nothing, Panel } from './panel'

const looks = {
  red: { icon: OctagonAlert, ink: 'text-red', bar: 'border-l-red-bar' },
  yellow: { icon: Hourglass, ink: 'text-yellow', bar: 'border-l-yellow-bar' },
  green: { icon: CircleCheck, ink: 'text-green', bar: 'border-l-green-bar' },
}

interface ImpactedClientsProps {
  clients: ImpactedClient[]
  label: string
  className?: string
}

export function ImpactedClients({ clients, label, className }: ImpactedClientsProps) {
  return (
    <ul aria-label={label} className={cn('grid grid-cols-1 gap-2 px-4 pb-4 sm:px-5', className)}>
      {clients.map((each) => (
        <ImpactedRow key={each.client.id} impact={each} />
      ))}
    </ul>
  )
}

const RESTORED_SHOWN = 3

/** All who feel it now; of those that no longer do, the latest until one asks for the others. */
export function ImpactedPanel({ clients }: { clients: ImpactedClient[] }) {
  const { t, tn } = useT()
  const [all, setAll] = useState(false)
  const touched = clients.filter(({ state }) => state !== 'green')
  const restored = clients.filter(({ state }) => state === 'green')
  const shown = [...touched, ...(all ? restored : restored.slice(0, RESTORED_SHOWN))]
  const rest = restored.length - RESTORED_SHOWN
  const title = t('sv.sentinel.impacted')
  return (
    <Panel title={title} note={tn('sv.impact.touched', touched.length)} flush>
      {clients.length === 0 ? (
        <Nothing>{t('sv.sentinel.nobody')}</Nothing>
      ) : (
        <ImpactedClients clients={shown} label={title} />
      )}
      {rest > 0 ? (
        <Button
          variant="ghost"
          size="sm"
          aria-expanded={all}
          className="mx-2 -mt-2 mb-2 sm:mx-3"
          onClick={() => {
            setAll(!all)
          }}
        >
          {all ? t('sv.impact.fewer') : tn('sv.impact.more', rest)}
        </Button>
      ) : null}
    </Panel>
  )
}

function ImpactedRow({ impact }: { impact: ImpactedClient }) {
  const { t, tn } = useT()
  const now = useMinute()
  const { icon: Icon, ink, bar } = looks[impact.state]
  const who = t(`sv.responsibility.${impact.responsibility}`)
  const since = impact.since ? lengthText(secondsBetween(impact.since, now), t) : null
  const over = impact.resolved_at ? lengthText(secondsBetween(impact.resolved_at, now), t) : null
  const text = {
    red: since ? t('sv.impact.since', { who, since }) : who,
    yellow: since ? t('sv.impact.waits_since', { since }) : t('sv.impact.waits'),
    green: over ? t('sv.impact.over', { over, who }) : t('sv.impact.was', { who }),
  }[impact.state]
  const isGreen = impact.state === 'green'
  return (
    <li
      data-impact={impact.state}
      className={cn(
        'border-line hover:bg-sunken/60 relative flex items-start gap-3 rounded-lg border border-l-4 px-3 py-2.5',
        bar,
      )}
    >
      <Icon className={cn('mt-0.5 size-5 shrink-0', ink)} aria-hidden="true" />
      <div className="min-w-0 flex-1">
        <Link
          to="/supervision/alertes"
          search={{
            client_id: impact.client.id,
            status: isGreen ? undefined : 'active',
            range: isGreen ? '7d' : undefined,
          }}
          className="text-base font-medium after:absolute after:inset-0"
        >
          <ClientName client={impact.client} />
        </Link>
        <p className="text-soft text-sm">
          <span className={cn('font-medium', ink)}>{t(`sv.impact.${impact.state}`)}</span>
          {isGreen ? '' : ` · ${tn('sv.impact.alerts', impact.active)}`} · {text}
        </p>
      </div>
    </li>
  )
}
