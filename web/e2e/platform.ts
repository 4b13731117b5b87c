import { expect, type Page } from '@playwright/test'

export const username = process.env.GREFFE_ADMIN_USERNAME ?? 'admin'

export function password() {
  const value = process.env.GREFFE_ADMIN_PASSWORD
  if (!value) throw new Error('GREFFE_ADMIN_PASSWORD is not set')
  return value
}

/** Where the signed-in session is kept between specs: sign-ins are rate limited. */
export const sessionFile = 'test-results/.session.json'

export async function signIn(page: Page, secret = password()) {
  await page.getByLabel('Identifiant').fill(username)
  await page.getByLabel('Mot de passe', { exact: true }).fill(secret)
  await page.getByRole('button', { name: 'Se connecter' }).click()
}

export async function expectMenu(page: Page) {
  await expect(page.getByRole('heading', { name: 'Menu principal', level: 1 })).toBeVisible()
}
