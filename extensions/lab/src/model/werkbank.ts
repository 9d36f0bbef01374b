/** What is known of leases, queue and seat, kept as it is now, and what can be done about it. */

import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import type { IApi, ICounter, ICounters, IKernelLease, ILease, IParts, ISeatUse, KernelAct, LeaseAct, PartName } from '../api';
import { RequestFailed } from '../api';
import { History } from './history';
import { isPart, NAMES, readable } from './parts';
import { holds, stageOf } from './stage';

/** How the seat's server reaches us: over the events socket of JupyterLab. */
export interface IEvents {
  readonly stream: ISignal<unknown, unknown>;
}

export const SCHEMA = 'https://schema.werkbank.example/lab/part/v1';

/** Seconds: while events come, one look a minute tells the seat that somebody watches. */
const WATCH_S = 60;
/** Seconds between looks while no events come. */
const POLL_S = 10;
/** The seat tells of its CPU and memory every five seconds: after so many without a word the socket is broken. */
const SILENT_S = 15;
const LONGEST_POLL_S = 60;
export const GRAPH_S = 600;

export type Link = 'connecting' | 'live' | 'unreachable' | 'refused' | 'seat-silent';

export interface IGraphs {
  use: History;
  memory: History;
  watts: History;
}

export interface IWerkbank extends IDisposable {
  /** Something that is shown has changed. */
  readonly changed: ISignal<IWerkbank, void>;
  /** Whether what is shown is so: a silent broker is not "no GPU". */
  readonly link: Link;
  /** Why, where there is more to say than that. */
  readonly why: string;
  readonly parts: Readonly<Partial<IParts>>;
  /** Seconds that the broker's clock is ahead of this browser's. */
  readonly skew: number;
  readonly cpu: History;
  readonly memory: History;
  /** What the GPUs of my leases took since this page looks at them; null where none is measured. */
  readonly joules: number | null;
  graphsOf(device: string): IGraphs | undefined;
  /** Seconds that a lease has held its GPUs so far, without the time it was parked. */
  heldFor(lease: ILease): number;
  /** The lease of a kernel, the latest that is known; undefined for a kernel that leases nothing. */
  ofKernel(kernel: string): IKernelLease | undefined;
  actOnKernel(kernel: string, act: KernelAct): Promise<void>;
  actOnLease(lease: string, act: LeaseAct): Promise<void>;
  /** Look now, for instance because somebody opened the panel. */
  refresh(): Promise<void>;
}

export class Werkbank implements IWerkbank {
  readonly parts: Partial<IParts> = {};
  readonly cpu = new History(GRAPH_S);
  readonly memory = new History(GRAPH_S);
  skew = 0;

  private readonly _changed = new Signal<this, void>(this);
  private readonly meters = new Map<string, { lease: string; last: number }>();
  private spent: number | null = null;
  private readonly graphs = new Map<string, IGraphs>();
  readonly poll: Poll;
  private failed: RequestFailed | undefined;
  private heard = 0;
  private _isDisposed = false;

