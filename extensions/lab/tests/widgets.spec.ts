import type { ISessionContext } from '@jupyterlab/apputils';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { Kernels } from '../src/model/kernels';
import { Werkbank } from '../src/model/werkbank';
import { Banner } from '../src/widgets/banner';
import { ComputePanel } from '../src/widgets/panel';
import { runs } from '../src/widgets/sparkline';
import {
  button,
  Events,
  figures,
  gpuClass,
  lease,
  me,
  NOW,
  ObedientApi,
  queued,
  Sessions,
  shows,
  silence,
  trans,
  until
} from './support';

let api: ObedientApi;
let events: Events;
let model: Werkbank;

beforeEach(async () => {
  [api, events] = [new ObedientApi(), new Events()];
  model = new Werkbank(api, events, () => NOW);
  await model.refresh();
});

afterEach(() => model.dispose());

describe('the panel', () => {
  let panel: ComputePanel;
  let sessions: Sessions;
  let moved: string[];

  beforeEach(() => {
    [sessions, moved] = [new Sessions(), []];
    const kernels = new Kernels(sessions, { specs: null });
    panel = new ComputePanel({ model, kernels, clusters: null, trans }, kernel => () => void moved.push(kernel));
    Widget.attach(panel, document.body);
  });

  afterEach(() => panel.dispose());

  it('teaches who has no GPU how to get one', () => shows(panel, 'You hold no GPU. Start a notebook'));

  it('shows what comes with an event', async () => {
    events.tell('me', me([queued({ reason: { code: 'all-held', text: 'All 8 are in use.' } })]));
    await shows(panel, 'You are 2nd of 5 for H200. All 8 are in use.');
  });

  it('says that the broker is unreachable, and keeps showing what was known', async () => {
    events.tell('me', me([lease()]));
    events.tell('connection', { state: 'unreachable', why: '' });
    await shows(panel, 'may be out of date');
    expect(panel.node.textContent).toContain('waves.ipynb');
  });

  it('says that the seat itself is silent', async () => {
    api.answer = silence;
    await model.refresh();
    await shows(panel, 'Your own server does not answer this page.');
  });

  it('shows the sentence of a refusal at the lease, and the buttons again', async () => {
    events.tell('me', me([lease()]));
    api.refusal = new Error('You have kept it once already.');
    await until(() => button(panel, 'Keep'));
    button(panel, 'Keep')!.click();
    await shows(panel, 'You have kept it once already.');
    expect(button(panel, 'Keep')!.disabled).toBe(false);
    expect(api.acts).toEqual(['lease lease-1 keep']);
  });

  it('acts on the kernel where the lease is of one in this seat', async () => {
    events.tell('me', me([queued()]));
    events.tell('kernels', { k: { lease: queued(), silent: false } });
    await until(() => button(panel, 'Start on the CPU now'));
    button(panel, 'Start on the CPU now')!.click();
    await until(() => api.acts.length);
    expect(api.acts).toEqual(['kernel k cpu']);
  });

  it('keeps a button where it is while others come and go, so that a click meets the one that was aimed at', async () => {
    const labels = () => [...panel.node.querySelectorAll('.wb-Card-acts button')].map(one => one.textContent);
    events.tell('me', me([lease({ busy: true })]));
    await until(() => labels().length);
    expect(labels()).toEqual(['Give back']);
    events.tell('me', me([lease()]));
    await until(() => button(panel, 'Keep'));
    expect(labels()).toEqual(['Give back', 'Keep']);
  });

  it('offers the CPU only for kernels that are here', async () => {
    events.tell('me', me([queued()]));
    await until(() => button(panel, 'Stop waiting'));
    expect(button(panel, 'Start on the CPU now')).toBeUndefined();
  });

  it('does not invent what nobody reports', async () => {
    events.tell('me', me([lease({ simulated: true })]));
    await shows(panel, 'there is nothing to measure');
    expect(panel.node.textContent).toContain('Emissionsnot reported');
    expect(panel.node.textContent).toContain('Energynot measured');
    expect(panel.node.querySelector('details')).toBeNull();
  });

  const measured = (energy_mj: number | null, more = {}) => ({
    ...{ device: 'GPU-1', lease: 'lease-1', simulated: false, utilization: 50, memory_used: 14e9, memory: 141e9 },
    ...{ watts: 212, energy_mj, ...more }
  });
  const tellCounters = (...devices: object[]) => events.tell('counters', { now: NOW, devices });

  it('tells what was measured with the figures of the site, and where those come from', async () => {
    events.tell('me', me([lease()], { footprint: figures() }));
    tellCounters(measured(0));
    tellCounters(measured(3.6e8));
    await shows(panel, '35 g CO₂e (268 g/kWh, 2023)');
    expect(panel.node.textContent).toContain('Energy0.13 kWh (PUE 1.3, 2024)');
    expect(panel.node.textContent).toContain('Water0.050 L (0.5 L/kWh, 2022)');
    expect(panel.node.textContent).toContain('Left out: the rest of the machine, and the making of the hardware.');
    expect(panel.node.querySelector('dd[title*="location-based: a table"]')).not.toBeNull();
    const origins = [...panel.node.querySelectorAll('details li')].map(line => line.textContent);
    expect(origins[1]).toBe('Emissions 268 g/kWh, 2023, location-based: a table');
  });

  it('says that more was used than was measured', async () => {
    events.tell('me', me([lease()], { footprint: figures() }));
    tellCounters(measured(0), measured(null, { device: 'GPU-2', lease: 'lease-2' }));
    await shows(panel, 'Some of your GPUs are not measured');
    tellCounters(measured(0), measured(null, { device: 'GPU-2', lease: 'lease-2', simulated: true }));
    await until(() => !panel.node.textContent?.includes('Some of your GPUs are not measured'));
  });

  it('writes the source of a figure as text', async () => {
    const pue = { value: 1.3, year: 2024, source: '<img src=x onerror=alert(1)>' };
    events.tell('me', me([], { footprint: { ...figures(), pue } }));
    await shows(panel, 'PUE 1.3, 2024: <img src=x onerror=alert(1)>');
    expect(panel.node.querySelector('img')).toBeNull();
  });

  it('writes what people named as text', async () => {
    events.tell('me', me([lease({ holder: '<img src=x onerror=alert(1)>.ipynb' })]));
    await shows(panel, '<img src=x onerror=alert(1)>.ipynb');
    expect(panel.node.querySelector('img')).toBeNull();
  });

  it('shows sixty of five hundred leases, finds the others, and the rest on request', async () => {
    const many = Array.from({ length: 500 }, (_, number) => lease({ id: `l${number}`, holder: `run-${number}.ipynb` }));
    events.tell('me', me(many));
    await shows(panel, 'Show 440 more');
    expect(panel.node.querySelectorAll('article')).toHaveLength(60);
    button(panel, 'Show 440 more')!.click();
    await until(() => panel.node.querySelectorAll('article').length === 500);
    expect(panel.node.querySelector('input[type=search]')).not.toBeNull();
  });

  it('names each graph for who does not see it', async () => {
    events.tell('me', me([lease()]));
    const measured = { utilization: 50, memory_used: 14e9, memory: 141e9, watts: 212, energy_mj: 5 };
    events.tell('counters', { now: NOW, devices: [{ device: 'GPU-1', lease: 'lease-1', simulated: false, ...measured }] });
    await until(() => panel.node.querySelectorAll('svg').length === 3);
    const labels = [...panel.node.querySelectorAll('svg')].map(svg => svg.getAttribute('aria-label'));
    expect(labels).toEqual(['GPU use: 50 %', 'GPU memory: 14 GB of 141 GB', 'Power: 212 W']);
  });

  it('counts devices in squares, of many a share', async () => {
    events.tell('me', me([], { classes: [gpuClass(), gpuClass({ name: 'many', total: 320, held: 160, free: 160 })] }));
    await until(() => panel.node.querySelectorAll('.wb-Squares').length === 2);
    const [few, many] = [...panel.node.querySelectorAll('.wb-Squares')];
    expect(few!.querySelectorAll('i')).toHaveLength(8);
    expect(few!.querySelectorAll('[data-kind=held]')).toHaveLength(6);
    expect([many!.querySelectorAll('i').length, many!.querySelectorAll('[data-kind=held]').length]).toEqual([32, 16]);
  });

  it('lists kernels that run on the CPU, and no others', async () => {
    events.tell('kernels', { k: { lease: lease(), silent: false } });
    sessions.run({ id: 'k', name: 'waves.ipynb' }, { id: 'c', name: 'plain.ipynb', state: 'busy' });
    await shows(panel, 'plain.ipynbpython3 · busy');
    expect(panel.node.textContent).not.toContain('waves.ipynbpython3');
  });

  it('moves a kernel to another GPU, with a lease or without', async () => {
    events.tell('me', me([lease()]));
    events.tell('kernels', { k: { lease: lease(), silent: false } });
    sessions.run({ id: 'c', name: 'plain.ipynb' });
    const found = (): HTMLButtonElement[] =>
      [...panel.node.querySelectorAll('button')].filter(one => one.textContent === 'Switch to GPU…');
    await until(() => found().length === 2);
    found().forEach(one => one.click());
    expect(moved).toEqual(['k', 'c']);
  });

  it('lets go of the model when it is disposed', () => {
    panel.dispose();
    expect(() => events.tell('me', me([lease()]))).not.toThrow();
  });
});

