// A chart over time with its legend, and the table behind it.
import { Link, useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import type { Period } from '@/api/supervision-types'
import { useT } from '@/lib/i18n'
import type { PeriodSearch } from '@/lib/period'
import { Button } from '@/ui/button'
import { Skeleton } from '@/ui/states'
import type { Destination } from './figure'
import { Nothing, Panel } from './panel'
import { pointLabel, stepEnd, totalOf, type Point, type Series } from './series'

const SeriesChart = lazy(() => import('./series-chart').then((m) => ({ default: m.SeriesChart })))
const Swatch = lazy(() => import('./series-chart').then((m) => ({ default: m.Swatch })))

const HEIGHT = '15rem'

interface SeriesPanelProps {
  title: string
  points: Point[]
  series: Series[]
  period: Period
  /** The list of one step. */
  listOf: (step: PeriodSearch) => Destination
  empty: string
  className?: string
}

export function SeriesPanel(props: SeriesPanelProps) {
  const { title, points, series, period, listOf, empty, className } = props
  const { t, language } = useT()
  const navigate = useNavigate()
  const [table, setTable] = useState(false)
  const isEmpty = points.every((point) => totalOf(point) === 0)
  const summary = series.map(({ key, label }) => {
    const sum = points.reduce((total, point) => total + (point.values[key] ?? 0), 0)
    return `${label} ${sum.toLocaleString(language)}`
  })
  const destination = (index: number): Destination =>
    listOf({ from: points[index]?.at, to: stepEnd(points, index, period) })
  return (
    <Panel
      title={title}
      className={className}
      aside={
        <Button
          variant="ghost"
          size="sm"
          className="-mr-3"
          aria-pressed={table}
          onClick={() => {
            setTable(!table)
          }}
        >
          {table ? t('common.show_chart') : t('common.show_table')}
          <span className="sr-only"> · {title}</span>
        </Button>
      }
    >
      {table ? (
        <SeriesTable {...props} destination={destination} />
      ) : isEmpty ? (
        <Nothing>{empty}</Nothing>
      ) : (
        <>
          <div role="img" aria-label={`${title} : ${summary.join(', ')}`}>
            <Suspense fallback={<Skeleton className="h-60" />}>
              <SeriesChart
                points={points}
                series={series}
                step={period.step}
                height={HEIGHT}
                onPick={(index) => {
                  void navigate(destination(index) as Parameters<typeof navigate>[0])
                }}
              />
            </Suspense>
          </div>
          {series.length > 1 ? <Legend series={series} /> : null}
        </>
      )}
    </Panel>
  )
}

export function Legend({ series }: { series: Series[] }) {
  return (
    <ul aria-hidden="true" className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-sm">
      {series.map((each) => (
        <li key={each.key} className="text-soft flex items-center gap-1.5">
          <Suspense fallback={null}>
            <Swatch color={each.color} pattern={each.pattern} />
          </Suspense>
          {each.label}
        </li>
      ))}
    </ul>
  )
}

function SeriesTable({
  title,
  points,
  series,
  period,
  destination,
}: SeriesPanelProps & { destination: (index: number) => Destination }) {
  const { t, language } = useT()
  return (
    <div
      // Long tables scroll inside: reachable by keyboard.
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      role="region"
      aria-label={title}
      className="max-h-72 overflow-auto"
    >
      <table className="w-full text-left text-base">
        <caption className="sr-only">{title}</caption>
        <thead className="text-faint border-line bg-surface sticky top-0 border-b text-sm">
          <tr>
            <th scope="col" className="py-1.5 pr-3 font-medium">
              {t(period.step === 'hour' ? 'sv.hour' : 'sv.day')}
            </th>
            {series.map((each) => (
              <th key={each.key} scope="col" className="px-2 py-1.5 text-right font-medium">
                {each.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {points.map((point, index) => (
            <tr key={point.at} className="border-line border-b last:border-0">
              <th scope="row" className="py-1.5 pr-3 font-normal whitespace-nowrap">
                <Link
                  {...destination(index)}
                  className="text-accent inline-flex min-h-6 items-center underline-offset-4 hover:underline"
                >
                  {pointLabel(point.at, period.step, language)}
                </Link>
              </th>
              {series.map((each) => (
                <td key={each.key} className="px-2 py-1.5 text-right tabular-nums">
                  {(point.values[each.key] ?? 0).toLocaleString(language)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
