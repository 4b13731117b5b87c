// Text somebody else wrote: isolated, so that it cannot reorder what stands beside it.
import { useState } from 'react'
import { useT } from '@/lib/i18n'
import { reveal } from '@/lib/reveal'

interface VisibleTextProps {
  text: string
  /** What will be run, to the letter. */
  strict?: boolean
}

export function VisibleText({ text, strict = false }: VisibleTextProps) {
  return (
    <bdi dir={strict ? 'ltr' : undefined}>
      {reveal(text, strict).map((piece, i) =>
        piece.hidden ? (
          <span
            key={i}
            data-hidden-character
            className="border-yellow-line bg-yellow-soft text-yellow mx-px inline-block rounded border px-1 font-mono text-[0.8em] leading-4 font-semibold whitespace-nowrap"
          >
            {piece.text}
          </span>
        ) : (
          piece.text
        ),
      )}
    </bdi>
  )
}

interface LongTextProps extends VisibleTextProps {
  /** Characters shown at first. The rest is one press away, and said to be there. */
  atFirst: number
}

export function LongText({ text, strict, atFirst }: LongTextProps) {
  const { t, language } = useT()
  const [whole, setWhole] = useState(false)
  if (whole || text.length <= atFirst) return <VisibleText text={text} strict={strict} />
  // Never half a character.
  const start = text.slice(0, atFirst).replace(/[\uD800-\uDBFF]$/, '')
  return (
    <>
      <VisibleText text={start} strict={strict} />…{' '}
      <button
        type="button"
        onClick={() => {
          setWhole(true)
        }}
        className="text-accent inline-flex min-h-11 items-center sm:min-h-6 font-sans text-sm font-medium underline underline-offset-4"
      >
        {t('common.show_all', { n: text.length.toLocaleString(language) })}
      </button>
    </>
  )
}
