import { useRef, useState, type FormEvent } from 'react'
import type { Approval } from '@/api/types'
import { useT } from '@/lib/i18n'
import { Button } from '@/ui/button'
import { Dialog, DialogActions } from '@/ui/dialog'
import { Field, Textarea } from '@/ui/field'
import { setDraft, useDecisions } from './decision-store'
import { useDecide } from './use-decide'

const presets = ['identity', 'target', 'info', 'risk', 'human'] as const

export function RejectDialog({ approval, onClose }: { approval: Approval; onClose: () => void }) {
  const { t } = useT()
  const decide = useDecide()
  const reason = useDecisions((s) => s.drafts[approval.id]?.reason ?? '')
  const sending = useDecisions((s) => s.sending[approval.id])
  const [missing, setMissing] = useState(false)
  const textRef = useRef<HTMLTextAreaElement>(null)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!reason.trim()) {
      setMissing(true)
      textRef.current?.focus()
      return
    }
    decide(approval, 'reject', reason)
  }
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t('sg.reject.title')}
      description={`${approval.reference} · ${t('sg.reject.text')}`}
      closeLabel={t('common.close')}
    >
      <form noValidate onSubmit={submit} className="flex flex-col gap-4">
        <fieldset>
          <legend className="text-soft mb-2 text-sm font-medium">{t('sg.reject.presets')}</legend>
          <div className="flex flex-wrap gap-2">
            {presets.map((each) => {
              const text = t(`sg.reject.preset.${each}`)
              return (
                <button
                  key={each}
                  type="button"
                  aria-pressed={reason === text}
                  onClick={() => {
                    setMissing(false)
                    setDraft(approval.id, { reason: text })
                  }}
                  className="border-line bg-raised hover:border-line-strong aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent min-h-11 rounded-full border px-4 text-base sm:min-h-9 sm:px-3.5 sm:text-sm"
                >
                  {text}
                </button>
              )
            })}
          </div>
        </fieldset>
        <Field label={t('sg.reject.reason')} error={missing ? t('sg.reject.required') : null}>
          {(ids) => (
            <Textarea
              {...ids}
              ref={textRef}
              required
              maxLength={2000}
              value={reason}
              onChange={(event) => {
                setMissing(false)
                setDraft(approval.id, { reason: event.target.value })
              }}
            />
          )}
        </Field>
        <DialogActions>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="danger" busy={sending === 'reject'}>
            {sending === 'reject' ? t('sg.rejecting') : t('sg.reject')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
