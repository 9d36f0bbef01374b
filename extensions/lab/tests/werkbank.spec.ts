import type { IState } from '../src/api';
import { GRAPH_S, Werkbank } from '../src/model/werkbank';
import { Events, lease, me, NOW, ObedientApi, queued, silence } from './support';

describe('what is known of leases', () => {
  let api: ObedientApi;
  let events: Events;
  let clock: number;
  let model: Werkbank;

  beforeEach(async () => {
    [api, events, clock] = [new ObedientApi(), new Events(), NOW];
    model = new Werkbank(api, events, () => clock);
    await model.refresh();
  });

  afterEach(() => model.dispose());

  it('is there after the first look', () => {
    expect(model.link).toBe('live');
    expect(model.parts.me?.user).toBe('scientist');
  });

  it('changes with an event, and says so', () => {
    const changes = jest.fn();
    model.changed.connect(changes);
    events.tell('me', me([lease()]));
    expect(changes).toHaveBeenCalledTimes(1);
    expect(model.parts.me?.leases).toHaveLength(1);
  });

  it('is looked at again when it would say for ever that it is being asked for', async () => {
    model.dispose();
    api.answer = { now: NOW };
    model = new Werkbank(api, events, () => clock);
    await model.refresh();
    expect(model.link).toBe('connecting');
    api.answer = { now: NOW, connection: { state: 'live', why: '' }, me: me([lease()]) };
    events.tell('me', me([lease()]));
    for (let turn = 0; turn < 100 && model.link !== 'live'; turn++) {
      await new Promise(resolve => setTimeout(resolve, 10));
    }
    expect(model.link).toBe('live');
    const looks = api.asked;
    events.tell('me', me([lease()]));
    await new Promise(resolve => setTimeout(resolve, 50));
    expect(api.asked).toBe(looks);
  });

  it('is not touched by events of others', () => {
    events.tell('me', me([lease()]), 'https://events.jupyter.org/contents');
    expect(model.parts.me?.leases).toHaveLength(0);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'me'],
    ['a list', []],
    ['leases that are no list', { ...me(), leases: 'none' }],
    ['a lease without a state', { ...me(), leases: [{ id: '1', devices: [] }] }],
    ['a clock that is no number', { ...me(), now: 'noon' }]
  ])('is not touched by %s where a part should be', (_, value) => {
    events.tell('me', value);
    expect(model.parts.me?.leases).toEqual([]);
  });

  it.each([
    ['without the figures of the site', undefined],
    ['with none', null],
    ['with strange ones', { pue: 1.3 }]
  ])('is readable %s', (_, footprint) => {
    events.tell('me', { ...me([lease()]), footprint });
    expect(model.parts.me?.leases).toHaveLength(1);
  });

  it('keeps what it can read of an answer of which another part is broken', async () => {
    api.answer = { now: NOW, kernels: 5, me: me([queued()]) } as unknown as IState;
    await model.refresh();
    expect(model.parts.me?.leases[0]?.state).toBe('queued');
    expect(model.parts.kernels).toBeUndefined();
  });

  it('shows a state it does not know, and does not fall over', () => {
    events.tell('me', me([lease({ state: 'dreaming' })]));
    expect(model.parts.me?.leases[0]?.state).toBe('dreaming');
  });

  it('says that the seat is silent, keeps what it knew, and recovers', async () => {
    events.tell('me', me([lease()]));
    api.answer = silence;
    await model.refresh();
    expect([model.link, model.why]).toEqual(['seat-silent', 'Your server does not answer.']);
    expect(model.parts.me?.leases).toHaveLength(1);
    api.answer = { now: NOW, connection: { state: 'live', why: '' }, me: me() };
    await model.refresh();
    expect(model.link).toBe('live');
  });

  it('tells an unreachable broker from one without GPUs', () => {
    events.tell('connection', { state: 'unreachable', why: '' });
    expect(model.link).toBe('unreachable');
    expect(model.parts.me?.classes).toHaveLength(1);
  });

  it('corrects a clock that is five minutes slow', () => {
    clock = NOW - 300;
    events.tell('me', me());
    expect(model.skew).toBe(300);
  });

  it('takes the newer of what seat and broker say of a kernel’s lease', () => {
    events.tell('kernels', { k: { lease: queued({ since: NOW - 60 }), silent: false } });
    expect(model.ofKernel('k')?.lease?.state).toBe('queued');
    events.tell('me', me([lease({ since: NOW })]));
    expect(model.ofKernel('k')?.lease?.state).toBe('active');
    events.tell('kernels', { k: { lease: lease({ since: NOW + 9, state: 'parked' }), silent: false } });
    expect(model.ofKernel('k')?.lease?.state).toBe('parked');
    expect(model.ofKernel('other')).toBeUndefined();
  });

  it('counts how long a lease has held its GPU, without the time it was parked', () => {
    events.tell('me', me([lease({ held_seconds: 100, since: NOW - 1 }), lease({ id: 'p', state: 'parked', held_seconds: 50 })]));
    clock += 20;
    expect(model.parts.me!.leases.map(one => model.heldFor(one))).toEqual([120, 50]);
    expect(model.heldFor(lease({ id: 'new', since: NOW }))).toBe(20);
  });

  it('looks every ten seconds while no events come, and every minute while they do', async () => {
    expect(model.poll.frequency.interval).toBe(10_000);
    events.tell('seat', { cpu: 0.5, cpu_limit: 2, memory: 1e9, memory_limit: 4e9, at: clock });
    await model.refresh();
    expect(model.poll.frequency.interval).toBe(60_000);
    clock += 60;
    await model.refresh();
    expect(model.poll.frequency.interval).toBe(10_000);
  });

  it('acts, and looks at what came of it', async () => {
    const before = api.asked;
    await model.actOnKernel('k', 'cpu');
    await model.actOnLease('lease-1', 'release');
    expect(api.acts).toEqual(['kernel k cpu', 'lease lease-1 release']);
    expect(api.asked).toBe(before + 2);
  });

  it('hands on a refusal', async () => {
    api.refusal = new Error('You have kept it twice already.');
    await expect(model.actOnKernel('k', 'keep')).rejects.toThrow('kept it twice');
  });

  it('lets go of the events when it is disposed', () => {
    const changes = jest.fn();
    model.changed.connect(changes);
    model.dispose();
    events.tell('me', me([lease()]));
    expect(changes).not.toHaveBeenCalled();
    expect(model.isDisposed).toBe(true);
  });
});

