import { useMutation } from '@tanstack/react-query'
import { useRef, useState, type FormEvent } from 'react'
import { discardFact } from '@/api/intake'
import { describeError } from '@/api/problem'
import { useT } from '@/lib/i18n'
import { uniqueId } from '@/lib/unique-id'
import { Button } from '@/ui/button'
import { Dialog, DialogActions } from '@/ui/dialog'
import { Field, Textarea } from '@/ui/field'
import { ErrorState } from '@/ui/states'
import { toast } from '@/ui/toasts'

interface DiscardFactDialogProps {
  sequence: number
  onDone: () => void
  onClose: () => void
}

export function DiscardFactDialog({ sequence, onDone, onClose }: DiscardFactDialogProps) {
  const { t } = useT()
  const [intent, setIntent] = useState(uniqueId)
  const [reason, setReason] = useState('')
  const [tried, setTried] = useState(false)
  const text = useRef<HTMLTextAreaElement>(null)
  const discard = useMutation({
    mutationFn: () => discardFact(sequence, reason.trim(), intent),
    onSuccess: () => {
      toast('success', t('sv.rejected.discarded'))
      onClose()
      onDone()
    },
  })
  const problem = discard.error ? describeError(discard.error, t) : null
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (reason.trim()) discard.mutate()
    else text.current?.focus()
  }
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t('sv.rejected.discard_title')}
      description={t('sv.rejected.discard_text')}
      closeLabel={t('common.close')}
    >
      <form noValidate onSubmit={submit} className="flex flex-col gap-4">
        {problem ? <ErrorState text={problem.text} trace={problem.traceId} /> : null}
        <Field
          label={t('ops.discard_reason')}
          error={tried && !reason.trim() ? t('ops.discard_required') : null}
        >
          {(ids) => (
            <Textarea
              {...ids}
              ref={text}
              required
              maxLength={2000}
              value={reason}
              onChange={(event) => {
                setReason(event.target.value)
                setIntent(uniqueId())
              }}
            />
          )}
        </Field>
        <DialogActions>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="danger" busy={discard.isPending}>
            {t('sv.rejected.discard')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
