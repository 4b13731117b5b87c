// What a supervisor may do about an alert. Each act names the version that was read.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { CircleCheck, Eye, Shapes, StickyNote, type LucideIcon } from 'lucide-react'
import { useRef, useState, type FormEvent } from 'react'
import { ApiError, describeError } from '@/api/problem'
import { actOnAlert, type AlertAct } from '@/api/sentinel'
import { supervisionKeys } from '@/api/supervision'
import type { Alert, Responsibility } from '@/api/supervision-types'
import { useT } from '@/lib/i18n'
import { uniqueId } from '@/lib/unique-id'
import { Button } from '@/ui/button'
import { Dialog, DialogActions } from '@/ui/dialog'
import { Field, Input, Select, Textarea } from '@/ui/field'
import { ErrorState } from '@/ui/states'
import { toast } from '@/ui/toasts'
import { RESPONSIBILITIES } from './labels'
import { Panel } from './panel'

type Kind = AlertAct['kind']

const icons: Record<Kind, LucideIcon> = {
  acknowledge: Eye,
  reclassify: Shapes,
  resolve: CircleCheck,
  note: StickyNote,
}

export function AlertActs({ alert }: { alert: Alert }) {
  const { t } = useT()
  const [open, setOpen] = useState<Kind | null>(null)
  const isActive = alert.status === 'active'
  const kinds: Kind[] = isActive
    ? [
        ...(alert.acknowledged_by ? [] : (['acknowledge'] as const)),
        'reclassify',
        'note',
        'resolve',
      ]
    : ['note']
  // Nobody looks after it yet: that comes first.
  const first = kinds.includes('acknowledge') ? 'acknowledge' : 'resolve'
  return (
    <Panel title={t('sv.acts')}>
      <div className="grid grid-cols-2 gap-2">
        {kinds.map((kind) => {
          const Icon = icons[kind]
          return (
            <Button
              key={kind}
              variant={kind === first ? 'primary' : 'secondary'}
              className={kind === 'acknowledge' || kind === 'resolve' ? 'col-span-2' : undefined}
              onClick={() => {
                setOpen(kind)
              }}
            >
              <Icon className="size-4" aria-hidden="true" />
              {t(`sv.act.${kind}`)}
            </Button>
          )
        })}
      </div>
      {open ? (
        <ActDialog
          alert={alert}
          kind={open}
          onClose={() => {
            setOpen(null)
          }}
        />
      ) : null}
    </Panel>
  )
}

interface ActDialogProps {
  alert: Alert
  kind: Kind
  onClose: () => void
}

/** One dialog for the four: a text, and for a reclassification what it becomes. */
function ActDialog({ alert, kind, onClose }: ActDialogProps) {
  const { t } = useT()
  const client = useQueryClient()
  // What was read when the dialog was opened, unless the person reads what it has become.
  const [version, setVersion] = useState(alert.version)
  const [intent, setIntent] = useState(uniqueId)
  const [text, setText] = useState('')
  const [responsibility, setResponsibility] = useState<Responsibility>(alert.responsibility)
  const [confidence, setConfidence] = useState(alert.confidence?.toString() ?? '')
  const [tried, setTried] = useState(false)
  const box = useRef<HTMLTextAreaElement>(null)
  const needsText = kind === 'resolve' || kind === 'note'
  const send = useMutation({
    mutationFn: () =>
      actOnAlert(alert.id, version, actOf(kind, text, responsibility, confidence), intent),
    onSuccess: () => {
      toast('success', t(`sv.act.${kind}.done`))
      onClose()
      void client.invalidateQueries({ queryKey: supervisionKeys.all })
    },
    onError: (error) => {
      // The page shows at once what it has become; the typed words stay.
      if (isStale(error)) void client.invalidateQueries({ queryKey: supervisionKeys.all })
    },
  })
  const isOutdated = isStale(send.error)
  const problem = send.error && !isOutdated ? describeError(send.error, t) : null
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (needsText && !text.trim()) box.current?.focus()
    else send.mutate()
  }
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t(`sv.act.${kind}.title`)}
      description={t(`sv.act.${kind}.text`, { device: alert.device })}
      closeLabel={t('common.close')}
    >
      <form noValidate onSubmit={submit} className="flex flex-col gap-4">
        {problem ? <ErrorState text={problem.text} trace={problem.traceId} /> : null}
        {isOutdated ? (
          <ErrorState
            text={t('sv.act.stale')}
            retryLabel={t('sv.act.go_on')}
            onRetry={() => {
              setVersion(alert.version)
              setIntent(uniqueId())
              send.reset()
            }}
          />
        ) : null}
        {kind === 'reclassify' ? (
          <Reclassification
            responsibility={responsibility}
            confidence={confidence}
            onResponsibility={setResponsibility}
            onConfidence={setConfidence}
          />
        ) : (
          <Field
            label={t(`sv.act.${kind}.label`)}
            error={tried && needsText && !text.trim() ? t('common.required') : null}
          >
            {(ids) => (
              <Textarea
                {...ids}
                ref={box}
                required={needsText}
                maxLength={2000}
                value={text}
                onChange={(event) => {
                  setText(event.target.value)
                }}
              />
            )}
          </Field>
        )}
        <DialogActions>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button
            type="submit"
            variant="primary"
            busy={send.isPending}
            aria-disabled={isOutdated || undefined}
          >
            {t(`sv.act.${kind}`)}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}

const isStale = (error: unknown) =>
  error instanceof ApiError && (error.code === 'stale_version' || error.status === 409)

function actOf(
  kind: Kind,
  text: string,
  responsibility: Responsibility,
  confidence: string,
): AlertAct {
  const words = text.trim()
  switch (kind) {
    case 'acknowledge':
      return { kind, comment: words || null }
    case 'reclassify':
      return { kind, responsibility, confidence: confidence === '' ? null : Number(confidence) }
    case 'resolve':
      return { kind, resolution: words }
    case 'note':
      return { kind, detail: words }
  }
}

interface ReclassificationProps {
  responsibility: Responsibility
  confidence: string
  onResponsibility: (next: Responsibility) => void
  onConfidence: (next: string) => void
}

function Reclassification(props: ReclassificationProps) {
  const { t } = useT()
  return (
    <div className="grid grid-cols-2 gap-3">
      <Field label={t('sv.responsibility')}>
        {(ids) => (
          <Select
            {...ids}
            value={props.responsibility}
            onChange={(event) => {
              props.onResponsibility(event.target.value as Responsibility)
            }}
          >
            {RESPONSIBILITIES.map((each) => (
              <option key={each} value={each}>
                {t(`sv.responsibility.${each}`)}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label={t('sv.act.confidence')} hint={t('common.optional')}>
        {(ids) => (
          <Input
            {...ids}
            type="number"
            inputMode="numeric"
            min={0}
            max={100}
            value={props.confidence}
            onChange={(event) => {
              props.onConfidence(event.target.value)
            }}
          />
        )}
      </Field>
    </div>
  )
}