describe('what is measured', () => {
  const counter = (more = {}) => ({
    device: 'GPU-1',
    lease: 'lease-1',
    simulated: false,
    utilization: 50,
    memory_used: 14e9,
    memory: 141e9,
    watts: 212,
    energy_mj: 1_000_000,
    ...more
  });
  let events: Events;
  let clock: number;
  let model: Werkbank;
  const measure = (seconds: number, ...devices: object[]) => {
    clock += seconds;
    events.tell('counters', { now: clock, devices });
  };

  beforeEach(() => {
    [events, clock] = [new Events(), NOW];
    model = new Werkbank(new ObedientApi(), events, () => clock);
  });

  afterEach(() => model.dispose());

  it('is a line in a graph, with gaps where nothing was measured', () => {
    measure(5, counter());
    measure(5, counter({ utilization: null }));
    const values = model.graphsOf('GPU-1')?.use.all.map(point => point.value);
    expect(values).toEqual([50, null]);
  });

  it('is forgotten with the device', () => {
    measure(5, counter());
    measure(5);
    expect(model.graphsOf('GPU-1')).toBeUndefined();
  });

  it('takes no more room after eight hours than after ten minutes', () => {
    for (let second = 0; second < 8 * 3600; second += 5) {
      measure(5, counter());
      events.tell('seat', { cpu: 0.5, cpu_limit: 2, memory: 1e9, memory_limit: 4e9, at: clock });
    }
    const most = GRAPH_S / 5 + 1;
    expect(model.graphsOf('GPU-1')!.use.all.length).toBeLessThanOrEqual(most);
    expect(model.cpu.all.length).toBeLessThanOrEqual(most);
  });

  it('counts the energy of my lease alone', () => {
    measure(5, counter());
    measure(5, counter({ energy_mj: 3_000_000 }));
    expect(model.joules).toBe(2000);
    measure(5); // given back; somebody else computes
    measure(5, counter({ lease: 'lease-2', energy_mj: 9_000_000 }));
    expect(model.joules).toBe(2000);
  });

  it('does not invent energy that nobody counts', () => {
    measure(5, counter({ energy_mj: null }));
    expect(model.joules).toBeNull();
  });
});
