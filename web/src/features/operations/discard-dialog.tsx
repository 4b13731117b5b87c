import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef, useState, type FormEvent } from 'react'
import { discardParked } from '@/api/operations'
import { describeError } from '@/api/problem'
import { useT } from '@/lib/i18n'
import { uniqueId } from '@/lib/unique-id'
import { Button } from '@/ui/button'
import { Dialog, DialogActions } from '@/ui/dialog'
import { Field, Textarea } from '@/ui/field'
import { ErrorState } from '@/ui/states'

interface DiscardDialogProps {
  name: string
  position: number
  onOrdered: (position: number) => void
  onClose: () => void
}

export function DiscardDialog({ name, position, onOrdered, onClose }: DiscardDialogProps) {
  const { t } = useT()
  const client = useQueryClient()
  // One wish, one key: sending it again never orders twice.
  const [intent] = useState(uniqueId)
  const [reason, setReason] = useState('')
  const [tried, setTried] = useState(false)
  const text = useRef<HTMLTextAreaElement>(null)
  const discard = useMutation({
    mutationFn: () => discardParked({ name, position }, reason.trim(), intent),
    onSuccess: (answer) => {
      onOrdered(answer.position)
      onClose()
      void client.invalidateQueries({ queryKey: ['operations'] })
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
      title={t('ops.discard_of', { position })}
      description={t('ops.discard_text', { name, position })}
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
              }}
            />
          )}
        </Field>
        <DialogActions>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="danger" busy={discard.isPending}>
            {t('ops.discard')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
