import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Pencil, TriangleAlert } from 'lucide-react'
import { useState, type FormEvent } from 'react'
import { describeError } from '@/api/problem'
import { putTool, safeguardKeys, toolsQuery } from '@/api/safeguard'
import type { ActionLevel, Tool } from '@/api/types'
import { useSession } from '@/api/use-session'
import { useT } from '@/lib/i18n'
import { atLeast } from '@/lib/levels'
import { uniqueId } from '@/lib/unique-id'
import { useTitle } from '@/lib/use-title'
import { Badge } from '@/ui/badge'
import { Button } from '@/ui/button'
import { Dialog, DialogActions } from '@/ui/dialog'
import { Field, Input, Select, Textarea } from '@/ui/field'
import { ListStates } from '@/ui/list-states'
import { Card } from '@/ui/page'
import { RegistryHeader } from '@/ui/registry-header'
import { ErrorState } from '@/ui/states'
import { toast } from '@/ui/toasts'
import { LevelBadge } from './level-badge'

const levels: ActionLevel[] = ['L0', 'L1', 'L2', 'L3', 'L4']

export function ToolsPage() {
  const { t, language } = useT()
  const person = useSession()
  const query = useQuery(toolsQuery)
  const [filter, setFilter] = useState('')
  const [editing, setEditing] = useState<Tool | 'new' | null>(null)
  const mayEdit = atLeast(person, 'N4')
  const problem = query.error ? describeError(query.error, t) : null
  const wanted = filter.trim().toLowerCase()
  const shown = query.data?.filter((each) =>
    `${each.name} ${each.description.fr} ${each.description.en}`.toLowerCase().includes(wanted),
  )
  useTitle(t('tools.title'))
  return (
    <>
      <RegistryHeader
        title={t('tools.title')}
        intro={t('tools.intro')}
        mayEdit={mayEdit}
        addLabel={t('tools.add')}
        onAdd={() => {
          setEditing('new')
        }}
        filter={filter}
        onFilter={setFilter}
      />
      <ListStates
        query={query}
        problem={problem}
        empty={
          query.data?.length === 0 ? { title: t('tools.empty'), text: t('tools.empty_text') } : null
        }
      >
        {query.data && query.data.length > 0 && shown?.length === 0 ? (
          <p className="text-soft py-8 text-center">{t('registry.no_match')}</p>
        ) : null}
        {shown && shown.length > 0 ? (
          <Card>
            <ul aria-label={t('tools.title')}>
              {shown.map((tool) => (
                <li
                  key={tool.name}
                  className="border-line flex items-center gap-4 border-b px-4 py-3 last:border-0 sm:px-5"
                >
                  <div className="min-w-0 flex-1">
                    <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
                      <span className="font-mono text-base font-medium break-all">{tool.name}</span>
                      <LevelBadge level={tool.level} />
                      {tool.changed ? (
                        <Badge tone="yellow">
                          <TriangleAlert aria-hidden="true" />
                          {t('tools.changed')}
                        </Badge>
                      ) : null}
                    </p>
                    {tool.description[language] ? (
                      <p className="text-soft mt-0.5 text-base">{tool.description[language]}</p>
                    ) : null}
                    {tool.schema_fingerprint ? (
                      <p
                        className="text-faint mt-0.5 truncate font-mono text-xs"
                        title={tool.schema_fingerprint}
                      >
                        {tool.schema_fingerprint}
                      </p>
                    ) : null}
                  </div>
                  {mayEdit ? (
                    <Button
                      variant="ghost"
                      size="icon"
                      className="size-11"
                      aria-label={t('tools.edit', { name: tool.name })}
                      onClick={() => {
                        setEditing(tool)
                      }}
                    >
                      <Pencil className="size-4" aria-hidden="true" />
                    </Button>
                  ) : null}
                </li>
              ))}
            </ul>
          </Card>
        ) : null}
      </ListStates>
      {editing ? (
        <ToolDialog
          tool={editing === 'new' ? null : editing}
          onClose={() => {
            setEditing(null)
          }}
        />
      ) : null}
    </>
  )
}

function ToolDialog({ tool, onClose }: { tool: Tool | null; onClose: () => void }) {
  const { t } = useT()
  const client = useQueryClient()
  const [name, setName] = useState(tool?.name ?? '')
  const [level, setLevel] = useState<ActionLevel>(tool?.level ?? 'L3')
  const [fr, setFr] = useState(tool?.description.fr ?? '')
  const [en, setEn] = useState(tool?.description.en ?? '')
  const [tried, setTried] = useState(false)
  const save = useMutation({
    mutationFn: (key: string) =>
      putTool(name.trim(), key, { level, description: { fr: fr.trim(), en: en.trim() } }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: safeguardKeys.tools })
      toast('success', t('common.saved'), name)
      onClose()
    },
  })
  const problem = save.error ? describeError(save.error, t) : null
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (name.trim()) save.mutate(uniqueId())
  }
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={tool ? t('tools.edit', { name: tool.name }) : t('tools.add')}
      closeLabel={t('common.close')}
    >
      <form noValidate onSubmit={submit} className="flex flex-col gap-4">
        {problem ? <ErrorState text={problem.text} trace={problem.traceId} /> : null}
        {tool ? null : (
          <Field
            label={t('tools.name')}
            error={tried && !name.trim() ? t('common.required') : null}
          >
            {(ids) => (
              <Input
                {...ids}
                required
                spellCheck={false}
                autoCapitalize="none"
                className="font-mono"
                value={name}
                onChange={(event) => {
                  setName(event.target.value)
                }}
              />
            )}
          </Field>
        )}
        <Field label={t('tools.level')}>
          {(ids) => (
            <Select
              {...ids}
              value={level}
              onChange={(event) => {
                setLevel(event.target.value as ActionLevel)
              }}
            >
              {levels.map((each) => (
                <option key={each} value={each}>
                  {each} · {t(`level.${each}`)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label={`${t('tools.description')} (FR)`}>
          {(ids) => (
            <Textarea
              {...ids}
              lang="fr"
              value={fr}
              onChange={(event) => {
                setFr(event.target.value)
              }}
            />
          )}
        </Field>
        <Field label={`${t('tools.description')} (EN)`}>
          {(ids) => (
            <Textarea
              {...ids}
              lang="en"
              value={en}
              onChange={(event) => {
                setEn(event.target.value)
              }}
            />
          )}
        </Field>
        <DialogActions>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" busy={save.isPending}>
            {t('common.save')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}
