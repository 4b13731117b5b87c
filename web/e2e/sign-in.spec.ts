import { expect, test } from '@playwright/test'
import { expectMenu, signIn } from './platform'

test('a wrong password is refused without saying which half was wrong', async ({ page }) => {
  await page.goto('/sign-in')
  await signIn(page, 'certainly-not-this-password')
  await expect(page.getByRole('alert')).toContainText('Identifiant ou mot de passe incorrect.')
  await expect(page).toHaveURL(/sign-in/)
})

test('an empty form says what is missing', async ({ page }) => {
  await page.goto('/sign-in')
  await page.getByRole('button', { name: 'Se connecter' }).click()
  await expect(page.getByRole('alert')).toContainText('Saisissez votre identifiant')
})

test('signing in leads back to the page one came from, signing out closes it', async ({ page }) => {
  await page.goto('/safeguard/history?status=rejected')
  await expect(page).toHaveURL(/sign-in/)
  await signIn(page)
  await expect(page).toHaveURL(/\/safeguard\/history\?status=rejected/)
  await page.getByRole('button', { name: /^Compte de/ }).click()
  await page.getByRole('menuitem', { name: 'Se déconnecter' }).click()
  await expect(page.getByRole('heading', { name: 'Connexion' })).toBeVisible()
  await page.goto('/')
  await expect(page).toHaveURL(/sign-in/)
})

test('the sign-in page speaks English on demand', async ({ page }) => {
  await page.goto('/sign-in')
  await page.getByRole('button', { name: 'English' }).click()
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible()
  await expect(page.locator('html')).toHaveAttribute('lang', 'en')
})

test('a server that cannot be reached is not called a wrong password', async ({ page }) => {
  await page.goto('/sign-in')
  await page.route('**/api/auth/login', (route) => route.abort())
  await signIn(page)
  await expect(page.getByRole('alert')).toContainText('Le serveur ne répond pas')
  await page.unroute('**/api/auth/login')
  await signIn(page)
  await expectMenu(page)
})
