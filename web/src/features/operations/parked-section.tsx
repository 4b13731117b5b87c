// What one reader could not apply: why, what waits behind it, and two ways out.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Hourglass, RotateCw, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { parkedQuery, retryAllParked, retryParked } from '@/api/operations'
import { describeError } from '@/api/problem'
import type { ParkedItem } from '@/api/types'
import { formatDate, formatTimeSeconds } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { uniqueId } from '@/lib/unique-id'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { Card } from '@/ui/page'
import { ErrorState } from '@/ui/states'
import { toast } from '@/ui/toasts'
import { DiscardDialog } from './discard-dialog'

export function ParkedSection({ name }: { name: string }) {
  const { t } = useT()
  // Orders by the event they are about, with their own position: done when the reader is there.
  const [ordered, setOrdered] = useState<Record<number, number>>({})
  const query = useQuery(parkedQuery(name, Object.keys(ordered).length > 0))
  const problem = query.error ? describeError(query.error, t) : null
  const reached = query.data?.position ?? 0
  const isOrdered = (position: number) => (ordered[position] ?? 0) > reached
  if (query.data && Object.values(ordered).some((at) => at <= reached)) {
    setOrdered(Object.fromEntries(Object.entries(ordered).filter(([, at]) => at > reached)))
  }
  const failed = query.data?.items.filter((each) => each.error) ?? []
  if (query.data && failed.length === 0) return null
  return (
    <div className="mb-4">
      <div className="mb-2 flex flex-wrap items-center gap-x-4 gap-y-2">
        <h3 className="min-w-0 flex-1 font-mono text-base font-semibold break-all">{name}</h3>
        {failed.length > 1 ? (
          <RetryAll
            name={name}
            ordered={failed.every((each) => isOrdered(each.position))}
            onOrdered={(at) => {
              setOrdered(Object.fromEntries(failed.map((each) => [each.position, at])))
            }}
          />
        ) : null}
      </div>
      {problem ? <ErrorState className="mb-2" text={problem.text} trace={problem.traceId} /> : null}
      {failed.length > 0 ? (
        <Card>
          <ul aria-label={`${t('ops.parked')} · ${name}`}>
            {failed.map((each) => (
              <ParkedRow
                key={each.position}
                name={name}
                item={each}
                ordered={isOrdered(each.position)}
                onOrdered={(at) => {
                  setOrdered((before) => ({ ...before, [each.position]: at }))
                }}
              />
            ))}
          </ul>
        </Card>
      ) : null}
      {query.data?.next_cursor ? <p className="text-faint mt-2 text-sm">{t('ops.more')}</p> : null}
    </div>
  )
}

interface RetryAllProps {
  name: string
  ordered: boolean
  onOrdered: (position: number) => void
}

/** One order for all keys, once what they all stumbled over is mended. */
function RetryAll({ name, ordered, onOrdered }: RetryAllProps) {
  const { t } = useT()
  const client = useQueryClient()
  const retry = useMutation({
    mutationFn: (intent: string) => retryAllParked(name, intent),
    onSuccess: (answer) => {
      onOrdered(answer.position)
      toast('success', t('ops.retry_all_ordered'))
    },
    onError: (error) => {
      toast('error', describeError(error, t).text)
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['operations'] }),
  })
  return (
    <Button
      busy={retry.isPending}
      aria-disabled={ordered || undefined}
      aria-label={t('ops.retry_all_of', { name })}
      onClick={() => {
        retry.mutate(uniqueId())
      }}
    >
      <RotateCw className="size-4" aria-hidden="true" />
      {t('ops.retry_all')}
    </Button>
  )
}

interface RowProps {
  name: string
  item: ParkedItem
  ordered: boolean
  onOrdered: (position: number) => void
}

function ParkedRow({ name, item, ordered, onOrdered }: RowProps) {
  const { t, tn, language } = useT()
  const client = useQueryClient()
  const [discarding, setDiscarding] = useState(false)
  const { position } = item
  const retry = useMutation({
    mutationFn: (intent: string) => retryParked({ name, position }, intent),
    onSuccess: async (answer) => {
      onOrdered(answer.position)
      await client.invalidateQueries({ queryKey: ['operations'] })
    },
    onError: (error) => {
      toast('error', describeError(error, t).text)
      void client.invalidateQueries({ queryKey: ['operations'] })
    },
  })
  return (
    <li className="border-line flex flex-wrap gap-x-6 gap-y-3 border-b px-4 py-4 last:border-0 sm:px-5">
      <div className="min-w-0 flex-1 basis-72">
        <p className="flex flex-wrap items-center gap-2">
          <span className="font-medium">{t('ops.event', { position })}</span>
          {item.waiting > 0 ? (
            <Badge tone="yellow">
              <Hourglass aria-hidden="true" />
              {tn('ops.waiting', item.waiting)}
            </Badge>
          ) : null}
          {ordered ? <Badge tone="accent">{t('ops.ordered')}</Badge> : null}
        </p>
        <p className="text-soft font-mono text-sm break-all">{item.event_type}</p>
        <p className="text-red mt-1 text-base break-words">
          <span className="sr-only">{t('ops.error')} : </span>
          {item.error}
        </p>
        <dl className="text-faint mt-1 flex flex-wrap gap-x-4 text-sm">
          <div className="flex gap-1.5">
            <dt>{t('ops.key')}</dt>
            <dd className="font-mono break-all">{item.partition_key}</dd>
          </div>
          <div className="flex gap-1.5">
            <dt>{t('ops.since')}</dt>
            <dd>
              <time dateTime={item.parked_at}>
                {formatDate(item.parked_at, language)} {formatTimeSeconds(item.parked_at, language)}
              </time>
            </dd>
          </div>
        </dl>
      </div>
      <div className="flex flex-wrap items-start gap-2">
        <Button
          busy={retry.isPending}
          aria-disabled={ordered || undefined}
          aria-label={t('ops.retry_of', { position })}
          onClick={() => {
            retry.mutate(uniqueId())
          }}
        >
          <RotateCw className="size-4" aria-hidden="true" />
          {t('ops.retry')}
        </Button>
        <Button
          variant="danger-outline"
          aria-disabled={ordered || undefined}
          aria-label={t('ops.discard_of', { position })}
          onClick={() => {
            setDiscarding(true)
          }}
        >
          <Trash2 className="size-4" aria-hidden="true" />
          {t('ops.discard')}
        </Button>
        <Link
          to="/audit/$targetType/$targetId"
          params={{ targetType: 'operations.projection', targetId: name }}
          className="text-accent inline-flex h-11 items-center px-2 text-base underline-offset-4 hover:underline sm:h-10"
        >
          {t('ops.history')}
        </Link>
      </div>
      {discarding ? (
        <DiscardDialog
          name={name}
          position={position}
          onOrdered={onOrdered}
          onClose={() => {
            setDiscarding(false)
          }}
        />
      ) : null}
    </li>
  )
}