  constructor(
    private readonly api: IApi,
    private readonly events: IEvents,
    private readonly now: () => number = () => Date.now() / 1000
  ) {
    this.events.stream.connect(this.onEvent, this);
    this.poll = new Poll({
      name: 'werkbank-lab:state',
      factory: () => this.look(),
      frequency: { interval: WATCH_S * 1000, backoff: true, max: LONGEST_POLL_S * 1000 },
      standby: 'never'
    });
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get link(): Link {
    if (this.failed) {
      return 'seat-silent';
    }
    return this.parts.connection?.state ?? 'connecting';
  }

  get why(): string {
    return this.failed?.message ?? this.parts.connection?.why ?? '';
  }

  get joules(): number | null {
    return this.spent;
  }

  heldFor(lease: ILease): number {
    const now = this.now() + this.skew;
    const told = this.parts.me?.leases.find(one => one.id === lease.id);
    if (!told) {
      return now - lease.since;
    }
    const running = holds(stageOf(told)) ? now - this.parts.me!.now : 0;
    return told.held_seconds / Math.max(1, told.count) + running;
  }

  graphsOf(device: string): IGraphs | undefined {
    return this.graphs.get(device);
  }

  ofKernel(kernel: string): IKernelLease | undefined {
    const known = this.parts.kernels?.[kernel];
    if (!known?.lease) {
      return known;
    }
    return { ...known, lease: this.latest(known.lease) };
  }

  async actOnKernel(kernel: string, act: KernelAct): Promise<void> {
    await this.api.ofKernel(kernel, act);
    await this.refresh();
  }

  async actOnLease(lease: string, act: LeaseAct): Promise<void> {
    await this.api.ofLease(lease, act);
    await this.refresh();
  }

  async refresh(): Promise<void> {
    await this.poll.refresh();
    await this.poll.tick.catch(() => undefined);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this.events.stream.disconnect(this.onEvent, this);
    this.poll.dispose();
    Signal.clearData(this);
  }

  private async look(): Promise<void> {
    try {
      const { parts } = readable(await this.api.state());
      this.failed = undefined;
      for (const name of NAMES) {
        this.take(name, parts[name]);
      }
      this.pace(this.now() - this.heard > SILENT_S ? POLL_S : WATCH_S);
    } catch (problem) {
      this.failed = problem instanceof RequestFailed ? problem : new RequestFailed(String(problem), 0);
      this.pace(POLL_S);
    }
    this._changed.emit();
  }

  /** Where no events come, or the seat is silent, the next look is soon. */
  private pace(seconds: number): void {
    if (this.poll.frequency.interval !== seconds * 1000) {
      this.poll.frequency = { ...this.poll.frequency, interval: seconds * 1000 };
    }
  }

  private onEvent(_: unknown, event: unknown): void {
    const { schema_id, part, value } = event as { schema_id?: string; part?: PartName; value?: unknown };
    if (schema_id === SCHEMA && part !== undefined && NAMES.includes(part) && isPart(part, value)) {
      this.heard = this.now();
      this.take(part, value);
      if (this.link === 'connecting') {
        // That it is not any more may have been told between the first look and the first event: to nobody.
        void this.refresh();
      }
      this._changed.emit();
    }
  }

  private take<N extends PartName>(name: N, value: IParts[N] | undefined): void {
    if (value === undefined) {
      return;
    }
    (this.parts as Partial<Record<PartName, unknown>>)[name] = value;
    if (name === 'me') {
      this.skew = this.parts.me!.now - this.now();
    } else if (name === 'counters') {
      this.measure(this.parts.counters!);
    } else if (name === 'seat') {
      this.measureSeat(this.parts.seat!);
    }
  }

  private measure(counters: ICounters): void {
    const held = new Set(counters.devices.map(device => device.device));
    for (const known of this.graphs.keys()) {
      if (!held.has(known)) {
        this.graphs.delete(known);
      }
    }
    for (const device of counters.devices) {
      const graphs = this.graphs.get(device.device) ?? newGraphs();
      this.graphs.set(device.device, graphs);
      const at = this.now();
      graphs.use.add(at, device.utilization);
      graphs.memory.add(at, device.memory_used);
      graphs.watts.add(at, device.watts);
      this.spend(device);
    }
  }

  /** Counters run on while others hold a device: only what lies between two looks at the same lease is mine. */
  private spend({ device, lease, energy_mj }: ICounter): void {
    if (energy_mj === null) {
      this.meters.delete(device);
      return;
    }
    const before = this.meters.get(device);
    const more = before?.lease === lease ? Math.max(0, energy_mj - before.last) / 1000 : 0;
    this.spent = (this.spent ?? 0) + more;
    this.meters.set(device, { lease, last: energy_mj });
  }

  private measureSeat(seat: ISeatUse): void {
    const at = this.now();
    this.cpu.add(at, seat.cpu);
    this.memory.add(at, seat.memory);
  }

  /** The seat hears of its own kernels first; the broker's list may be a moment older, or newer. */
  private latest(known: ILease): ILease {
    const told = this.parts.me?.leases.find(lease => lease.id === known.id);
    return told && told.since >= known.since ? told : known;
  }
}

function newGraphs(): IGraphs {
  return { use: new History(GRAPH_S), memory: new History(GRAPH_S), watts: new History(GRAPH_S) };
}
