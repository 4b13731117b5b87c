import { describe, expect, it } from 'vitest'
import { safeNext } from './safe-next'

describe('where one goes after signing in', () => {
  it('goes back to where one came from', () => {
    expect(safeNext('/safeguard/history?status=rejected')).toBe(
      '/safeguard/history?status=rejected',
    )
  })

  it.each([undefined, '', 'https://evil.example', '//evil.example', '/\\evil.example', '/sign-in'])(
    'never leaves the site or loops: %s',
    (next) => {
      expect(safeNext(next)).toBe('/')
    },
  )
})
