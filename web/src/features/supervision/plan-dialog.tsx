import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { clientsQuery } from '@/api/clients'
import { describeError } from '@/api/problem'
import { planMaintenance, type MaintenancePlan } from '@/api/sentinel'
import { supervisionKeys } from '@/api/supervision'
import { useT, type MessageKey } from '@/lib/i18n'
import { parisInstant, parisWall } from '@/lib/paris'
import { serverClock } from '@/lib/server-clock'
import { uniqueId } from '@/lib/unique-id'
import { Button } from '@/ui/button'
import { Dialog, DialogActions } from '@/ui/dialog'
import { Field, Input, Select, Textarea } from '@/ui/field'
import { ErrorState } from '@/ui/states'
import { toast } from '@/ui/toasts'

const HOUR_MS = 3_600_000
/** The server takes no longer one. */
const LONGEST_MS = 30 * 24 * HOUR_MS

interface Draft {
  client: string
  device: string
  reason: string
  starts: string
  ends: string
}

/** What is missing or impossible, per control. Times are those of a clock in Paris. */
export function mistakes(draft: Draft, now: number): Partial<Record<keyof Draft, MessageKey>> {
  const found: Partial<Record<keyof Draft, MessageKey>> = {}
  if (!draft.client && !draft.device.trim()) found.device = 'sv.plan.one_of'
  if (!draft.reason.trim()) found.reason = 'common.required'
  if (!draft.starts) found.starts = 'common.required'
  if (!draft.ends) found.ends = 'common.required'
  else if (draft.starts && parisInstant(draft.ends) <= parisInstant(draft.starts))
    found.ends = 'sv.plan.reversed'
  else if (parisInstant(draft.ends) <= now) found.ends = 'sv.plan.past'
  else if (draft.starts && parisInstant(draft.ends) - parisInstant(draft.starts) > LONGEST_MS)
    found.ends = 'sv.plan.too_long'
  return found
}

function planOf(draft: Draft): MaintenancePlan {
  return {
    client_id: draft.client || null,
    device: draft.device.trim() || null,
    reason: draft.reason.trim(),
    starts_at: new Date(parisInstant(draft.starts)).toISOString(),
    ends_at: new Date(parisInstant(draft.ends)).toISOString(),
  }
}

export function PlanDialog({ onClose }: { onClose: () => void }) {
  const { t } = useT()
  const client = useQueryClient()
  const { data: clients } = useQuery(clientsQuery)
  const [tried, setTried] = useState(false)
  const [draft, setDraft] = useState<Draft>(() => {
    const now = serverClock.now()
    const starts = parisWall(now)
    return { client: '', device: '', reason: '', starts, ends: parisWall(now + HOUR_MS) }
  })
  // A changed draft is another wish, with a key of its own.
  const [intent, setIntent] = useState(uniqueId)
  const change = (next: Partial<Draft>) => {
    setDraft({ ...draft, ...next })
    setIntent(uniqueId())
  }
  const plan = useMutation({
    mutationFn: () => planMaintenance(planOf(draft), intent),
    onSuccess: () => {
      toast('success', t('sv.plan.done'))
      onClose()
      void client.invalidateQueries({ queryKey: supervisionKeys.all })
    },
  })
  const problem = plan.error ? describeError(plan.error, t) : null
  const wrong = tried ? mistakes(draft, serverClock.now()) : {}
  const sentence = (key: MessageKey | undefined) => (key ? t(key) : null)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (Object.keys(mistakes(draft, serverClock.now())).length === 0) plan.mutate()
  }
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t('sv.plan.title')}
      description={t('sv.plan.text')}
      closeLabel={t('common.close')}
    >
      <form noValidate onSubmit={submit} className="flex flex-col gap-4">
        {problem ? <ErrorState text={problem.text} trace={problem.traceId} /> : null}
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label={t('sv.client')}>
            {(ids) => (
              <Select
                {...ids}
                value={draft.client}
                onChange={(event) => {
                  change({ client: event.target.value })
                }}
              >
                <option value="">—</option>
                {clients?.map((each) => (
                  <option key={each.id} value={each.id}>
                    {each.name}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          <Field
            label={t('sv.device')}
            hint={t('sv.plan.device_hint')}
            error={sentence(wrong.device)}
          >
            {(ids) => (
              <Input
                {...ids}
                maxLength={200}
                value={draft.device}
                onChange={(event) => {
                  change({ device: event.target.value })
                }}
              />
            )}
          </Field>
          {(['starts', 'ends'] as const).map((edge) => (
            <Field key={edge} label={t(`sv.plan.${edge}`)} error={sentence(wrong[edge])}>
              {(ids) => (
                <Input
                  {...ids}
                  type="datetime-local"
                  value={draft[edge]}
                  onChange={(event) => {
                    change({ [edge]: event.target.value })
                  }}
                />
              )}
            </Field>
          ))}
        </div>
        <Field label={t('sv.plan.reason')} error={sentence(wrong.reason)}>
          {(ids) => (
            <Textarea
              {...ids}
              required
              maxLength={2000}
              value={draft.reason}
              onChange={(event) => {
                change({ reason: event.target.value })
              }}
            />
          )}
        </Field>
        <DialogActions>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" busy={plan.isPending}>
            {t('sv.maintenance.plan')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
