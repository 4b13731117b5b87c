// One decision about many refused facts: how many, how far it is, and what stays and why.
import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useRef, useState, type FormEvent } from 'react'
import { discardFacts, intakeKeys, resubmitFacts, type RejectedFilters } from '@/api/intake'
import { describeError } from '@/api/problem'
import { supervisionKeys } from '@/api/supervision'
import { hasMessage, useT } from '@/lib/i18n'
import { uniqueId } from '@/lib/unique-id'
import { Button } from '@/ui/button'
import { Dialog, DialogActions } from '@/ui/dialog'
import { Field, Textarea } from '@/ui/field'
import { ErrorState } from '@/ui/states'
import { causesOf, runMany, type FailedFact, type Tally } from './many-facts'
import { useRefusal } from './rejected-words'

export type ManyAct = 'discard' | 'resubmit'

/** What the list said when the decision was asked for: what comes later is not part of it. */
export interface Many {
  act: ManyAct
  filters: RejectedFilters
  total: number
  isMore: boolean
  upTo: number
}

type Phase = 'asking' | 'running' | 'over'

function useMany({ act, filters, upTo }: Many) {
  const client = useQueryClient()
  const [phase, setPhase] = useState<Phase>('asking')
  const [tally, setTally] = useState<Tally>({ done: 0, failed: [] })
  const [error, setError] = useState<unknown>(null)
  const [isStopping, setStopping] = useState(false)
  // One decision, one key: a call sent again after a lost answer does nothing twice. With another
  // reason it is another decision.
  const decision = useRef({ reason: '', intent: uniqueId() })
  const stopped = useRef(false)
  // Who leaves the page has stopped it: what is under way still ends.
  useEffect(() => {
    stopped.current = false
    return () => {
      stopped.current = true
    }
  }, [])

  const start = async (reason: string) => {
    stopped.current = false
    if (decision.current.reason !== reason) decision.current = { reason, intent: uniqueId() }
    const { intent } = decision.current
    setStopping(false)
    setError(null)
    setPhase('running')
    try {
      await runMany({
        from: tally,
        call: (after) => {
          const which = { ...filters, after, up_to: upTo }
          return act === 'discard'
            ? discardFacts({ ...which, reason }, intent)
            : resubmitFacts(which, intent)
        },
        onProgress: setTally,
        isStopped: () => stopped.current,
        wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      })
      setPhase('over')
    } catch (cause) {
      setError(cause)
      setPhase('asking')
    }
    void client.invalidateQueries({ queryKey: intakeKeys.rejected })
    void client.invalidateQueries({ queryKey: supervisionKeys.all })
  }
  const stop = () => {
    stopped.current = true
    setStopping(true)
  }
  return { phase, tally, error, isStopping, start, stop }
}

export function ManyFactsDialog({ many, onClose }: { many: Many; onClose: () => void }) {
  const { t } = useT()
  const facts = useFacts(many)
  const { phase, tally, error, isStopping, start, stop } = useMany(many)
  const problem = error ? describeError(error, t) : null
  const isBegun = tally.after !== undefined
  return (
    <Dialog
      open
      // While it runs, closing would hide what becomes of it.
      onOpenChange={phase === 'running' ? stop : onClose}
      title={t(`sv.many.${many.act}.title`, { facts })}
      description={phase === 'asking' ? <Which many={many} /> : undefined}
      closeLabel={t('common.close')}
    >
      {problem ? <ErrorState className="mb-4" text={problem.text} trace={problem.traceId} /> : null}
      {phase === 'running' || isBegun ? <Progress many={many} tally={tally} /> : null}
      {phase === 'asking' ? (
        <Ask
          act={many.act}
          label={isBegun ? t('sv.many.resume') : t(`sv.many.${many.act}.do`, { facts })}
          onStart={(reason) => void start(reason)}
          onClose={onClose}
        />
      ) : null}
      {phase === 'running' ? (
        <DialogActions>
          <Button busy={isStopping} onClick={stop}>
            {t(isStopping ? 'sv.many.stopping' : 'sv.many.stop')}
          </Button>
        </DialogActions>
      ) : null}
      {phase === 'over' ? (
        <>
          <Outcome act={many.act} tally={tally} />
          <DialogActions>
            <Button variant="primary" onClick={onClose}>
              {t('common.close')}
            </Button>
          </DialogActions>
        </>
      ) : null}
    </Dialog>
  )
}

