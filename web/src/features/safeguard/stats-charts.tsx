// The only file that needs Recharts: loaded when the statistics are opened.
import {
  Bar,
  BarChart,
  LabelList,
  Pie,
  PieChart,
  ResponsiveContainer,
  XAxis,
  YAxis,
} from 'recharts'
import { formatPercent } from '@/lib/format'
import { useT } from '@/lib/i18n'
import type { Slice } from './statistics-page'

export function Donut({ slices, total }: { slices: Slice[]; total: number }) {
  const { t, language } = useT()
  return (
    <div className="flex flex-wrap items-center gap-x-8 gap-y-4">
      <div className="relative size-44 shrink-0" aria-hidden="true">
        <ResponsiveContainer width="100%" height="100%">
          <PieChart accessibilityLayer={false}>
            <Pie
              data={slices.map((each) => ({ ...each, fill: each.color }))}
              dataKey="count"
              nameKey="name"
              innerRadius="68%"
              outerRadius="100%"
              paddingAngle={2}
              stroke="none"
              isAnimationActive={false}
              rootTabIndex={-1}
              startAngle={90}
              endAngle={-270}
            />
          </PieChart>
        </ResponsiveContainer>
        <div className="absolute inset-0 grid place-content-center text-center">
          <span className="font-serif text-2xl leading-8 font-semibold tabular-nums">
            {total.toLocaleString(language)}
          </span>
          <span className="text-soft text-xs">{t('sg.stats.total').toLowerCase()}</span>
        </div>
      </div>
      <ul className="min-w-48 flex-1 text-base">
        {slices.map((each) => (
          <li
            key={each.name}
            className="border-line flex items-center gap-2.5 border-b py-1.5 last:border-0"
          >
            <span
              aria-hidden="true"
              className="size-3 rounded-sm"
              style={{ background: each.color }}
            />
            <span className="flex-1">{each.name}</span>
            <span className="font-medium tabular-nums">{each.count.toLocaleString(language)}</span>
            <span className="text-soft w-12 text-right tabular-nums">
              {formatPercent(each.count / total, language)}
            </span>
          </li>
        ))}
      </ul>
    </div>
  )
}

const ROW = 44

export function Bars({ slices }: { slices: Slice[] }) {
  const { t } = useT()
  const summary = slices.map((each) => `${each.name} ${each.count}`).join(', ')
  return (
    <div
      role="img"
      aria-label={`${t('sg.stats.count')} · ${summary}`}
      style={{ height: slices.length * ROW + 8 }}
    >
      <ResponsiveContainer width="100%" height="100%">
        <BarChart
          accessibilityLayer={false}
          layout="vertical"
          data={slices}
          margin={{ top: 12, right: 44, bottom: 0, left: 0 }}
          barSize={10}
        >
          <XAxis type="number" hide domain={[0, 'dataMax']} />
          <YAxis type="category" dataKey="name" hide />
          <Bar dataKey="count" fill="var(--chart-1)" radius={5} isAnimationActive={false}>
            <LabelList dataKey="name" content={<NameAbove />} />
            <LabelList
              dataKey="count"
              position="right"
              fill="var(--ink)"
              fontSize={13}
              fontWeight={600}
              offset={10}
            />
          </Bar>
        </BarChart>
      </ResponsiveContainer>
    </div>
  )
}

interface NameAboveProps {
  y?: number | string
  value?: unknown
}

function NameAbove({ y = 0, value }: NameAboveProps) {
  return (
    <text x={0} y={Number(y) - 7} fill="var(--ink-soft)" fontSize={13}>
      {String(value)}
    </text>
  )
}
