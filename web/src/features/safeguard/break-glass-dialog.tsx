import { Siren } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import type { Approval } from '@/api/types'
import { useT } from '@/lib/i18n'
import { Button } from '@/ui/button'
import { Dialog, DialogActions } from '@/ui/dialog'
import { Field, Textarea } from '@/ui/field'
import { VisibleText } from '@/ui/visible-text'
import { ArgumentsTable } from './arguments-table'
import { setDraft, useDecisions } from './decision-store'
import { useDecide } from './use-decide'

export function BreakGlassDialog({
  approval,
  onClose,
}: {
  approval: Approval
  onClose: () => void
}) {
  const { t } = useT()
  const decide = useDecide()
  const reason = useDecisions((s) => s.drafts[approval.id]?.breakGlass ?? '')
  const sending = useDecisions((s) => s.sending[approval.id])
  const [tried, setTried] = useState(false)
  const tooShort = reason.trim().length < 10
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (!tooShort) decide(approval, 'break_glass', reason)
  }
  return (
    <Dialog
      open
      onOpenChange={onClose}
      tone="danger"
      title={t('sg.bg.title')}
      closeLabel={t('common.close')}
    >
      <form noValidate onSubmit={submit} className="flex flex-col gap-4">
        <p className="border-red-line bg-red-soft flex gap-3 rounded-xl border p-4 text-base font-medium">
          <Siren className="text-red mt-0.5 size-5 shrink-0" aria-hidden="true" />
          {t('sg.bg.text')}
        </p>
        <div className="border-line bg-raised rounded-xl border p-4">
          <p className="mb-2 font-mono text-sm">
            {approval.reference} · <VisibleText text={approval.tool_name} strict />
          </p>
          <ArgumentsTable args={approval.arguments} />
        </div>
        <Field label={t('sg.bg.reason')} error={tried && tooShort ? t('sg.bg.too_short') : null}>
          {(ids) => (
            <Textarea
              {...ids}
              required
              maxLength={2000}
              value={reason}
              onChange={(event) => {
                setDraft(approval.id, { breakGlass: event.target.value })
              }}
            />
          )}
        </Field>
        <DialogActions>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="danger" busy={sending === 'break_glass'}>
            {t('sg.bg.submit')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
