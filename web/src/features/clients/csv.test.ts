import { describe, expect, it } from 'vitest'
import { decode, faultOf, isCritical, previewCsv } from './csv'

describe('a CSV file before it is sent', () => {
  it('reads quotes, doubled quotes and line breaks inside them', () => {
    const { rows } = previewCsv(
      'id,name,critical\n42,"EHPAD, ""Les Jardins""",true\r\n43,"Two\nlines",no\n',
    )
    expect(rows).toEqual([
      { id: '42', name: 'EHPAD, "Les Jardins"', critical: 'true' },
      { id: '43', name: 'Two\nlines', critical: 'no' },
    ])
  })

  it('reads what a French spreadsheet writes, in any order of columns', () => {
    const { rows, missing } = previewCsv('\uFEFFname;critical;id\r\nMairie;oui;7\r\n')
    expect(missing).toEqual([])
    expect(rows).toEqual([{ id: '7', name: 'Mairie', critical: 'oui' }])
    expect(isCritical({ id: '7', name: 'Mairie', critical: 'oui' })).toBe(true)
  })

  it('reads UTF-8, and else what old spreadsheets write', () => {
    expect(decode(new TextEncoder().encode('Élodie').buffer as ArrayBuffer)).toBe('Élodie')
    expect(decode(new Uint8Array([0xc9, 0x6c, 0x6f]).buffer)).toBe('Élo')
  })

  it('says which columns are missing', () => {
    expect(previewCsv('id,nom\n1,x').missing).toEqual(['name', 'critical'])
    expect(previewCsv('').missing).toEqual(['id', 'name', 'critical'])
  })

  it.each([
    [{ id: '', name: 'x', critical: 'oui' }, 'id'],
    [{ id: '1', name: '', critical: 'oui' }, 'name'],
    [{ id: '1', name: 'x', critical: 'peut-être' }, 'critical'],
    [{ id: '1', name: 'x', critical: 'NON' }, null],
  ])('sees what will be refused in %o', (row, fault) => {
    expect(faultOf(row)).toBe(fault)
  })
})
