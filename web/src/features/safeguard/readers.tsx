import { useShallow } from 'zustand/react/shallow'
import { usePresence, type Reader } from '@/api/presence'
import { useSession } from '@/api/use-session'
import { initials } from '@/lib/format'
import { useT, type Translate } from '@/lib/i18n'

const FACES = 3

function sentence(names: string[], t: Translate): string {
  const [a = '', b = ''] = names
  if (names.length === 1) return t('sg.readers.one', { names: a })
  const both = t('sg.readers.and', { a, b })
  const more = t('sg.readers.more', { a, n: names.length - 1 })
  return t('sg.readers.two', { names: names.length === 2 ? both : more })
}

function nameOf(reader: Reader) {
  return reader.display_name || reader.username
}

/**
 * Who else has this request open. It takes the free end of its line: somebody coming or leaving
 * never moves a button under a finger, and nothing is announced.
 */
export function Readers({ id }: { id: string }) {
  const { t } = useT()
  const me = useSession().id
  const others = usePresence(
    useShallow((s) => (s.readers[id] ?? []).filter((each) => each.id !== me)),
  )
  if (others.length === 0) return <span className="ml-auto" />
  const text = sentence(others.map(nameOf), t)
  return (
    <p className="ml-auto flex min-w-0 items-center gap-2 text-sm" title={text}>
      <span aria-hidden="true" className="flex shrink-0 -space-x-1.5">
        {others.slice(0, FACES).map((each) => (
          <span
            key={each.id}
            className="bg-accent text-on-accent ring-surface grid size-6 place-items-center rounded-full text-[0.65rem] font-semibold uppercase ring-2"
          >
            {initials(nameOf(each))}
          </span>
        ))}
      </span>
      <span className="text-soft truncate max-sm:sr-only">{text}</span>
    </p>
  )
}
