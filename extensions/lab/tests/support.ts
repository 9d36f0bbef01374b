/** Makers of what the seat's server tells, and an api that does as it is told. */

import type { Session } from '@jupyterlab/services';
import { nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import type { Widget } from '@lumino/widgets';

import type { IApi, IFactors, IGpuClass, ILease, IMe, IState } from '../src/api';
import { RequestFailed } from '../src/api';
import { SCHEMA } from '../src/model/werkbank';

export const trans: TranslationBundle = nullTranslator.load('werkbank_lab');

export const NOW = 1_800_000_000;

export function lease(more: Partial<ILease> = {}): ILease {
  return {
    id: 'lease-1',
    server: '',
    holder: 'waves.ipynb',
    gpu_class: 'h200',
    title: 'H200',
    count: 1,
    state: 'active',
    since: NOW - 42,
    requested: NOW - 60,
    simulated: false,
    devices: [{ uuid: 'GPU-1', index: 0, model: 'NVIDIA H200', memory: 141e9, simulated: false }],
    place: null,
    of: null,
    estimate_s: null,
    reason: null,
    ends_at: null,
    busy: false,
    wants: false,
    parkable: true,
    unparkable: null,
    keeps_left: 2,
    kept_until: null,
    held_seconds: 42,
    busy_seconds: 10,
    ended: null,
    ...more
  };
}

export const queued = (more: Partial<ILease> = {}): ILease =>
  lease({ state: 'queued', devices: [], place: 2, of: 5, estimate_s: 360, ...more });

export function gpuClass(more: Partial<IGpuClass> = {}): IGpuClass {
  return {
    name: 'h200',
    title: 'H200',
    simulated: false,
    total: 8,
    free: 2,
    held: 6,
    out_of_service: 0,
    waiting: 0,
    expected_wait_s: 0,
    known: true,
    ...more
  };
}

export function me(leases: ILease[] = [], more: Partial<IMe> = {}): IMe {
  return {
    now: NOW,
    user: 'scientist',
    leases,
    classes: [gpuClass()],
    reservations: [],
    use: { hours: 3.2, hours_cap: null, devices_per_user: 2, programmes: [] },
    unreadable: '',
    ...more
  };
}

/** What a site reports. */
export const figures = (): IFactors => ({
  pue: { value: 1.3, year: 2024, source: 'annual report' },
  co2e: { value: 268, year: 2023, source: 'a table', method: 'location' },
  water: { value: 0.5, year: 2022, source: 'water bill' }
});

export class ObedientApi implements IApi {
  answer: IState | Error = { now: NOW, connection: { state: 'live', why: '' }, me: me() };
  refusal: Error | undefined;
  asked = 0;
  readonly acts: string[] = [];

  state(): Promise<IState> {
    this.asked += 1;
    return this.answer instanceof Error ? Promise.reject(this.answer) : Promise.resolve(this.answer);
  }

  ofKernel(kernel: string, act: string): Promise<void> {
    return this.did(`kernel ${kernel} ${act}`);
  }

  ofLease(id: string, act: string): Promise<void> {
    return this.did(`lease ${id} ${act}`);
  }

  private did(act: string): Promise<void> {
    this.acts.push(act);
    return this.refusal ? Promise.reject(this.refusal) : Promise.resolve();
  }
}

export const silence = new RequestFailed('Your server does not answer.', 0);

/** The events socket of JupyterLab. */
export class Events {
  readonly stream = new Signal<this, unknown>(this);

  tell(part: string, value: unknown, schema_id = SCHEMA): void {
    this.stream.emit({ schema_id, part, value });
  }
}

/** The kernels that run in the seat. */
export class Sessions {
  readonly runningChanged = new Signal<Session.IManager, Session.IModel[]>({} as Session.IManager);
  private models: Session.IModel[] = [];

  running(): IterableIterator<Session.IModel> {
    return this.models.values();
  }

  run(...kernels: { id: string; name: string; state?: 'busy' | 'idle' }[]): void {
    this.models = kernels.map(({ id, name, state }) => ({
      id: `session-${id}`,
      path: name,
      name,
      type: 'notebook',
      kernel: { id, name: 'python3', execution_state: state ?? 'idle' }
    }));
    this.runningChanged.emit(this.models);
  }
}

/** React draws in a task of its own, and widgets at most five times a second. */
export async function until(condition: () => unknown): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (condition()) {
      return;
    }
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  throw new Error(`not within two seconds: ${String(condition)}; it shows: ${document.body.textContent}`);
}

/** What a button does is done, and it can be pressed again. */
export async function settled(find: () => HTMLButtonElement | undefined): Promise<void> {
  await new Promise(resolve => setTimeout(resolve));
  await until(() => find()?.disabled === false);
}

export const shows = (widget: Widget, words: string): Promise<void> =>
  until(() => widget.node.textContent?.includes(words));

export const button = (widget: Widget, label: string): HTMLButtonElement | undefined =>
  [...widget.node.querySelectorAll('button')].find(one => one.textContent === label);
