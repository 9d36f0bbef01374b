/** The kernels of this seat that run without a GPU. */

import type { KernelSpec, Session } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { IKernelLease } from '../api';

export interface IPlainKernel {
  id: string;
  /** The notebook, or whatever it serves. */
  holder: string;
  /** What kind of kernel. */
  title: string;
  busy: boolean;
}

export interface IKernels {
  readonly changed: ISignal<IKernels, void>;
  /** Those that are not among `leasing`, by name. */
  without(leasing: Readonly<Record<string, IKernelLease>>): IPlainKernel[];
}

type Sessions = Pick<Session.IManager, 'running' | 'runningChanged'>;
type Specs = Pick<KernelSpec.IManager, 'specs'>;

export class Kernels implements IKernels, IDisposable {
  private readonly _changed = new Signal<this, void>(this);
  private _isDisposed = false;

  constructor(
    private readonly sessions: Sessions,
    private readonly specs: Specs
  ) {
    sessions.runningChanged.connect(this.onRunning, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  without(leasing: Readonly<Record<string, IKernelLease>>): IPlainKernel[] {
    const found: IPlainKernel[] = [];
    for (const { kernel, name, path } of this.sessions.running()) {
      if (kernel && !(kernel.id in leasing)) {
        const title = this.specs.specs?.kernelspecs[kernel.name]?.display_name ?? kernel.name;
        found.push({ id: kernel.id, holder: name || path, title, busy: kernel.execution_state === 'busy' });
      }
    }
    return found.sort((one, other) => one.holder.localeCompare(other.holder));
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.sessions.runningChanged.disconnect(this.onRunning, this);
      Signal.clearData(this);
    }
  }

  private onRunning(): void {
    this._changed.emit();
  }
}
