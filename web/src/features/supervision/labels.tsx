// The words, shapes and tones of states: a colour never stands alone.
import { Link } from '@tanstack/react-router'
import {
  BellOff,
  CircleAlert,
  CircleCheck,
  CircleHelp,
  CircleX,
  Clock3,
  Eye,
  Hourglass,
  Info,
  LoaderCircle,
  MoveUpRight,
  OctagonAlert,
  Repeat,
  TriangleAlert,
  type LucideIcon,
} from 'lucide-react'
import type {
  Alert,
  Category,
  ClientRef,
  HealthStatus,
  Maintenance,
  Outcome,
  Responsibility,
  Severity,
} from '@/api/supervision-types'
import { useT, type MessageKey } from '@/lib/i18n'
import { revealed } from '@/lib/reveal'
import { Badge, type BadgeTone } from '@/ui/badge'
import { VisibleText } from '@/ui/visible-text'

export const CATEGORIES: Category[] = ['RESET_MDP', 'DEBLOCAGE', 'DIAG', 'AUTRE']
export const OUTCOMES: Outcome[] = ['resolved', 'in_progress', 'escalated', 'failed']
export const RESPONSIBILITIES: Responsibility[] = ['fai', 'local', 'widip', 'indetermine']
export const SEVERITIES: Severity[] = ['critical', 'warning', 'info']

interface Look {
  tone: BadgeTone
  icon: LucideIcon
}

const outcomes: Record<Outcome, Look> = {
  resolved: { tone: 'green', icon: CircleCheck },
  in_progress: { tone: 'accent', icon: LoaderCircle },
  escalated: { tone: 'yellow', icon: MoveUpRight },
  failed: { tone: 'red', icon: CircleX },
}

const severities: Record<Severity, Look> = {
  critical: { tone: 'red', icon: OctagonAlert },
  warning: { tone: 'yellow', icon: TriangleAlert },
  info: { tone: 'neutral', icon: Info },
}

export const healthLooks: Record<HealthStatus, Look> = {
  ok: { tone: 'green', icon: CircleCheck },
  degraded: { tone: 'yellow', icon: TriangleAlert },
  down: { tone: 'red', icon: CircleX },
  unknown: { tone: 'neutral', icon: CircleHelp },
}

const windows: Record<Maintenance['status'], Look> = {
  planned: { tone: 'accent', icon: Clock3 },
  running: { tone: 'yellow', icon: BellOff },
  ended: { tone: 'neutral', icon: CircleCheck },
  cancelled: { tone: 'neutral', icon: CircleX },
}

function Mark({ look: { tone, icon: Icon }, text }: { look: Look; text: MessageKey }) {
  const { t } = useT()
  return (
    <Badge tone={tone}>
      <Icon aria-hidden="true" />
      {t(text)}
    </Badge>
  )
}

export const OutcomeMark = ({ outcome }: { outcome: Outcome }) => (
  <Mark look={outcomes[outcome]} text={`sv.outcome.${outcome}`} />
)

export const SeverityMark = ({ severity }: { severity: Severity }) => (
  <Mark look={severities[severity]} text={`sv.severity.${severity}`} />
)

export const HealthMark = ({ status }: { status: HealthStatus }) => (
  <Mark look={healthLooks[status]} text={`sv.health.${status}`} />
)

export const MaintenanceMark = ({ status }: { status: Maintenance['status'] }) => (
  <Mark look={windows[status]} text={`sv.maintenance.${status}`} />
)

/** How an alert is now, with all that qualifies it. */
export function AlertMarks({ alert }: { alert: Alert }) {
  const isActive = alert.status === 'active'
  return (
    <span className="inline-flex flex-wrap items-center gap-1">
      {isActive ? (
        <SeverityMark severity={alert.severity} />
      ) : (
        <Mark look={outcomes.resolved} text="sv.alert.resolved" />
      )}
      {alert.is_flapping ? (
        <Mark look={{ tone: 'violet', icon: Repeat }} text="sv.alert.flapping" />
      ) : null}
      {isActive && alert.is_awaiting_diag ? (
        <Mark look={{ tone: 'yellow', icon: Hourglass }} text="sv.alert.awaiting_diag" />
      ) : null}
      {isActive && alert.acknowledged_by ? (
        <Mark look={{ tone: 'accent', icon: Eye }} text="sv.alert.acknowledged" />
      ) : null}
      {isActive && alert.is_muted ? (
        <Mark look={{ tone: 'neutral', icon: BellOff }} text="sv.alert.muted" />
      ) : null}
    </span>
  )
}

export const categoryName = (category: Category) => (category === 'DIAG' ? '#DIAG' : category)

/** "FAI probable, 75 %" */
export function useResponsibility() {
  const { t } = useT()
  return ({ responsibility, confidence }: Pick<Alert, 'responsibility' | 'confidence'>) => {
    const name = t(`sv.responsibility.${responsibility}`)
    return confidence == null ? name : t('sv.responsibility.sure', { name, percent: confidence })
  }
}

/** The client as the register names it; its number, said to be unknown, where it does not. */
export function ClientName({ client }: { client: ClientRef | null | undefined }) {
  const { t } = useT()
  if (!client) return <span className="text-faint">{t('sv.client.none')}</span>
  return (
    <span className="inline-flex max-w-full flex-wrap items-center gap-x-1.5">
      <span className="min-w-0 break-words">
        {client.name ? (
          <VisibleText text={client.name} />
        ) : (
          <>
            {t('sv.client.number')} <VisibleText text={client.id} strict />
          </>
        )}
      </span>
      {client.critical ? (
        <Badge tone="red">
          <CircleAlert aria-hidden="true" />
          {t('sv.client.critical')}
        </Badge>
      ) : null}
      {client.is_known ? null : <Badge tone="yellow">{t('sv.client.unknown')}</Badge>}
    </span>
  )
}

export function TicketLink({ number, url }: { number: number; url?: string | null }) {
  const { t } = useT()
  if (!url) return <span className="font-mono text-sm">#{number}</span>
  return (
    <a
      href={url}
      target="_blank"
      rel="noreferrer"
      className="text-accent relative z-[1] font-mono text-sm underline-offset-4 hover:underline"
    >
      #{number}
      <span className="sr-only"> · {t('sv.open_in_glpi')}</span>
    </a>
  )
}

/** To the whole history of an aggregate, for who may read the trail. */
export function HistoryLink({ type, id, name }: { type: string; id: string; name: string }) {
  const { t } = useT()
  return (
    <Link
      to="/audit/$targetType/$targetId"
      params={{ targetType: type, targetId: id }}
      aria-label={`${t('sv.history')} · ${name}`}
      className="text-accent relative z-[1] inline-flex min-h-11 items-center text-sm underline-offset-4 hover:underline max-sm:-mb-2.5 sm:min-h-6"
    >
      {t('sv.history')}
    </Link>
  )
}

/** The client in one line of text. */
export function useClientWords() {
  const { t } = useT()
  return (client: ClientRef | null | undefined): string => {
    if (!client) return t('sv.client.none')
    if (client.name) return revealed(client.name)
    const name = `${t('sv.client.number')} ${revealed(client.id, true)}`
    return client.is_known ? name : `${name} (${t('sv.client.unknown')})`
  }
}
