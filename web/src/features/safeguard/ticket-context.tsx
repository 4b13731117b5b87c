import { ExternalLink, HeartPulse } from 'lucide-react'
import type { Approval } from '@/api/types'
import { useSession } from '@/api/use-session'
import { useT } from '@/lib/i18n'
import { Badge } from '@/ui/badge'
import { LongText, VisibleText } from '@/ui/visible-text'
import { glpiHref } from './decision-rules'

function Confidence({ value }: { value: number }) {
  const { t, language } = useT()
  const share = Math.min(100, Math.max(0, value))
  return (
    <span className="flex items-center gap-2">
      <span className="text-soft">{t('sg.confidence')}</span>
      <span
        role="meter"
        aria-label={t('sg.confidence')}
        aria-valuenow={share}
        aria-valuemin={0}
        aria-valuemax={100}
        className="bg-line h-1.5 w-16 overflow-hidden rounded-full"
      >
        <span className="bg-accent block h-full rounded-full" style={{ width: `${share}%` }} />
      </span>
      <span className="font-medium tabular-nums">
        {(share / 100).toLocaleString(language, { style: 'percent' })}
      </span>
    </span>
  )
}

/** Why the action is asked: the ticket, the client, the workflow and how sure it is. */
export function TicketContext({ approval }: { approval: Approval }) {
  const { t } = useT()
  const person = useSession()
  const { context } = approval
  const href = glpiHref(approval, person.glpi_base_url)
  const client = context.client_name ?? context.client_id
  const known = context.ticket_id ?? context.ticket_title ?? client ?? context.workflow
  if (!known) return <p className="text-soft text-base">{t('sg.no_context')}</p>
  return (
    <div className="flex flex-col gap-2 text-base">
      {context.ticket_title ? (
        <p className="font-medium break-words">
          <VisibleText text={context.ticket_title} />
        </p>
      ) : null}
      {context.ticket_description ? (
        <p className="text-soft break-words whitespace-pre-line">
          <LongText text={context.ticket_description} atFirst={400} />
        </p>
      ) : null}
      {client || context.client_critical ? (
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <span className="text-soft">{t('sg.client')}</span>
          {client ? (
            <span className="font-medium">
              <VisibleText text={client} strict={!context.client_name} />
            </span>
          ) : null}
          {context.client_critical ? (
            <Badge tone="red">
              <HeartPulse aria-hidden="true" />
              {t(context.client_id ? 'sg.client.critical' : 'sg.client.unidentified')}
            </Badge>
          ) : null}
        </p>
      ) : null}
      {context.workflow || context.confidence != null ? (
        <p className="flex flex-wrap items-center gap-x-4 gap-y-1">
          {context.workflow ? (
            <span>
              <span className="text-soft">{t('sg.workflow')}</span>{' '}
              <span className="font-medium">
                <VisibleText text={context.workflow} strict />
              </span>
            </span>
          ) : null}
          {context.confidence != null ? <Confidence value={context.confidence} /> : null}
        </p>
      ) : null}
      {href ? (
        <a
          href={href}
          target="_blank"
          rel="noopener noreferrer"
          className="text-accent inline-flex min-h-11 items-center sm:min-h-9 gap-1.5 self-start font-medium underline-offset-4 hover:underline"
        >
          <ExternalLink className="size-4" aria-hidden="true" />
          {t('sg.open_glpi')}
        </a>
      ) : null}
    </div>
  )
}
