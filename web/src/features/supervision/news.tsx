// What the feed means to a person who does not look: said aloud, and told by the browser.
// What a maintenance window mutes is recorded and shown, and disturbs nobody.
import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import type { LiveFrame } from '@/api/live-feed'
import { alertOf, maintenanceOf } from '@/api/supervision-frames'
import { alertsQuery } from '@/api/supervision'
import { onSupervisionFrames } from '@/api/supervision-live'
import type { Maintenance } from '@/api/supervision-types'
import { useT } from '@/lib/i18n'
import { showNotification } from '@/lib/notifications'
import { revealed } from '@/lib/reveal'
import { toast } from '@/ui/toasts'
import { activeUnder, stillWrong } from './maintenance-alerts'

/** In a storm a person is told of the last ones: the list has them all. */
const MOST_TOLD = 3

const isNewAlert = (frame: LiveFrame) => {
  const alert = frame.type === 'workflow:alert_detected' ? alertOf(frame) : null
  return alert && !alert.is_muted && alert.severity !== 'info' ? [alert] : []
}

/** The alerts that notify again from now on, as they are after the end. */
async function leftBy(over: Maintenance, client: QueryClient) {
  const options = { ...alertsQuery(activeUnder(over)), staleTime: 0 }
  const { pages } = await client.fetchInfiniteQuery(options)
  return stillWrong(
    over,
    pages.flatMap((page) => page.items),
  )
}

export function SupervisionNews() {
  const { t, tn } = useT()
  const client = useQueryClient()
  const router = useRouter()
  const [said, setSaid] = useState('')

  useEffect(() =>
    onSupervisionFrames((frames) => {
      const alerts = frames.flatMap(isNewAlert)
      for (const alert of alerts.slice(-MOST_TOLD)) {
        const device = revealed(alert.device, true)
        showNotification({
          tag: alert.id,
          title: t('sv.notify.alert', { device }),
          body: revealed(alert.message),
          onClick: () =>
            void router.navigate({ to: '/supervision/alertes/$id', params: { id: alert.id } }),
        })
      }
      const last = alerts.at(-1)
      if (last) {
        const device = revealed(last.device, true)
        setSaid(
          alerts.length > 1
            ? tn('sv.announce.alerts', alerts.length)
            : t('sv.notify.alert', { device }),
        )
      }
      for (const frame of frames) {
        const over = maintenanceOf(frame)
        if (over?.status !== 'ended') continue
        const what = revealed(over.device ?? over.client?.name ?? over.client?.id ?? '')
        const title = t('sv.maintenance.over', { what })
        const tell = async () => {
          // Without an answer the list of windows still says it.
          const left = await leftBy(over, client).catch(() => null)
          if (!left) {
            toast('success', title)
            return
          }
          if (left.length === 0) {
            toast('success', title, t('sv.maintenance.all_well'))
            return
          }
          const devices = left.slice(0, MOST_TOLD).map((alert) => revealed(alert.device, true))
          const more = left.length > MOST_TOLD ? ', …' : ''
          const still = `${tn('sv.maintenance.still', left.length)} : ${devices.join(', ')}${more}`
          toast('error', title, still)
          showNotification({
            tag: over.id,
            title,
            body: still,
            onClick: () =>
              void router.navigate({ to: '/supervision/alertes', search: activeUnder(over) }),
          })
        }
        void tell()
      }
    }),
  )

  return (
    <div role="status" aria-live="polite" className="sr-only">
      {said}
    </div>
  )
}
