// Who else has the same request open, and what a request could hide from them.
import { expect, test } from '@playwright/test'
import { ask, browserOf, requestFor } from './workflow'

test('people see who else reads a request, and when they leave', async ({ browser }) => {
  const { id } = await ask(requestFor(1300))
  const first = await browserOf(browser, 'technicien')
  await first.goto(`/safeguard/${id}`)
  const second = await browserOf(browser, 'approbateur')
  await second.goto('/safeguard/pending')
  const card = second.locator(`article[data-approval="${id}"]`)
  await expect(card).toContainText('technicien lit cette demande')
  // Nobody is told that he reads it himself.
  await expect(first.getByText('technicien lit cette demande')).toHaveCount(0)
  await card.focus()
  await expect(first.getByText('approbateur lit cette demande')).toBeVisible()
  await first.goto('/')
  await expect(card.getByText('lit cette demande')).toHaveCount(0)
  await second.context().close()
  await first.context().close()
})

test('nothing in the arguments hides', async ({ browser }) => {
  const { id } = await ask(
    requestFor(1301, { arguments: { username: 'jean\u202E.dupont', count: '5', number: 5 } }),
  )
  const page = await browserOf(browser, 'technicien')
  await page.goto(`/safeguard/${id}`)
  const row = (name: string) => page.getByRole('row').filter({ hasText: name })
  await expect(row('username')).toContainText('"jean\\u{202E}.dupont"')
  await expect(row('count')).toContainText('"5"')
  await expect(row('number')).toHaveText(/number\s*5$/)
  await expect(page.getByText('Caractères invisibles ou trompeurs')).toBeVisible()
  await page.context().close()
})

test('an administrator brings clients in from a file', async ({ browser }) => {
  const page = await browserOf(browser, 'admin')
  await page.goto('/safeguard/clients')
  await page.getByRole('button', { name: 'Importer (CSV)' }).click()
  const dialog = page.getByRole('dialog', { name: 'Importer des clients' })
  await dialog.locator('input[type=file]').setInputFiles({
    name: 'clients.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from('id;name;critical\n9300;Clinique Élodie;oui\n9301;Mairie;peut-être\n'),
  })
  await expect(dialog.getByRole('table')).toContainText('Clinique Élodie')
  await dialog.getByRole('button', { name: 'Importer 1 client' }).click()
  const refused = dialog.getByRole('list', { name: 'Refusés' })
  await expect(refused).toContainText('Ligne 2')
  await dialog.getByRole('button', { name: 'Fermer' }).last().click()
  await expect(page.getByRole('row').filter({ hasText: '9300' })).toContainText('Critique / HDS')
  await expect(page.getByRole('row').filter({ hasText: '9301' })).toHaveCount(0)
  await page.context().close()
})