/** "312 faits", "plus de 10 000 faits" */
export function useFacts({ total, isMore }: Pick<Many, 'total' | 'isMore'>) {
  const { t, tn } = useT()
  const facts = tn('sv.rejected.total', total)
  return isMore ? t('sv.rejected.more_than', { facts }) : facts
}

function Which({ many: { act, filters } }: { many: Many }) {
  const { t } = useT()
  const refusalOf = useRefusal()
  return (
    <>
      {filters.service || filters.code ? (
        <strong className="text-ink block font-medium break-words">
          {t('sv.many.which', {
            service: filters.service ?? t('sv.many.all_services'),
            code: filters.code ? refusalOf(filters.code) : t('sv.many.all_codes'),
          })}
        </strong>
      ) : null}
      {t(`sv.many.${act}.text`)} {t('sv.many.later')}
    </>
  )
}

interface AskProps {
  act: ManyAct
  label: string
  onStart: (reason: string) => void
  onClose: () => void
}

function Ask({ act, label, onStart, onClose }: AskProps) {
  const { t } = useT()
  const [reason, setReason] = useState('')
  const [tried, setTried] = useState(false)
  const text = useRef<HTMLTextAreaElement>(null)
  const isDiscard = act === 'discard'
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (!isDiscard || reason.trim()) onStart(reason.trim())
    else text.current?.focus()
  }
  return (
    <form noValidate onSubmit={submit}>
      {isDiscard ? (
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
      ) : null}
      <DialogActions>
        <Button onClick={onClose}>{t('common.cancel')}</Button>
        <Button type="submit" variant={isDiscard ? 'danger' : 'primary'}>
          {label}
        </Button>
      </DialogActions>
    </form>
  )
}

function Progress({ many, tally }: { many: Many; tally: Tally }) {
  const { t, language } = useT()
  const n = tally.done + tally.failed.length
  const total = Math.max(many.total, n)
  const share = tally.after === null ? 1 : total > 0 ? n / total : 0
  return (
    <div className="mb-4">
      <div
        role="progressbar"
        aria-label={t('sv.many.progress_label')}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.floor(share * 100)}
        className="bg-sunken h-2 overflow-hidden rounded-full"
      >
        <div
          className="bg-accent h-full rounded-full transition-[width]"
          style={{ width: `${share * 100}%` }}
        />
      </div>
      <p className="text-soft mt-1 text-sm tabular-nums">
        {t('sv.many.progress', {
          n: n.toLocaleString(language),
          total: total.toLocaleString(language),
        })}
      </p>
    </div>
  )
}

function Outcome({ act, tally }: { act: ManyAct; tally: Tally }) {
  const { t, tn } = useT()
  return (
    <div role="status" className="flex flex-col gap-3 text-base">
      <p className="font-medium">{tn(`sv.many.${act}.done`, tally.done)}</p>
      {tally.after === null ? null : <p>{t('sv.many.stopped')}</p>}
      {tally.failed.length > 0 ? (
        <div className="border-yellow-line bg-yellow-soft rounded-xl border p-3">
          <p className="font-medium">{tn('sv.many.failed', tally.failed.length)}</p>
          <ul className="mt-1 flex flex-col gap-2 text-sm">
            {causesOf(tally.failed).map(([code, facts]) => (
              <Cause key={code} code={code} facts={facts} />
            ))}
          </ul>
        </div>
      ) : null}
    </div>
  )
}

const FACTS_NAMED = 8

function Cause({ code, facts }: { code: string; facts: FailedFact[] }) {
  const { t, tn, language } = useT()
  const refusalOf = useRefusal()
  const key = `error.${code}`
  const rest = facts.length - FACTS_NAMED
  return (
    <li>
      {hasMessage(key) ? t(key) : refusalOf(code)}{' '}
      <span className="text-soft">({facts.length.toLocaleString(language)})</span>
      <span className="block">
        {facts.slice(0, FACTS_NAMED).map(({ sequence }) => (
          <Link
            key={sequence}
            to="/supervision/rejets/$sequence"
            params={{ sequence: String(sequence) }}
            className="text-accent mr-3 inline-flex min-h-11 items-center font-mono underline underline-offset-4 sm:min-h-6"
          >
            {t('sv.rejected.one', { n: sequence })}
          </Link>
        ))}
        {rest > 0 ? tn('sv.many.others', rest) : null}
      </span>
    </li>
  )
}
