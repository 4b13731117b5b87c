import { expect, test } from '@playwright/test'
import { expectMenu, sessionFile } from './platform'

test.use({ storageState: sessionFile })

test('the menu shows the modules of an N4 and opens SAFEGUARD', async ({ page }) => {
  await page.goto('/')
  await expectMenu(page)
  const main = page.getByRole('main')
  for (const name of [
    'SAFEGUARD',
    'AUDIT',
    'WIBOT',
    'SUPERVISION',
    'UTILISATEURS',
    'EXPLOITATION',
  ]) {
    await expect(main.getByText(name, { exact: true })).toBeVisible()
  }
  await main.getByRole('link', { name: /SAFEGUARD/ }).click()
  await expect(page).toHaveURL(/\/safeguard\/pending$/)
  await expect(page.getByRole('heading', { name: 'Approbations en attente' })).toBeVisible()
})

test('the live connection is established and said', async ({ page }) => {
  await page.goto('/safeguard/pending')
  await expect(page.locator('[data-connection="live"]')).toBeVisible()
})

test('the tabs of SAFEGUARD lead to its pages', async ({ page }) => {
  await page.goto('/safeguard/pending')
  const tabs = page.getByRole('navigation', { name: 'Sections de SAFEGUARD' })
  for (const [tab, heading] of [
    ['Historique', 'Historique des demandes'],
    ['Statistiques', 'Statistiques'],
    ['Outils', 'Registre des outils'],
    ['Clients', 'Registre des clients'],
    ['En attente', 'Approbations en attente'],
  ] as const) {
    await tabs.getByRole('link', { name: tab }).click()
    await expect(page.getByRole('heading', { name: heading, level: 1 })).toBeVisible()
  }
})

test('the theme is kept, and painted before the page is', async ({ page }) => {
  await page.goto('/')
  await page.getByRole('button', { name: /^Compte de/ }).click()
  await page.getByRole('menuitemradio', { name: 'Sombre' }).click()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await page.reload({ waitUntil: 'commit' })
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
})

test('an unknown address is said to be unknown', async ({ page }) => {
  await page.goto('/nulle-part')
  await expect(page.getByRole('heading', { name: 'Page introuvable' })).toBeAttached()
})
