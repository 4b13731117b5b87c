import { useT, type MessageKey } from '@/lib/i18n'
import { Dialog } from '@/ui/dialog'
import { Switch } from '@/ui/field'
import { useShortcutSetting } from './use-shortcuts'

const rows: [string, MessageKey][] = [
  ['J', 'sg.help.next'],
  ['K', 'sg.help.previous'],
  ['A', 'sg.approve'],
  ['R', 'sg.reject'],
  ['P', 'sg.postpone'],
  ['/', 'sg.help.search'],
  ['?', 'sg.help.help'],
  ['Esc', 'sg.help.escape'],
]

export function HelpDialog({ onClose }: { onClose: () => void }) {
  const { t } = useT()
  const { enabled, setEnabled } = useShortcutSetting()
  return (
    <Dialog open onOpenChange={onClose} title={t('sg.help.title')} closeLabel={t('common.close')}>
      <dl className="grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-2.5">
        {rows.map(([key, label]) => (
          <div key={key} className="contents">
            <dt>
              <kbd className="border-line-strong bg-raised inline-grid h-7 min-w-7 place-items-center rounded-md border border-b-2 px-2 font-mono text-sm">
                {key}
              </kbd>
            </dt>
            <dd>{t(label)}</dd>
          </div>
        ))}
      </dl>
      <p className="text-soft mt-4 text-sm">{t('sg.help.scope')}</p>
      <Switch
        label={t('sg.help.enabled')}
        checked={enabled}
        onChange={setEnabled}
        className="mt-2"
      />
    </Dialog>
  )
}
