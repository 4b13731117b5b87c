import { VisibleText } from '@/ui/visible-text'

/** The action in words, then what it acts on: the words are prose, the target is run to the letter. */
export function ActionLine({ title, subject }: { title: string; subject: string | null }) {
  return (
    <>
      <VisibleText text={title} />
      {subject ? (
        <>
          <span aria-hidden="true" className="text-faint font-normal">
            {'\u00A0· '}
          </span>
          <span className="text-accent">
            <VisibleText text={subject} strict />
          </span>
        </>
      ) : null}
    </>
  )
}
