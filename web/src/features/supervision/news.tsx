// What the feed means to a person who does not look: said aloud, and told by the browser.
// What a maintenance window mutes is recorded and shown, and disturbs nobody.
import { useRouter } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import type { LiveFrame } from '@/api/live-feed'
import { alertOf, maintenanceOf } from '@/api/supervision-frames'
import { onSupervisionFrames } from '@/api/supervision-live'
import { useT } from '@/lib/i18n'
import { showNotification } from '@/lib/notifications'
import { revealed } from '@/lib/reveal'
import { toast } from '@/ui/toasts'

/** In a storm a person is told of the last ones: the list has them all. */
const MOST_TOLD = 3

const isNewAlert = (frame: LiveFrame) => {
  const alert = frame.type === 'workflow:alert_detected' ? alertOf(frame) : null
  return alert && !alert.is_muted && alert.severity !== 'info' ? [alert] : []
}

export function SupervisionNews() {
  const { t, tn } = useT()
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
        toast('success', t('sv.maintenance.over', { what }), t('sv.maintenance.over_text'))
      }
    }),
  )

  return (
    <div role="status" aria-live="polite" className="sr-only">
      {said}
    </div>
  )
}
