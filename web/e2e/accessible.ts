// What every page owes to everybody: nothing that axe calls serious, and no scrolling sideways.
import AxeBuilder from '@axe-core/playwright'
import { expect, type Page } from '@playwright/test'

const standard = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/** As the system's own choice: a person who has not chosen follows it. */
export async function paint(page: Page, theme: 'light' | 'dark') {
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
}

/** All rules of the standard, or only some. `look` is said where one is broken. */
export async function expectNoViolation(page: Page, look: string, rules?: string[]) {
  await settled(page)
  const axe = new AxeBuilder({ page })
  const { violations } = await (rules ? axe.withRules(rules) : axe.withTags(standard)).analyze()
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  const found = serious.map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join(' | ')}`)
  expect(found, look).toEqual([])
}

/** Arriving elements fade in: half-transparent text would be measured as too pale. */
async function settled(page: Page) {
  // The page hears of another theme with the next frame.
  await page.evaluate(
    () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))),
  )
  // Not their `finished`: inside a closed <details> it never comes.
  await page.waitForFunction(() =>
    document
      .getAnimations()
      // What turns for ever never ends.
      .filter((each) => Number(each.effect?.getComputedTiming().endTime) !== Infinity)
      .every((each) => each.playState !== 'running'),
  )
}

export async function expectNoSidewaysScroll(page: Page, width: number) {
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  expect(overflow, `${width} px: how far it scrolls sideways`).toBeLessThanOrEqual(0)
}
