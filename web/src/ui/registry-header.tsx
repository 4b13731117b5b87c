// Title, add button and filter of a registry; who may not edit is told so.
import { Plus } from 'lucide-react'
import type { ReactNode } from 'react'
import { useT } from '@/lib/i18n'
import { Badge } from './badge'
import { Button } from './button'
import { Input } from './field'
import { PageHeader } from './page'

interface RegistryHeaderProps {
  title: string
  intro: string
  mayEdit: boolean
  addLabel: string
  onAdd: () => void
  /** More ways to fill it. */
  actions?: ReactNode
  filter: string
  onFilter: (text: string) => void
}

export function RegistryHeader(props: RegistryHeaderProps) {
  const { t } = useT()
  return (
    <>
      <PageHeader
        title={props.title}
        intro={props.intro}
        aside={
          props.mayEdit ? (
            <div className="flex flex-wrap gap-2">
              {props.actions}
              <Button variant="primary" onClick={props.onAdd}>
                <Plus className="size-4" aria-hidden="true" />
                {props.addLabel}
              </Button>
            </div>
          ) : (
            <Badge>{t('registry.read_only')}</Badge>
          )
        }
      />
      <Input
        type="search"
        aria-label={t('registry.filter')}
        placeholder={t('registry.filter')}
        value={props.filter}
        onChange={(event) => {
          props.onFilter(event.target.value)
        }}
        className="mb-4 sm:max-w-xs"
      />
    </>
  )
}
