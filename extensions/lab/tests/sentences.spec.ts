import { clock, duration, explain, glance, linkSentence, outlook, place } from '../src/model/sentences';
import { actsOf, stageOf } from '../src/model/stage';
import { gpuClass, lease, NOW, queued, trans } from './support';

const counter = { device: 'GPU-1', lease: 'lease-1', simulated: false, utilization: 90, memory: 141e9, energy_mj: 0 };

describe('the lease in one glance', () => {
  it.each([
    [lease({ busy: true }), { ...counter, memory_used: 14e9, watts: 212 }, 'H200 · busy · 14 GB · 212 W · 00:42'],
    [lease(), { ...counter, memory_used: null, watts: null }, 'H200 · idle · 00:42'],
    [queued(), undefined, 'H200 · queued · 2nd of 5 · ~6 min'],
    [queued({ place: null, of: null, estimate_s: null }), undefined, 'H200 · queued'],
    [lease({ state: 'parked' }), undefined, 'H200 · parked · resumes at the next cell'],
    [lease({ simulated: true }), undefined, 'H200 (simulated) · idle · 00:42'],
    [lease({ state: 'dreaming' }), undefined, 'H200 · in a state this page does not know']
  ])('%#', (one, measured, expected) => {
    expect(glance(one, measured, 42, trans)).toBe(expected);
  });
});

describe('what is said of a lease', () => {
  it('is place, reason and estimate while it waits', () => {
    const reason = { code: 'all-held', text: 'All 8 are in use.' };
    expect(explain(queued({ reason }), NOW, trans)).toBe('You are 2nd of 5 for H200. All 8 are in use. About 6 min to go.');
  });

  it('counts down by the broker’s clock before it is taken away', () => {
    expect(explain(lease({ state: 'notice', ends_at: NOW + 30 }), NOW, trans)).toContain('in 30 s');
  });

  it('promises nothing of a kernel that cannot be parked', () => {
    const said = explain(lease({ state: 'notice', parkable: false, ends_at: NOW + 300 }), NOW, trans);
    expect(said).toContain('In 5 min this kernel ends');
    expect(said).not.toContain('your variables stay');
  });

  it('is the broker’s own sentence at the end', () => {
    const ended = { code: 'gpu-lost', text: 'The GPU has failed.' };
    expect(explain(lease({ state: 'broken', ended }), NOW, trans)).toBe('The GPU has failed.');
  });
});

describe('what can be done', () => {
  it.each([
    [queued(), ['cancel', 'cpu']],
    [queued({ job: { id: 7, node: '', ends_at: null } }), ['cancel']],
    [lease(), ['keep', 'release']],
    [lease({ kept_until: NOW + 9 }), ['release']],
    [lease({ state: 'notice', keeps_left: 0 }), ['release']],
    [lease({ state: 'parked' }), ['release']],
    [lease({ state: 'parking' }), []],
    [lease({ state: 'dreaming' }), []]
  ])('%#', (one, expected) => {
    const offered = Object.entries(actsOf(one)).flatMap(([name, can]) => (can ? [name] : []));
    expect(offered.sort()).toEqual(expected);
  });

  it('tells a parked kernel that waits from one that rests', () => {
    expect([stageOf(lease({ state: 'parked' })), stageOf(lease({ state: 'parked', wants: true }))]).toEqual([
      'parked',
      'returning'
    ]);
  });
});

describe('words', () => {
  it.each([
    [0, '0 s'],
    [89, '89 s'],
    [90, '2 min'],
    [7500, '2 h 5 min'],
    [-5, '0 s']
  ])('%d seconds', (seconds, expected) => expect(duration(seconds, trans)).toBe(expected));

  it.each([
    [1, '1st of 30'],
    [2, '2nd of 30'],
    [11, '11th of 30'],
    [13, '13th of 30'],
    [23, '23rd of 30']
  ])('place %d', (number, expected) => expect(place(number, 30, trans)).toBe(expected));

  it('a time that runs', () => expect([clock(42), clock(3727), clock(-1)]).toEqual(['00:42', '1:02:07', '00:00']));

  it.each([
    [gpuClass(), '2 of 8 free'],
    [gpuClass({ free: 0, waiting: 1, expected_wait_s: 360 }), '0 of 8 free · 1 waits · about 6 min to wait'],
    [gpuClass({ free: 0, waiting: 3, expected_wait_s: null }), '0 of 8 free · 3 wait · wait not known'],
    [gpuClass({ total: 0, free: 0 }), 'There are none at the moment.'],
    [gpuClass({ known: false }), 'The GPUs cannot be read right now; how many are free is not known.']
  ])('outlook %#', (one, expected) => expect(outlook(one, trans)).toBe(expected));

  it('an unreachable broker is not "no GPU"', () => {
    expect(linkSentence('unreachable', '', trans)).toMatch(/does not answer/);
    expect(linkSentence('live', '', trans)).toBe('');
  });
});
