import { Link } from '@tanstack/react-router'
import { ArrowLeft } from 'lucide-react'
import { useT } from '@/lib/i18n'

export function BackLink() {
  const { t } = useT()
  return (
    <Link
      to="/audit"
      className="text-accent mb-2 inline-flex h-11 items-center sm:h-10 gap-1.5 text-base font-medium underline-offset-4 hover:underline"
    >
      <ArrowLeft className="size-4" aria-hidden="true" />
      {t('audit.back')}
    </Link>
  )
}
