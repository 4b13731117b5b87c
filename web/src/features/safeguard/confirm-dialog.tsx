import type { Approval } from '@/api/types'
import { useT } from '@/lib/i18n'
import { Button } from '@/ui/button'
import { Dialog, DialogActions } from '@/ui/dialog'
import { VisibleText } from '@/ui/visible-text'
import { useActionTitle } from '@/api/action-title'
import { ArgumentsTable } from './arguments-table'
import { useDecisions } from './decision-store'
import { LevelBadge } from './level-badge'
import { useDecide } from './use-decide'

export function ConfirmDialog({ approval, onClose }: { approval: Approval; onClose: () => void }) {
  const { t } = useT()
  const decide = useDecide()
  const titleOf = useActionTitle()
  const comment = useDecisions((s) => s.drafts[approval.id]?.comment)
  const sending = useDecisions((s) => s.sending[approval.id])
  return (
    <Dialog
      open
      onOpenChange={onClose}
      tone="danger"
      title={t('sg.confirm.title')}
      description={t('sg.confirm.text')}
      closeLabel={t('common.close')}
    >
      <div className="border-line bg-raised rounded-xl border p-4">
        <div className="mb-3 flex flex-wrap items-center justify-between gap-2">
          <p className="font-semibold">
            <VisibleText text={titleOf(approval)} />
          </p>
          <LevelBadge level={approval.security_level} />
        </div>
        <ArgumentsTable args={approval.arguments} />
      </div>
      <DialogActions>
        <Button onClick={onClose}>{t('common.cancel')}</Button>
        <Button
          variant="danger"
          busy={sending !== undefined}
          onClick={() => {
            decide(approval, 'approve', comment)
          }}
        >
          {t('sg.confirm.submit')}
        </Button>
      </DialogActions>
    </Dialog>
  )
}
