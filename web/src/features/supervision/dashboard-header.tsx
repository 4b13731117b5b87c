import type { NamedRange, PeriodSearch } from '@/lib/period'
import { PageHeader } from '@/ui/page'
import { LiveState } from './live-state'
import { RangePicker } from './range-picker'

interface DashboardHeaderProps {
  title: string
  asOf?: string
  search: PeriodSearch
  otherwise: NamedRange
  onChange: (next: PeriodSearch) => void
}

export function DashboardHeader(props: DashboardHeaderProps) {
  const { title, asOf, search, otherwise, onChange } = props
  return (
    <>
      <PageHeader
        title={title}
        aside={<RangePicker search={search} otherwise={otherwise} onChange={onChange} />}
      />
      <LiveState asOf={asOf} className="-mt-3 mb-4" />
    </>
  )
}
