import type { IFactors, IMe } from '../src/api';
import { facts, footprintOf, scope } from '../src/model/footprint';
import { factorsOf } from '../src/model/parts';
import { figures, me, trans } from './support';

const HOUR_AT_700_W = 700 * 3600;
const NONE: IFactors = { pue: null, co2e: null, water: null };

const texts = (joules: number | null, factors: IFactors, language = 'en'): string[] =>
  facts(joules, factors, language, trans).map(({ amount, made }) => `${amount} ${made}`.trim());

describe('what energy costs', () => {
  it('is what the site reports, times what was measured', () => {
    const cost = footprintOf(HOUR_AT_700_W, figures());
    expect(cost.kwh).toBeCloseTo(0.91);
    expect(cost.co2e).toBeCloseTo(243.88);
    expect(cost.litres).toBeCloseTo(0.35); // WUE is per kWh of IT equipment
  });

  it('is of the GPUs alone where there is no PUE, and unknown where there is no figure', () => {
    expect(footprintOf(3.6e6, NONE)).toEqual({ kwh: 1, co2e: null, litres: null });
    expect(footprintOf(3.6e6, { ...figures(), pue: null }).co2e).toBe(268);
  });
});

describe('what is shown of it', () => {
  it('has two significant digits, and the figure with its year beside the number', () => {
    expect(texts(HOUR_AT_700_W, figures())).toEqual([
      '0.91 kWh (PUE 1.3, 2024)',
      '240 g CO₂e (268 g/kWh, 2023)',
      '0.35 L (0.5 L/kWh, 2022)'
    ]);
  });

  it('is written as the reader writes numbers', () => {
    expect(texts(HOUR_AT_700_W, figures(), 'nl-NL')).toEqual([
      '0,91 kWh (PUE 1,3, 2024)',
      '240 g CO₂e (268 g/kWh, 2023)',
      '0,35 L (0,5 L/kWh, 2022)'
    ]);
  });

  it('is "not reported" where the site reports nothing, whatever was measured', () => {
    expect(texts(HOUR_AT_700_W, NONE)).toEqual(['0.70 kWh (PUE not reported)', 'not reported', 'not reported']);
    expect(texts(null, NONE)).toEqual([
      'not measured (PUE not reported)',
      'not reported',
      'not reported'
    ]);
  });

  it('is "not measured" where nothing was, whatever the site reports', () => {
    expect(texts(null, figures())).toEqual([
      'not measured (PUE 1.3, 2024)',
      'not measured (268 g/kWh, 2023)',
      'not measured (0.5 L/kWh, 2022)'
    ]);
  });

  it.each([
    [0, 'less than 0.001 kWh', 'less than 0.1 g CO₂e', 'less than 0.01 L'],
    [36_000, '0.013 kWh', '3.5 g CO₂e', 'less than 0.01 L'],
    [10_280_000, '3.7 kWh', '990 g CO₂e', '1.4 L'],
    [10_300_000, '3.7 kWh', '1.0 kg CO₂e', '1.4 L'],
    [3.6e9, '1,300 kWh', '350 kg CO₂e', '500 L']
  ])('%d J', (joules, ...expected) => {
    expect(texts(joules, figures()).map(text => text.split(' (')[0])).toEqual(expected);
  });

  it('is nothing at all where electricity emits nothing', () => {
    const clean = { value: 0, year: 2024, source: 'contract', method: 'market' };
    expect(texts(HOUR_AT_700_W, { ...NONE, co2e: clean })[1]).toBe('0 g CO₂e (0 g/kWh, 2024)');
  });

  it('says where each figure comes from', () => {
    expect(facts(null, figures(), 'en', trans).map(fact => fact.origin)).toEqual([
      'PUE 1.3, 2024: annual report',
      '268 g/kWh, 2023, location-based: a table',
      '0.5 L/kWh, 2022: water bill'
    ]);
    expect(facts(1, NONE, 'en', trans).map(fact => fact.origin)).toEqual(['', '', '']);
  });

  it('does not fall over a method it does not know', () => {
    const [, emissions] = facts(1, { ...NONE, co2e: { ...figures().co2e!, method: 'hourly' } }, 'en', trans);
    expect(emissions!.origin).toBe('268 g/kWh, 2023: a table');
  });

  it('says what is left out', () => {
    expect(scope(figures(), trans)).toMatch(/^Cooling and power supply .* counted in .* Left out: the rest of the machine/);
    expect(scope(NONE, trans)).toMatch(/^Left out: cooling and power supply .* the making of the hardware\.$/);
  });
});

describe('the figures of a site', () => {
  it('are not there with an older broker', () => expect(factorsOf(me())).toEqual(NONE));

  it('are used as they are told', () => expect(factorsOf(me([], { footprint: figures() }))).toEqual(figures()));

  it.each([
    ['null', null],
    ['a text', 'green'],
    ['a list', []],
    ['a number', 268],
    ['nothing in it', {}],
    ['bare numbers', { pue: 1.3, co2e: 268, water: 1 }],
    ['figures without a year', { pue: { value: 1.3, source: 's' } }],
    ['figures without a source', { pue: { value: 1.3, year: 2024 } }],
    ['values that are texts', { water: { value: '1', year: 2024, source: 's' } }],
    ['water that is a missing value', { water: { value: 0, year: 2024, source: 's' } }],
    ['a site that takes less than its GPUs', { pue: { value: 0.9, year: 2024, source: 's' } }],
    ['emissions below zero', { co2e: { value: -1, year: 2024, source: 's', method: 'market' } }],
    ['emissions without a method', { co2e: { value: 268, year: 2024, source: 's' } }]
  ])('are not reported where there is %s', (_, footprint) => {
    expect(factorsOf({ ...me(), footprint } as unknown as IMe)).toEqual(NONE);
  });

  it('are ignored one by one', () => {
    const strange = { ...figures(), pue: { value: 'much' } };
    expect(factorsOf({ ...me(), footprint: strange } as unknown as IMe)).toEqual({ ...figures(), pue: null });
  });
});
