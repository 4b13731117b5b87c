// Facts that could not be accepted, the oldest first: nothing is dropped, somebody decides.
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ChevronRight, Send, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { rejectedQuery, type RejectedFilters } from '@/api/intake'
import { describeError } from '@/api/problem'
import type { RejectedFact } from '@/api/supervision-types'
import { hasMessage, useT, type Translate } from '@/lib/i18n'
import { parisDateTime } from '@/lib/paris'
import { useTitle } from '@/lib/use-title'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { ListStates, LoadMore } from '@/ui/list-states'
import { Card, PageHeader } from '@/ui/page'
import { VisibleText } from '@/ui/visible-text'
import { ManyFactsDialog, useFacts, type Many, type ManyAct } from './many-facts-dialog'
import { RejectedFilterBar } from './rejected-filters'
import { useFieldProblem, useRefusal } from './rejected-words'

const route = getRouteApi('/app/supervision/rejets')

export function RejectedPage() {
  const { t } = useT()
  const filters = route.useSearch()
  const navigate = route.useNavigate()
  const query = useInfiniteQuery(rejectedQuery(filters))
  const first = query.data?.pages[0]
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  const [many, setMany] = useState<Many | null>(null)
  const isFiltered = Boolean(filters.service ?? filters.code)
  useTitle(`${t('sv.tab.rejected')} · SUPERVISION`)
  const ask = (act: ManyAct) => {
    if (first?.last_sequence == null) return
    const total = first.total ?? items.length
    const isMore = first.is_more_than_counted ?? false
    setMany({ act, filters, total, isMore, upTo: first.last_sequence })
  }
  return (
    <>
      <PageHeader title={t('sv.rejected.heading')} intro={t('sv.rejected.intro')} />
      {isFiltered || items.length > 0 ? (
        <RejectedFilterBar
          value={filters}
          byCode={first?.by_code ?? []}
          services={[...new Set(items.map(({ service }) => service))].sort()}
          onChange={(search) => void navigate({ search, replace: true })}
        />
      ) : null}
      <ListStates
        query={query}
        problem={query.error ? describeError(query.error, t) : null}
        empty={query.data && items.length === 0 ? emptyText(isFiltered, t) : null}
      >
        {items.length > 0 ? (
          <>
            <Decisions
              total={first?.total ?? items.length}
              isMore={first?.is_more_than_counted ?? false}
              // What is shown must be what is decided on.
              isInert={query.isPlaceholderData}
              onAsk={ask}
            />
            <Card>
              <ul aria-label={t('sv.rejected.heading')}>
                {items.map((fact) => (
                  <RejectedRow key={fact.sequence} fact={fact} filters={filters} />
                ))}
              </ul>
            </Card>
            <LoadMore query={query} />
          </>
        ) : null}
      </ListStates>
      {many ? (
        <ManyFactsDialog
          many={many}
          onClose={() => {
            setMany(null)
          }}
        />
      ) : null}
    </>
  )
}

function emptyText(isFiltered: boolean, t: Translate) {
  return isFiltered
    ? { title: t('sv.rejected.no_match'), text: t('sv.rejected.no_match_text') }
    : { title: t('sv.rejected.none'), text: t('sv.rejected.none_text') }
}

interface DecisionsProps {
  total: number
  isMore: boolean
  isInert: boolean
  onAsk: (act: ManyAct) => void
}

/** How many there are, and one decision for all of them. */
function Decisions({ total, isMore, isInert, onAsk }: DecisionsProps) {
  const { t } = useT()
  const facts = useFacts({ total, isMore })
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2">
      <p role="status" className="min-w-0 flex-1 basis-40 text-base font-medium">
        {facts}
      </p>
      <div className="flex w-full gap-2 sm:w-auto">
        <Button
          className="min-w-0 flex-1"
          aria-disabled={isInert || undefined}
          onClick={() => {
            onAsk('resubmit')
          }}
        >
          <Send className="size-4" aria-hidden="true" />
          {t('sv.rejected.resubmit_all')}
        </Button>
        <Button
          variant="danger-outline"
          className="min-w-0 flex-1"
          aria-disabled={isInert || undefined}
          onClick={() => {
            onAsk('discard')
          }}
        >
          <Trash2 className="size-4" aria-hidden="true" />
          {t('sv.rejected.discard_all')}
        </Button>
      </div>
    </div>
  )
}

function RejectedRow({ fact, filters }: { fact: RejectedFact; filters: RejectedFilters }) {
  const { language } = useT()
  const refusalOf = useRefusal()
  const problemOf = useFieldProblem()
  return (
    <li className="border-line hover:bg-sunken/60 relative flex items-center gap-3 border-b px-4 py-3 text-base last:border-0 sm:px-5">
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
          <Link
            to="/supervision/rejets/$sequence"
            params={{ sequence: String(fact.sequence) }}
            search={filters}
            className="font-mono text-sm font-medium break-all after:absolute after:inset-0"
          >
            <VisibleText text={fact.subject} strict />
          </Link>
          <Badge tone="red">{refusalOf(fact.code)}</Badge>
        </p>
        <p className="text-soft mt-0.5 text-sm break-words">
          {fact.errors.length > 0 ? (
            fact.errors.map(({ field, code }, i) => (
              <span key={`${field} ${code}`}>
                {i > 0 ? ', ' : ''}
                <span className="font-mono">
                  <VisibleText text={field} strict />
                </span>{' '}
                : {problemOf(code)}
              </span>
            ))
          ) : hasMessage(`sv.rejected.code.${fact.code}`) ? null : (
            <span lang="en">
              <VisibleText text={fact.detail} />
            </span>
          )}
        </p>
        <p className="text-faint text-sm">
          <time dateTime={fact.received_at}>{parisDateTime(fact.received_at, language)}</time> ·{' '}
          <VisibleText text={fact.service} strict /> · {fact.size.toLocaleString(language)} o
        </p>
      </div>
      <ChevronRight className="text-faint size-5 shrink-0" aria-hidden="true" />
    </li>
  )
}
