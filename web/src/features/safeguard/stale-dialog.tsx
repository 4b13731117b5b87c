import { Link } from '@tanstack/react-router'
import type { Approval } from '@/api/types'
import { useT } from '@/lib/i18n'
import { Button } from '@/ui/button'
import { Dialog, DialogActions } from '@/ui/dialog'
import { Votes } from './approval-card'
import { DecisionList } from './decision-list'
import { useDecisions } from './decision-store'
import { StatusBadge } from './status-badge'

/** Someone acted meanwhile: says what the request is now, and keeps what was typed. */
export function StaleDialog({ approval, onClose }: { approval: Approval; onClose: () => void }) {
  const { t } = useT()
  const draft = useDecisions((s) => s.drafts[approval.id])
  const typed = draft?.comment ?? draft?.reason
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t('sg.stale.title')}
      description={t('sg.stale.text')}
      closeLabel={t('common.close')}
    >
      <div className="border-line bg-raised flex flex-col gap-3 rounded-xl border p-4">
        <p className="flex flex-wrap items-center gap-2">
          <Link
            to="/safeguard/$id"
            params={{ id: approval.id }}
            onClick={onClose}
            className="text-accent font-mono text-sm underline underline-offset-4"
          >
            {approval.reference}
          </Link>
          <span className="sr-only">{t('sg.stale.now')}</span>
          <StatusBadge status={approval.status} />
        </p>
        <Votes approval={approval} />
        {approval.decisions.length > 0 ? <DecisionList decisions={approval.decisions} /> : null}
      </div>
      {typed ? (
        <blockquote className="border-accent text-soft mt-4 border-l-2 pl-3">{typed}</blockquote>
      ) : null}
      <DialogActions>
        <Button variant="primary" onClick={onClose}>
          {t('sg.stale.ok')}
        </Button>
      </DialogActions>
    </Dialog>
  )
}
