// The only file of SUPERVISION that needs Recharts: loaded with the first chart.
import { useId } from 'react'
import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts'
import type { Period } from '@/api/supervision-types'
import { useT } from '@/lib/i18n'
import {
  axisLabel,
  pointLabel,
  shortNumber,
  totalOf,
  type Pattern,
  type Point,
  type Series,
} from './series'

interface SeriesChartProps {
  points: Point[]
  series: Series[]
  step: Period['step']
  height: string
  fontSize?: number
  onPick?: (index: number) => void
}

function Fill({ id, color, pattern }: { id: string; color: string; pattern: Pattern }) {
  const ink = 'var(--surface)'
  return (
    <pattern id={id} width="6" height="6" patternUnits="userSpaceOnUse">
      <rect width="6" height="6" fill={color} />
      {pattern === 'dots' ? <circle cx="3" cy="3" r="1.3" fill={ink} /> : null}
      {pattern === 'hatch' || pattern === 'cross' ? (
        <path d="M-1 1 1-1M0 6 6 0M5 7 7 5" stroke={ink} strokeWidth="1.2" />
      ) : null}
      {pattern === 'cross' ? (
        <path d="M-1 5 1 7M0 0 6 6M5-1 7 1" stroke={ink} strokeWidth="1.2" />
      ) : null}
    </pattern>
  )
}

export function SeriesChart(props: SeriesChartProps) {
  const { points, series, step, height, fontSize = 12, onPick } = props
  const { language } = useT()
  const prefix = useId()
  const idOf = (key: string) => `${prefix}-${key}`
  const data = points.map((each) => ({ at: each.at, ...each.values }))
  const tick = { fill: 'var(--ink-soft)', fontSize }
  return (
    <div style={{ height }} className={onPick ? 'cursor-pointer' : undefined}>
      <ResponsiveContainer width="100%" height="100%">
        <BarChart
          accessibilityLayer={false}
          data={data}
          margin={{ top: 8, right: 4, bottom: 0, left: 0 }}
          barCategoryGap="18%"
          onClick={(state) => {
            const index = Number(state.activeTooltipIndex)
            if (Number.isInteger(index) && index >= 0) onPick?.(index)
          }}
        >
          <defs>
            {series.map((each) => (
              <Fill key={each.key} id={idOf(each.key)} color={each.color} pattern={each.pattern} />
            ))}
          </defs>
          <CartesianGrid vertical={false} stroke="var(--line)" />
          <XAxis
            dataKey="at"
            tickFormatter={(at: string) => axisLabel(at, step, language)}
            tick={tick}
            tickLine={false}
            axisLine={{ stroke: 'var(--line)' }}
            minTickGap={fontSize * 2}
          />
          <YAxis
            allowDecimals={false}
            tick={tick}
            tickLine={false}
            axisLine={false}
            width={fontSize * 3}
            tickFormatter={(value: number) => shortNumber(value, language)}
          />
          <Tooltip
            isAnimationActive={false}
            cursor={{ fill: 'var(--sunken)', fillOpacity: 0.7 }}
            content={({ active, label }) => {
              const point = active ? points.find((each) => each.at === label) : undefined
              return point ? <Tip point={point} series={series} step={step} /> : null
            }}
          />
          {series.map((each) => (
            <Bar
              key={each.key}
              dataKey={each.key}
              name={each.label}
              stackId="all"
              fill={`url(#${CSS.escape(idOf(each.key))})`}
              maxBarSize={44}
              isAnimationActive={false}
            />
          ))}
        </BarChart>
      </ResponsiveContainer>
    </div>
  )
}

function Tip({ point, series, step }: { point: Point; series: Series[]; step: Period['step'] }) {
  const { t, language } = useT()
  return (
    <div className="border-line bg-raised shadow-pop rounded-lg border px-3 py-2 text-sm">
      <p className="font-medium">{pointLabel(point.at, step, language)}</p>
      {series.map((each) => (
        <p key={each.key} className="flex items-center gap-2">
          <Swatch color={each.color} pattern={each.pattern} />
          <span className="flex-1 pr-4">{each.label}</span>
          <span className="tabular-nums">
            {(point.values[each.key] ?? 0).toLocaleString(language)}
          </span>
        </p>
      ))}
      {series.length > 1 ? (
        <p className="border-line mt-1 flex justify-between border-t pt-1 font-medium">
          {t('sv.total')}
          <span className="tabular-nums">{totalOf(point).toLocaleString(language)}</span>
        </p>
      ) : null}
    </div>
  )
}

export function Swatch({ color, pattern }: { color: string; pattern: Pattern }) {
  const id = useId()
  return (
    <svg aria-hidden="true" viewBox="0 0 12 12" className="size-3 shrink-0 rounded-sm">
      <defs>
        <Fill id={id} color={color} pattern={pattern} />
      </defs>
      <rect width="12" height="12" fill={`url(#${CSS.escape(id)})`} />
    </svg>
  )
}
