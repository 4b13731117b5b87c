// Facts that could not be accepted, the oldest first: nothing is dropped, somebody decides.
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ChevronRight } from 'lucide-react'
import { rejectedQuery } from '@/api/intake'
import { describeError } from '@/api/problem'
import type { RejectedFact } from '@/api/supervision-types'
import { hasMessage, useT } from '@/lib/i18n'
import { parisDateTime } from '@/lib/paris'
import { useTitle } from '@/lib/use-title'
import { Badge } from '@/ui/badge'
import { ListStates, LoadMore } from '@/ui/list-states'
import { Card, PageHeader } from '@/ui/page'
import { VisibleText } from '@/ui/visible-text'

export function RejectedPage() {
  const { t } = useT()
  const query = useInfiniteQuery(rejectedQuery)
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  useTitle(`${t('sv.tab.rejected')} · SUPERVISION`)
  return (
    <>
      <PageHeader title={t('sv.rejected.heading')} intro={t('sv.rejected.intro')} />
      <ListStates
        query={query}
        problem={query.error ? describeError(query.error, t) : null}
        empty={
          query.data && items.length === 0
            ? { title: t('sv.rejected.none'), text: t('sv.rejected.none_text') }
            : null
        }
      >
        {items.length > 0 ? (
          <>
            <Card>
              <ul aria-label={t('sv.rejected.heading')}>
                {items.map((fact) => (
                  <RejectedRow key={fact.sequence} fact={fact} />
                ))}
              </ul>
            </Card>
            <LoadMore query={query} />
          </>
        ) : null}
      </ListStates>
    </>
  )
}

/** Why it was refused, in plain words; the code itself where there are none. */
export function useRefusal() {
  const { t } = useT()
  return (code: string) => {
    const key = `sv.rejected.code.${code}`
    return hasMessage(key) ? t(key) : code
  }
}

/** What is wrong with one field. */
export function useFieldProblem() {
  const { t } = useT()
  return (code: string) => {
    const key = `sv.rejected.field.${code}`
    return hasMessage(key) ? t(key) : code
  }
}

function RejectedRow({ fact }: { fact: RejectedFact }) {
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
          ) : (
            <VisibleText text={fact.detail} />
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
