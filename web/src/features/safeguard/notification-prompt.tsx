import { BellRing } from 'lucide-react'
import { useT } from '@/lib/i18n'
import { Button } from '@/ui/button'
import { useNotifications } from '@/lib/notifications'

export function NotificationPrompt() {
  const { t } = useT()
  const { choice, ask, later } = useNotifications()
  if (choice !== 'undecided') return null
  return (
    <section
      aria-label={t('sg.notify.enable')}
      className="border-line bg-accent-soft mb-4 flex flex-wrap items-center gap-x-3 gap-y-2 rounded-xl border p-3 sm:gap-x-4 sm:p-4"
    >
      <BellRing className="text-accent size-5 shrink-0" aria-hidden="true" />
      <div className="min-w-0 flex-1 sm:basis-60">
        <p className="text-base font-medium">{t('sg.notify.title')}</p>
        <p className="text-soft text-sm max-sm:sr-only">{t('sg.notify.text')}</p>
      </div>
      <div className="flex gap-2 max-sm:w-full max-sm:justify-end">
        <Button variant="ghost" onClick={later}>
          {t('sg.notify.later')}
        </Button>
        <Button variant="primary" onClick={() => void ask()}>
          {t('sg.notify.enable')}
        </Button>
      </div>
    </section>
  )
}
