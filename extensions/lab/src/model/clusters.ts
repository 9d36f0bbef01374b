/** My Dask clusters as they are now, and what can be done about them. */

import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import type { ClusterOptions, IClusterField, IClusterList, IClustersApi } from '../api';
import { RequestFailed } from '../api';

/** Seconds between looks while they are shown: where there is a cluster, and where none is expected. */
const LOOK_S = { some: 5, none: 10 };

export interface IClusters extends IDisposable {
  readonly changed: ISignal<IClusters, void>;
  /** Undefined until they are known. */
  readonly list: IClusterList | undefined;
  /** Why they are not known, or may be out of date; empty while all is well. */
  readonly problem: string;
  /** Whether there is a gateway at all. */
  readonly there: boolean;
  /** Whether somebody looks: while nobody does, nobody asks. */
  watch(on: boolean): void;
  fields(): Promise<IClusterField[]>;
  start(workers: number, options: ClusterOptions): Promise<void>;
  scale(name: string, workers: number): Promise<void>;
  stop(name: string): Promise<void>;
}

export class Clusters implements IClusters {
  list: IClusterList | undefined;
  problem = '';
  there = true;

  readonly poll: Poll;
  private readonly _changed = new Signal<this, void>(this);
  private _isDisposed = false;

  constructor(private readonly api: IClustersApi) {
    this.poll = new Poll({
      auto: false,
      name: 'werkbank-lab:clusters',
      factory: () => this.look(),
      frequency: { interval: LOOK_S.none * 1000, backoff: true, max: 60_000 },
      standby: 'when-hidden'
    });
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  watch(on: boolean): void {
    if (on && this.there) {
      void this.poll.refresh();
    } else {
      void this.poll.stop();
    }
  }

  fields(): Promise<IClusterField[]> {
    return this.api.clusterFields();
  }

  async start(workers: number, options: ClusterOptions): Promise<void> {
    await this.afterwards(this.api.startCluster(workers, options));
  }

  async scale(name: string, workers: number): Promise<void> {
    await this.afterwards(this.api.scaleCluster(name, workers));
  }

  async stop(name: string): Promise<void> {
    await this.afterwards(this.api.stopCluster(name));
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.poll.dispose();
      Signal.clearData(this);
    }
  }

  /** Look when something was done, also where it was refused: then what was shown may have been out of date. */
  private async afterwards(done: Promise<unknown>): Promise<void> {
    try {
      await done;
    } finally {
      await this.poll.refresh();
      await this.poll.tick.catch(() => undefined);
    }
  }

  private async look(): Promise<void> {
    try {
      this.list = readable(await this.api.clusters());
      this.problem = '';
    } catch (problem) {
      this.fail(problem);
    }
    const interval = (this.list?.clusters.length ? LOOK_S.some : LOOK_S.none) * 1000;
    if (this.poll.frequency.interval !== interval) {
      this.poll.frequency = { ...this.poll.frequency, interval };
    }
    this._changed.emit();
  }

  private fail(problem: unknown): void {
    if (problem instanceof RequestFailed && problem.status === 404) {
      this.there = false;
      void this.poll.stop();
    }
    this.problem = problem instanceof Error ? problem.message : String(problem);
  }
}

/** What can be shown of an answer: a cluster without a name cannot. */
function readable(list: IClusterList): IClusterList {
  const clusters = Array.isArray(list.clusters) ? list.clusters : [];
  return { ...list, clusters: clusters.filter(one => typeof one?.name === 'string' && typeof one.status === 'string') };
}
