import { useState, type FormEvent } from 'react'
import type { Approval } from '@/api/types'
import { formatTime } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { useServerTime } from '@/lib/use-clock'
import { Button } from '@/ui/button'
import { Dialog, DialogActions } from '@/ui/dialog'
import { Field, Input } from '@/ui/field'
import { maxPostponeMinutes } from './decision-rules'
import { useDecisions } from './decision-store'
import { useDecide } from './use-decide'

const choices = [15, 30, 60]

export function PostponeDialog({ approval, onClose }: { approval: Approval; onClose: () => void }) {
  const { t, language } = useT()
  const decide = useDecide()
  const max = useServerTime((now) => maxPostponeMinutes(approval, now))
  const minuteNow = useServerTime((now) => Math.floor(now / 60_000) * 60_000)
  const sending = useDecisions((s) => s.sending[approval.id])
  const offered = choices.filter((each) => each <= max)
  const [typed, setTyped] = useState(() => String(offered[0] ?? Math.max(1, max)))
  const minutes = Number(typed)
  const valid = Number.isInteger(minutes) && minutes >= 1 && minutes <= max
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (valid) decide(approval, 'postpone', '', minutes)
  }
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t('sg.postpone.title')}
      description={t('sg.postpone.text')}
      closeLabel={t('common.close')}
    >
      <form noValidate onSubmit={submit} className="flex flex-col gap-4">
        <div className="grid grid-cols-3 gap-2 empty:hidden">
          {offered.map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={minutes === each}
              onClick={() => {
                setTyped(String(each))
              }}
              className="border-line bg-raised hover:border-line-strong aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent h-12 rounded-lg border font-medium"
            >
              {each === 60 ? '1 h' : t('common.minutes', { n: each })}
            </button>
          ))}
        </div>
        <Field
          label={t('sg.postpone.custom')}
          error={valid ? null : t('sg.postpone.too_long', { max })}
          hint={t('sg.postpone.wake', { time: formatTime(minuteNow + minutes * 60_000, language) })}
        >
          {(ids) => (
            <Input
              {...ids}
              type="number"
              inputMode="numeric"
              min={1}
              max={max}
              value={typed}
              onChange={(event) => {
                setTyped(event.target.value)
              }}
            />
          )}
        </Field>
        <DialogActions>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button
            type="submit"
            variant="primary"
            busy={sending === 'postpone'}
            aria-disabled={!valid}
          >
            {t('sg.postpone')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
