import { expect, test } from '@playwright/test'
import { sessionFile } from './platform'

test.use({ storageState: sessionFile, permissions: ['clipboard-read', 'clipboard-write'] })

test('an event is found from the audit page, opened, and its subject copied', async ({ page }) => {
  await page.goto('/audit')
  await page.getByRole('link', { name: 'Catalogue des événements' }).click()
  await expect(page).toHaveURL(/\/events$/)
  const main = page.getByRole('main')
  await expect(main.getByRole('heading', { name: 'safeguard', level: 2 })).toBeVisible()

  await main.getByRole('searchbox').fill('demande rejetee')
  await expect(main.getByText('1 événement', { exact: true })).toBeVisible()
  await main.getByText('Demande rejetée').click()
  const fields = main.getByRole('table', { name: 'Champs de safeguard.approval.rejected' })
  const reason = fields.getByRole('row').filter({ hasText: 'reason' })
  await expect(reason.getByText('Personnel')).toBeVisible()
  await expect(fields.getByRole('row').filter({ hasText: 'rejected_at' })).not.toContainText(
    'Personnel',
  )
  const example = main.getByRole('region', { name: /^Exemple de/ })
  await expect(example).toContainText('"sealed"')

  await main.getByRole('button', { name: /^Copier le sujet/ }).click()
  await expect(page.getByText('Sujet copié')).toBeVisible()
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
    'events.safeguard.approval.rejected',
  )

  await main.getByRole('searchbox').fill('xyzzy')
  await expect(main.getByText('Aucun événement', { exact: true })).toBeVisible()
})
