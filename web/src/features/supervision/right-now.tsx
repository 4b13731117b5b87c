// The first thing somebody on call looks for: what is wrong at this moment, and at whose.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { CircleCheck, TriangleAlert } from 'lucide-react'
import { sentinelQuery } from '@/api/supervision'
import { useT } from '@/lib/i18n'
import { ImpactedClients } from './impacted-clients'
import { Panel } from './panel'

interface RightNowProps {
  /** How many clients; the worst come first. */
  most: number
  /** On the wall nobody follows a link. */
  plain?: boolean
}

/** Nothing until it is known: "all is well" must never be said for want of an answer. */
export function RightNow({ most, plain }: RightNowProps) {
  const { t, tn } = useT()
  const { data, isError } = useQuery(sentinelQuery({ range: 'today' }))
  if (isError) {
    return (
      <p
        role="alert"
        className="border-yellow-line bg-yellow-soft flex items-center gap-2.5 rounded-xl border px-4 py-3 text-base font-medium sm:px-5"
      >
        <TriangleAlert className="text-yellow size-5 shrink-0" aria-hidden="true" />
        {t('sv.now.not_known')}
      </p>
    )
  }
  if (!data) return null
  const touched = data.impacted_clients.filter(({ state }) => state !== 'green')
  const rest = touched.length - most
  if (data.active_now === 0) {
    return (
      <p className="border-green-line bg-green-soft flex items-center gap-2.5 rounded-xl border px-4 py-3 text-base font-medium sm:px-5">
        <CircleCheck className="text-green size-5 shrink-0" aria-hidden="true" />
        {t('sv.now.well')}
      </p>
    )
  }
  return (
    <Panel
      title={t('sv.now')}
      note={tn('sv.now.active', data.active_now)}
      flush
      more={plain ? undefined : { to: '/supervision/alertes', search: { status: 'active' } }}
    >
      {touched.length > 0 ? (
        <ImpactedClients
          clients={touched.slice(0, most)}
          label={t('sv.now')}
          className="md:grid-cols-2"
        />
      ) : (
        <p className="text-soft px-4 pb-4 text-base sm:px-5">{t('sv.sentinel.nobody')}</p>
      )}
      {rest > 0 && !plain ? (
        <Link
          to="/supervision/sentinel"
          className="text-accent mx-4 mb-2 -mt-2 inline-flex min-h-11 items-center text-sm font-medium underline-offset-4 hover:underline sm:mx-5 sm:min-h-8"
        >
          {tn('sv.now.others', rest)}
        </Link>
      ) : null}
    </Panel>
  )
}
