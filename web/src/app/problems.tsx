import { Link, useRouter, type ErrorComponentProps } from '@tanstack/react-router'
import { ApiError, describeError } from '@/api/problem'
import { useT } from '@/lib/i18n'
import { useTitle } from '@/lib/use-title'
import { Button } from '@/ui/button'
import { Page } from '@/ui/page'
import { EmptyState, NoMatchIllustration } from '@/ui/states'

export function NotFound() {
  const { t } = useT()
  useTitle(t('shell.not_found.title'))
  return (
    <Page className="py-16">
      <h1 className="sr-only">{t('shell.not_found.title')}</h1>
      <EmptyState
        illustration={<NoMatchIllustration />}
        title={t('shell.not_found.title')}
        text={t('shell.not_found.text')}
        action={
          <Link to="/" className="text-accent font-medium underline underline-offset-4">
            {t('shell.home')}
          </Link>
        }
      />
    </Page>
  )
}

export function PageError({ error }: ErrorComponentProps) {
  const { t } = useT()
  const router = useRouter()
  const known = error instanceof ApiError
  const { text, traceId } = describeError(error, t)
  const trace = traceId ?? (known ? error.traceId : null)
  useTitle(t('error.title'))
  return (
    <Page className="py-16">
      <div role="alert" className="mx-auto max-w-md text-center">
        <h1 className="font-serif text-2xl font-semibold">{t('error.title')}</h1>
        <p className="text-soft mt-2">{known ? text : t('error.boundary')}</p>
        {trace ? (
          <p className="text-faint mt-3 font-mono text-xs break-all">
            {t('error.trace', { id: trace })}
          </p>
        ) : null}
        {known ? null : (
          <p className="text-faint mt-3 font-mono text-xs break-words">
            {error instanceof Error ? error.message : String(error)}
          </p>
        )}
        <Button
          variant="primary"
          className="mt-6"
          onClick={() => {
            if (known) void router.invalidate()
            else window.location.reload()
          }}
        >
          {known ? t('common.retry') : t('error.reload')}
        </Button>
      </div>
    </Page>
  )
}
