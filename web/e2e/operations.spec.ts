// A read model is made to refuse one client by a constraint in PostgreSQL: nothing is pretended.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test, type Page } from '@playwright/test'
import { expectNoViolation } from './accessible'
import { sessionFile } from './platform'

test.use({ storageState: sessionFile })

const run = promisify(execFile)

async function sql(statement: string) {
  const folder = process.env.GREFFE_DATA_DIR ?? ''
  const endpoints = JSON.parse(await readFile(join(folder, 'endpoints.json'), 'utf8')) as {
    database: string
  }
  const psql = join('..', '.tools', 'postgres', 'bin', 'psql')
  await run(psql, ['-v', 'ON_ERROR_STOP=1', '-qc', statement, endpoints.database])
}

/** The rows from now on refuse this client. */
function refuse(client: string) {
  return sql(
    `ALTER TABLE clients_v1.clients ADD CONSTRAINT refuses_${client} CHECK (client_id <> '${client}')`,
  )
}

function admit(client: string) {
  return sql(`ALTER TABLE clients_v1.clients DROP CONSTRAINT IF EXISTS refuses_${client}`)
}

async function put(page: Page, client: string, name: string) {
  const answer = await page.request.put(`/api/clients/${client}`, {
    data: { name, critical: false },
    headers: { 'X-Requested-With': 'greffe' },
  })
  expect(answer.status()).toBe(200)
  return ((await answer.json()) as { position: number }).position
}

const parked = (page: Page, position: number) =>
  page.getByRole('listitem').filter({ hasText: `Événement ${position}` })

test.describe.configure({ mode: 'serial' })

test.afterAll(async () => {
  for (const client of ['6661', '6662', '6663', '6664']) await admit(client)
})

test('a parked event is retried once its cause is gone', async ({ page }) => {
  await refuse('6661')
  const first = await put(page, '6661', 'EHPAD Les Jardins')
  await put(page, '6661', 'EHPAD du Parc')
  await page.goto('/')
  await page.getByRole('link', { name: 'Exploitation', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'Exploitation', level: 1 })).toBeVisible()
  const row = parked(page, first)
  await expect(row).toContainText('refuses_6661')
  await expect(row).toContainText('1 événement attend derrière')
  await expectNoViolation(page, 'with a parked event')

  const retry = row.getByRole('button', { name: 'Réessayer' })
  await retry.click()
  // It can be pressed again once the order was obeyed: in vain, this time.
  await expect(retry).not.toHaveAttribute('aria-disabled', 'true')
  await expect(row).toContainText('refuses_6661')

  await admit('6661')
  await retry.click()
  await expect(row).toHaveCount(0)
  await expect(page.getByText('Rien n’est mis de côté')).toBeVisible()
  const client = await page.request.get('/api/clients/6661')
  expect(await client.json()).toMatchObject({ name: 'EHPAD du Parc' })
})

test('a parked event is discarded with a reason, and the trail says who and why', async ({
  page,
}) => {
  await refuse('6662')
  const position = await put(page, '6662', 'EHPAD Les Jardins')
  await page.goto('/operations')
  const row = parked(page, position)
  await row.getByRole('button', { name: 'Écarter' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Écarter' }).click()
  await expect(dialog.getByText('Un motif est nécessaire.')).toBeVisible()
  await dialog.getByLabel('Motif').fill('Client saisi deux fois')
  await dialog.getByRole('button', { name: 'Écarter' }).click()
  await expect(dialog).toHaveCount(0)
  await expect(row).toHaveCount(0)
  await expect(page.getByText('Rien n’est mis de côté')).toBeVisible()

  await page.goto('/audit')
  const entry = page.getByRole('listitem').filter({ hasText: 'Événement mis de côté écarté' })
  await expect(entry.first()).toContainText('Client saisi deux fois')
  await expect(entry.first()).toContainText('admin')
})

test('all that a reader put aside is retried by one order', async ({ page }) => {
  await refuse('6663')
  await refuse('6664')
  const first = await put(page, '6663', 'Clinique du Lac')
  const second = await put(page, '6664', 'Mairie de Bourg-Neuf')
  await page.goto('/operations')
  await expect(parked(page, first)).toContainText('refuses_6663')
  await expect(parked(page, second)).toContainText('refuses_6664')
  await admit('6663')
  await admit('6664')
  await page.getByRole('button', { name: 'Tout réessayer de clients' }).click()
  await expect(parked(page, first)).toHaveCount(0)
  await expect(parked(page, second)).toHaveCount(0)
  for (const [client, name] of [
    ['6663', 'Clinique du Lac'],
    ['6664', 'Mairie de Bourg-Neuf'],
  ]) {
    const answer = await page.request.get(`/api/clients/${client}`)
    expect(await answer.json()).toMatchObject({ name })
  }
})
