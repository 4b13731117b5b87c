// One refused fact: what it said, why it was refused, and three ways out. Its body is plain text.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ArrowLeft, RotateCcw, Send, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { intakeKeys, rejectedFactQuery, resubmitFact } from '@/api/intake'
import { describeError } from '@/api/problem'
import { supervisionKeys } from '@/api/supervision'
import type { RejectedFact } from '@/api/supervision-types'
import { useT } from '@/lib/i18n'
import { parisDateTime } from '@/lib/paris'
import { uniqueId } from '@/lib/unique-id'
import { useTitle } from '@/lib/use-title'
import { Button } from '@/ui/button'
import { Field, Textarea } from '@/ui/field'
import { ListStates } from '@/ui/list-states'
import { Card, PageHeader } from '@/ui/page'
import { ErrorState } from '@/ui/states'
import { toast } from '@/ui/toasts'
import { VisibleText } from '@/ui/visible-text'
import { DiscardFactDialog } from './discard-fact-dialog'
import { FactSchema } from './fact-schema'
import { jsonMistake, pretty } from './fact-body'
import { useFieldProblem, useRefusal } from './rejected-words'

const route = getRouteApi('/app/supervision/rejets/$sequence')

export function RejectedFactPage() {
  const { t } = useT()
  const { sequence } = route.useParams()
  const search = route.useSearch()
  const query = useQuery(rejectedFactQuery(Number(sequence)))
  useTitle(`${t('sv.tab.rejected')} · SUPERVISION`)
  return (
    <>
      <Link
        to="/supervision/rejets"
        search={search}
        className="text-accent mb-1 inline-flex h-11 items-center gap-1.5 text-base font-medium underline-offset-4 hover:underline sm:h-9"
      >
        <ArrowLeft className="size-4" aria-hidden="true" />
        {t('sv.tab.rejected')}
      </Link>
      <ListStates
        query={query}
        problem={query.error ? describeError(query.error, t) : null}
        empty={null}
      >
        {query.data ? <Fact key={query.data.sequence} fact={query.data} /> : null}
      </ListStates>
    </>
  )
}

function Fact({ fact }: { fact: RejectedFact }) {
  const { t, language } = useT()
  const refusalOf = useRefusal()
  const problemOf = useFieldProblem()
  return (
    <>
      <PageHeader
        title={t('sv.rejected.one', { n: fact.sequence })}
        aside={
          <p className="text-soft w-full text-sm">
            <span className="font-mono break-all">
              <VisibleText text={fact.subject} strict />
            </span>{' '}
            · <time dateTime={fact.received_at}>{parisDateTime(fact.received_at, language)}</time>
          </p>
        }
      />
      <div className="border-red-line bg-red-soft mb-4 rounded-xl border p-4">
        <p className="font-medium">
          {refusalOf(fact.code)}{' '}
          <span className="text-soft font-mono text-sm font-normal">{fact.code}</span>
        </p>
        {fact.errors.length === 0 ? (
          <p className="mt-0.5 text-base break-words">
            {t('sv.rejected.said')}{' '}
            <span lang="en">
              <VisibleText text={fact.detail} />
            </span>
          </p>
        ) : null}
        {fact.errors.length > 0 ? (
          <ul className="mt-1 text-base">
            {fact.errors.map(({ field, code }) => (
              <li key={`${field} ${code}`}>
                <span className="font-mono text-sm font-medium">
                  <VisibleText text={field} strict />
                </span>{' '}
                : {problemOf(code)}
              </li>
            ))}
          </ul>
        ) : null}
      </div>
      <Card className="p-4 sm:p-5">
        <Correction fact={fact} />
      </Card>
      <FactSchema subject={fact.subject} />
    </>
  )
}

function Correction({ fact }: { fact: RejectedFact }) {
  const { t } = useT()
  const client = useQueryClient()
  const navigate = route.useNavigate()
  const [start] = useState(() => pretty(fact.body))
  const [body, setBody] = useState(start)
  const [intent, setIntent] = useState(uniqueId)
  const [discarding, setDiscarding] = useState(false)
  const isCorrected = body !== start
  const mistake = isCorrected ? jsonMistake(body) : null
  const settled = () => {
    void client.invalidateQueries({ queryKey: intakeKeys.rejected })
    void client.invalidateQueries({ queryKey: supervisionKeys.all })
    // Back among those of the same kind.
    void navigate({ to: '/supervision/rejets', search: (before) => before })
  }
  const resubmit = useMutation({
    // As it came, to the letter, unless somebody changed it.
    mutationFn: () => resubmitFact(fact.sequence, isCorrected ? body : null, intent),
    onSuccess: () => {
      toast('success', t('sv.rejected.resubmitted'))
      settled()
    },
  })
  const problem = resubmit.error ? describeError(resubmit.error, t) : null
  return (
    <>
      {problem ? <ErrorState className="mb-4" text={problem.text} trace={problem.traceId} /> : null}
      <Field
        label={t('sv.rejected.body')}
        hint={t('sv.rejected.body_hint')}
        error={mistake == null ? null : t('sv.rejected.not_json', { mistake })}
      >
        {(ids) => (
          <Textarea
            {...ids}
            dir="ltr"
            spellCheck={false}
            autoCapitalize="off"
            autoCorrect="off"
            rows={Math.min(28, Math.max(8, body.split('\n').length + 1))}
            className="font-mono text-sm leading-6 sm:text-sm"
            value={body}
            onChange={(event) => {
              setBody(event.target.value)
              setIntent(uniqueId())
              resubmit.reset()
            }}
          />
        )}
      </Field>
      <div className="mt-4 flex flex-col gap-2 sm:flex-row">
        <Button
          variant="primary"
          busy={resubmit.isPending}
          aria-disabled={mistake != null || undefined}
          onClick={() => {
            resubmit.mutate()
          }}
        >
          <Send className="size-4" aria-hidden="true" />
          {t(isCorrected ? 'sv.rejected.fix' : 'sv.rejected.resubmit')}
        </Button>
        {isCorrected ? (
          <Button
            onClick={() => {
              setBody(start)
              resubmit.reset()
            }}
          >
            <RotateCcw className="size-4" aria-hidden="true" />
            {t('sv.rejected.restore')}
          </Button>
        ) : null}
        <Button
          variant="danger-outline"
          className="sm:ml-auto"
          onClick={() => {
            setDiscarding(true)
          }}
        >
          <Trash2 className="size-4" aria-hidden="true" />
          {t('sv.rejected.discard')}
        </Button>
      </div>
      {discarding ? (
        <DiscardFactDialog
          sequence={fact.sequence}
          onDone={settled}
          onClose={() => {
            setDiscarding(false)
          }}
        />
      ) : null}
    </>
  )
}
