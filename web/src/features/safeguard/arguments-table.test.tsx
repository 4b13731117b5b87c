import { render, screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { describe, expect, it } from 'vitest'
import { ArgumentsTable } from './arguments-table'

function cell(name: string) {
  const heads = screen.getAllByRole('rowheader')
  return heads.find((head) => head.textContent === name)?.parentElement?.querySelector('td')
}

const warning = /caractères invisibles ou trompeurs/i

describe('what an approver sees of the arguments', () => {
  it('tells strings from numbers, booleans and null', () => {
    const args = { text: '5', number: 5, yes: true, word: 'true', none: null, empty: '' }
    render(<ArgumentsTable args={args} />)
    expect(cell('text')).toHaveTextContent(/^"5"$/)
    expect(cell('number')).toHaveTextContent(/^5$/)
    expect(cell('yes')).toHaveTextContent(/^true$/)
    expect(cell('word')).toHaveTextContent(/^"true"$/)
    expect(cell('none')).toHaveTextContent(/^null$/)
    expect(cell('empty')).toHaveTextContent(/^""$/)
    expect(screen.queryByText(warning)).toBeNull()
  })

  it('shows nested values as JSON', () => {
    render(<ArgumentsTable args={{ user: { name: 'jean.dupont', groups: ['RH', 7] } }} />)
    expect(cell('user')?.textContent).toBe(
      '{\n  "name": "jean.dupont",\n  "groups": [\n    "RH",\n    7\n  ]\n}',
    )
  })

  it('shows bidirectional and invisible characters, in names as in values', () => {
    const args = {
      username: 'admin\u202Etxt',
      'user\u200Bname': 'jean\u00A0dupont',
      deep: ['a\u2066'],
    }
    render(<ArgumentsTable args={args} />)
    expect(cell('username')?.textContent).toBe('"admin\\u{202E}txt"')
    expect(cell('user\\u{200B}name')?.textContent).toBe('"jean\\u{00A0}dupont"')
    expect(cell('deep')?.textContent).toContain('"a\\u{2066}"')
    expect(screen.getByText(warning)).toBeVisible()
    // No such character is left in the page to act.
    expect(document.body.textContent).not.toMatch(/[\u200B\u202E\u2066\u00A0]/)
  })

  it('does not let a text pass for a shown character', () => {
    render(<ArgumentsTable args={{ a: '\\u{202E}', b: 'line\nbreak', c: '"quoted"' }} />)
    expect(cell('a')?.textContent).toBe('"\\\\u{202E}"')
    expect(cell('a')?.querySelector('[data-hidden-character]')).toBeNull()
    expect(cell('b')?.textContent).toBe('"line\\nbreak"')
    expect(cell('c')?.textContent).toBe('"\\"quoted\\""')
  })

  it('isolates each value from its neighbours', () => {
    render(<ArgumentsTable args={{ name: 'אבג' }} />)
    expect(cell('name')?.querySelector('bdi')).toHaveAttribute('dir', 'ltr')
  })

  it('never cuts a long value off in silence', async () => {
    const long = `${'x'.repeat(3_000)}END`
    render(<ArgumentsTable args={{ script: long }} />)
    expect(cell('script')).not.toHaveTextContent('END')
    await userEvent.click(
      screen.getByRole('button', { name: /Tout afficher \(3.?005 caractères\)/ }),
    )
    expect(cell('script')?.textContent).toBe(`"${long}"`)
  })
})
