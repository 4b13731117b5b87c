// The first thing somebody on call looks for: what is wrong at this moment, and at whose.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { CircleCheck, OctagonAlert, TriangleAlert } from 'lucide-react'
import { sentinelQuery } from '@/api/supervision'
import type { Component } from '@/api/supervision-types'
import { cn } from '@/lib/cn'
import { useT } from '@/lib/i18n'
import { Skeleton } from '@/ui/states'
import { useComponentName } from './health-strip'
import { ImpactedClients } from './impacted-clients'
import { Panel } from './panel'

/** Asked for with the page around it, so that less moves when it comes. */
export const rightNowQuery = sentinelQuery({ range: 'today' })

interface RightNowProps {
  /** What the platform depends on: nothing is called well above something that is down. */
  components: Component[]
  /** How many clients; the worst come first. */
  most: number
  /** On the wall nobody follows a link. */
  plain?: boolean
}

/** No word until it is known: "all is well" must never be said for want of an answer. */
export function RightNow({ components, most, plain }: RightNowProps) {
  const { t, tn } = useT()
  const { data, isError } = useQuery(rightNowQuery)
  if (isError) return <Line tone="yellow" text={t('sv.now.not_known')} isAlert />
  if (!data) return <Skeleton className="h-12 rounded-xl" />
  const touched = data.impacted_clients.filter(({ state }) => state !== 'green')
  const rest = touched.length - most
  if (data.active_now === 0) return <NoAlert components={components} />
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

/** No alert, and yet a component may be in trouble that no alert speaks of. */
function NoAlert({ components }: { components: Component[] }) {
  const { t } = useT()
  const nameOf = useComponentName()
  const well = t('sv.now.well')
  const list = (status: Component['status']) =>
    components
      .filter((each) => each.status === status)
      .map((each) => nameOf(each.component))
      .join(', ')
  const down = list('down')
  if (down) return <Line tone="red" text={t('sv.now.down', { well, names: down })} />
  const degraded = list('degraded')
  if (degraded) {
    return <Line tone="yellow" text={t('sv.now.degraded', { well, names: degraded })} />
  }
  return <Line tone="green" text={well} />
}

const lines = {
  green: { icon: CircleCheck, ground: 'border-green-line bg-green-soft', ink: 'text-green' },
  yellow: { icon: TriangleAlert, ground: 'border-yellow-line bg-yellow-soft', ink: 'text-yellow' },
  red: { icon: OctagonAlert, ground: 'border-red-line bg-red-soft', ink: 'text-red' },
}

interface LineProps {
  tone: keyof typeof lines
  text: string
  isAlert?: boolean
}

function Line({ tone, text, isAlert }: LineProps) {
  const { icon: Icon, ground, ink } = lines[tone]
  return (
    <p
      role={isAlert ? 'alert' : undefined}
      data-now={tone}
      className={cn(
        'flex items-center gap-2.5 rounded-xl border px-4 py-3 text-base font-medium sm:px-5',
        ground,
      )}
    >
      <Icon className={cn('size-5 shrink-0', ink)} aria-hidden="true" />
      {text}
    </p>
  )
}
