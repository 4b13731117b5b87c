import { VisibleText } from '@/ui/visible-text'

/** The action in words, then what it acts on: the words are prose, the target is run to the letter. */
export function ActionLine({ title, subject }: { title: string; subject: string | null }) {
  return (
    <>
      <VisibleText text={title} />
      {subject ? (
        <>
          {'\u00A0· '}
          <VisibleText text={subject} strict />
        </>
      ) : null}
    </>
  )
}