describe('the banner above a notebook', () => {
  let banner: Banner;

  beforeEach(() => {
    const context = { session: { kernel: { id: 'k' } }, kernelChanged: new Signal({}) } as unknown as ISessionContext;
    banner = new Banner(model, context, trans);
    Widget.attach(banner, document.body);
  });

  afterEach(() => banner.dispose());

  const tell = (one: ReturnType<typeof lease>) => events.tell('kernels', { k: { lease: one, silent: false } });

  it('is not there while there is nothing to say', () => {
    tell(lease());
    expect(banner.isHidden).toBe(true);
  });

  it.each([
    ['waits', queued(), 'You are 2nd of 5'],
    ['is wanted by somebody else', lease({ state: 'notice', ends_at: NOW + 30 }), 'It goes to them in'],
    ['is parked', lease({ state: 'parked' }), 'safe in memory'],
    ['comes back', lease({ state: 'resuming' }), 'cells wait until it is there'],
    ['has failed', lease({ state: 'broken', ended: { code: 'gpu-lost', text: 'The GPU failed.' } }), 'The GPU failed.']
  ])('says why, when the GPU %s', async (_, one, words) => {
    tell(one);
    expect(banner.isHidden).toBe(false);
    await shows(banner, words);
  });

  it('goes when the GPU is there', async () => {
    tell(queued());
    await shows(banner, '2nd of 5');
    tell(lease({ since: NOW + 1 }));
    expect(banner.isHidden).toBe(true);
  });

  it('says nothing about an end that its user asked for', () => {
    tell(lease({ state: 'released', ended: { code: 'user', text: 'You gave it back.' } }));
    expect(banner.isHidden).toBe(true);
  });

  it('is an alarm only before something is taken away', async () => {
    tell(queued());
    await until(() => banner.node.querySelector('[role=status]'));
    tell(lease({ state: 'notice', since: NOW + 1, ends_at: NOW + 30 }));
    await until(() => banner.node.querySelector('[role=alert]'));
  });

  it('keeps the GPU at the press of a button', async () => {
    tell(lease({ state: 'notice', ends_at: NOW + 30 }));
    await until(() => button(banner, 'Keep'));
    button(banner, 'Keep')!.click();
    await until(() => api.acts.length);
    expect(api.acts).toEqual(['kernel k keep']);
  });
});

describe('a graph', () => {
  it('has a gap where nothing was measured', () => {
    const points = [1, null, 2, 3].map((value, at) => ({ at, value }));
    expect(runs(points).map(run => run.map(point => point.value))).toEqual([[1], [2, 3]]);
  });
});
