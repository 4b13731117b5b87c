import { useQuery } from '@tanstack/react-query'
import { projectionsQuery } from '@/api/operations'
import { describeError } from '@/api/problem'
import { useT } from '@/lib/i18n'
import { useTitle } from '@/lib/use-title'
import { ListStates } from '@/ui/list-states'
import { Card, Page, PageHeader } from '@/ui/page'
import { EmptyState } from '@/ui/states'
import { ParkedSection } from './parked-section'
import { ProjectionRow } from './projection-row'

export function OperationsPage() {
  const { t } = useT()
  const query = useQuery(projectionsQuery)
  const troubled = query.data?.filter((each) => each.parked > 0) ?? []
  useTitle(t('ops.title'))
  return (
    <Page>
      <PageHeader title={t('ops.title')} intro={t('ops.intro')} />
      <ListStates
        query={query}
        problem={query.error ? describeError(query.error, t) : null}
        empty={null}
      >
        {query.data ? (
          <>
            <section aria-labelledby="ops-parked" className="mb-8">
              <h2 id="ops-parked" className="font-serif text-lg font-semibold">
                {t('ops.parked')}
              </h2>
              {troubled.length === 0 ? (
                <EmptyState title={t('ops.nothing')} text={t('ops.nothing_text')} />
              ) : (
                <>
                  <p className="text-soft mb-3 max-w-2xl text-base">{t('ops.parked_text')}</p>
                  {troubled.map((each) => (
                    <ParkedSection key={each.name} name={each.name} />
                  ))}
                </>
              )}
            </section>
            <section aria-labelledby="ops-projections">
              <h2 id="ops-projections" className="mb-3 font-serif text-lg font-semibold">
                {t('ops.projections')}
              </h2>
              <Card>
                <ul aria-labelledby="ops-projections">
                  {query.data.map((each) => (
                    <ProjectionRow key={each.name} projection={each} />
                  ))}
                </ul>
              </Card>
            </section>
          </>
        ) : null}
      </ListStates>
    </Page>
  )
}
