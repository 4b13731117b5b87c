// What the live feed means to a person: a card leaves, a card arrives, the browser may say so.
import { useRouter } from '@tanstack/react-router'
import { useEffect } from 'react'
import { onApprovalNews, type ApprovalNews } from '@/api/live'
import type { Approval } from '@/api/types'
import { useActorName } from '@/api/use-actor-name'
import { formatTime } from '@/lib/format'
import { useT, type Translate } from '@/lib/i18n'
import { revealed } from '@/lib/reveal'
import { subjectOf, useActionTitle } from '@/api/action-title'
import { announce, arrive, comeBack, depart, useDecisions, type Departure } from './decision-store'
import { showNotification } from '@/lib/notifications'

/** The client's name is prose; what stands in for it is not. */
function clientWords({ context, tool_name }: Approval): string {
  return context.client_name ? revealed(context.client_name) : revealed(tool_name, true)
}

function departureOf(approval: Approval, by: string | null, t: Translate): Departure | null {
  switch (approval.status) {
    case 'approved':
    case 'executing':
    case 'executed':
      return {
        approval,
        tone: 'green',
        notice: by ? t('sg.notice.approved', { by }) : t('sg.notice.approved_nobody'),
      }
    case 'rejected':
      return {
        approval,
        tone: 'red',
        notice: by ? t('sg.notice.rejected', { by }) : t('sg.notice.rejected_nobody'),
      }
    case 'expired':
      return { approval, tone: 'neutral', notice: t('sg.notice.expired') }
    case 'cancelled':
      return { approval, tone: 'neutral', notice: t('sg.notice.cancelled') }
    default:
      return null
  }
}

export function SafeguardNews() {
  const { t, language } = useT()
  const nameOf = useActorName()
  const router = useRouter()
  const titleOf = useActionTitle()
  const announcement = useDecisions((s) => s.announcement)

  useEffect(() =>
    onApprovalNews(({ type, before, approval }: ApprovalNews) => {
      if (type === 'safeguard:new_request') {
        comeBack(approval.id)
        arrive(approval.id)
        const subject = subjectOf(approval)
        const words = [revealed(titleOf(approval))]
        if (subject) words.push(revealed(subject, true))
        const action = words.join(' · ')
        announce(t('sg.announce.new', { action }))
        showNotification({
          tag: approval.id,
          title: action,
          body: t('sg.notify.body', {
            level: approval.security_level,
            client: clientWords(approval),
            time: formatTime(approval.expires_at, language),
          }),
          onClick: () =>
            void router.navigate({ to: '/safeguard/$id', params: { id: approval.id } }),
        })
        return
      }
      const last = approval.decisions.at(-1)
      const by = last ? nameOf(last.by) : null
      const departure = before && departureOf(approval, by, t)
      if (!departure) return
      depart(departure)
      announce(t('sg.announce.gone', { reference: approval.reference, notice: departure.notice }))
    }),
  )

  return (
    <div role="status" aria-live="polite" className="sr-only" data-testid="announcer">
      {announcement}
    </div>
  )
}
