import type { FormEvent } from 'react'
import type { Approval } from '@/api/types'
import { useT } from '@/lib/i18n'
import { Button } from '@/ui/button'
import { Dialog, DialogActions } from '@/ui/dialog'
import { Field, Textarea } from '@/ui/field'
import { setDraft, useDecisions } from './decision-store'
import { useDecide } from './use-decide'

export function CancelDialog({ approval, onClose }: { approval: Approval; onClose: () => void }) {
  const { t } = useT()
  const decide = useDecide()
  const reason = useDecisions((s) => s.drafts[approval.id]?.cancel ?? '')
  const sending = useDecisions((s) => s.sending[approval.id])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    decide(approval, 'cancel', reason)
  }
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t('sg.cancel.title')}
      description={`${approval.reference} · ${t('sg.cancel.text')}`}
      closeLabel={t('common.close')}
    >
      <form noValidate onSubmit={submit} className="flex flex-col gap-4">
        <Field label={`${t('sg.reject.reason')} (${t('common.optional')})`}>
          {(ids) => (
            <Textarea
              {...ids}
              maxLength={2000}
              value={reason}
              onChange={(event) => {
                setDraft(approval.id, { cancel: event.target.value })
              }}
            />
          )}
        </Field>
        <DialogActions>
          <Button onClick={onClose}>{t('sg.cancel.keep')}</Button>
          <Button type="submit" variant="danger" busy={sending === 'cancel'}>
            {t('sg.cancel')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
