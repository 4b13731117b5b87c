import { useT } from '@/lib/i18n'
import { VisibleText } from './visible-text'

/** What somebody gave as a reason, between the quotation marks of the reader's language. */
export function Quote({ text }: { text: string }) {
  const { language } = useT()
  const [open, close] = language === 'fr' ? ['«\u00A0', '\u00A0»'] : ['“', '”']
  return (
    <>
      {open}
      <VisibleText text={text} />
      {close}
    </>
  )
}
