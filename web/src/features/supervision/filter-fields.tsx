// The controls that lists filter with; each says its choice to the address bar.
import { useQuery } from '@tanstack/react-query'
import { clientsQuery } from '@/api/clients'
import { useT } from '@/lib/i18n'
import { Field, Input, Select } from '@/ui/field'
import { useTyped } from './use-typed'

interface SearchBoxProps {
  label: string
  value: string | undefined
  onChange: (value: string | undefined) => void
}

export function SearchBox({ label, value, onChange }: SearchBoxProps) {
  const [typed, setTyped] = useTyped(value, onChange)
  return (
    <Field label={label}>
      {(ids) => (
        <Input
          {...ids}
          type="search"
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value)
          }}
        />
      )}
    </Field>
  )
}

interface ChoiceProps<T extends string> {
  label: string
  value: T | undefined
  choices: readonly T[]
  nameOf: (choice: T) => string
  onChange: (value: T | undefined) => void
}

export function Choice<T extends string>(props: ChoiceProps<T>) {
  const { label, value, choices, nameOf, onChange } = props
  const { t } = useT()
  return (
    <Field label={label}>
      {(ids) => (
        <Select
          {...ids}
          value={value ?? ''}
          onChange={(event) => {
            onChange(choices.find((each) => each === event.target.value))
          }}
        >
          <option value="">{t('common.all')}</option>
          {choices.map((each) => (
            <option key={each} value={each}>
              {nameOf(each)}
            </option>
          ))}
        </Select>
      )}
    </Field>
  )
}

interface YesNoProps {
  label: string
  value: boolean | undefined
  onChange: (value: boolean | undefined) => void
}

export function YesNo({ label, value, onChange }: YesNoProps) {
  const { t } = useT()
  return (
    <Choice
      label={label}
      value={value === undefined ? undefined : value ? 'yes' : 'no'}
      choices={['yes', 'no'] as const}
      nameOf={(each) => t(`common.${each}`)}
      onChange={(choice) => {
        onChange(choice && choice === 'yes')
      }}
    />
  )
}

export interface ClientFilter {
  client_id?: string
  known_client?: boolean
}

const NONE = '-'
const UNKNOWN = '?'

/** A client of the register, none at all, or all those that it does not know. */
export function ClientChoice({
  value,
  onChange,
}: {
  value: ClientFilter
  onChange: (next: ClientFilter) => void
}) {
  const { t } = useT()
  const { data: clients } = useQuery(clientsQuery)
  const { client_id: id } = value
  const isListed = !id || id === NONE || clients?.some((each) => each.id === id)
  return (
    <Field label={t('sv.client')}>
      {(ids) => (
        <Select
          {...ids}
          value={value.known_client === false ? UNKNOWN : (id ?? '')}
          onChange={(event) => {
            const chosen = event.target.value
            onChange(
              chosen === UNKNOWN
                ? { client_id: undefined, known_client: false }
                : { client_id: chosen || undefined, known_client: undefined },
            )
          }}
        >
          <option value="">{t('common.all')}</option>
          <option value={NONE}>{t('sv.client.none')}</option>
          <option value={UNKNOWN}>{t('sv.client.unknown')}</option>
          {isListed ? null : <option value={id}>{id}</option>}
          {clients?.map((each) => (
            <option key={each.id} value={each.id}>
              {each.name}
            </option>
          ))}
        </Select>
      )}
    </Field>
  )
}
