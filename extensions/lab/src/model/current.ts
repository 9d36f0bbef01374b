/** The kernel of the notebook that is in front. */

import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

export interface ICurrentKernel {
  id: string;
  name: string;
}

export class Current implements IDisposable {
  private readonly _changed = new Signal<this, void>(this);
  private panel: NotebookPanel | null = null;
  private _isDisposed = false;

  constructor(private readonly notebooks: INotebookTracker) {
    notebooks.currentChanged.connect(this.onPanel, this);
    this.onPanel();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get kernel(): ICurrentKernel | undefined {
    const kernel = this.panel?.sessionContext.session?.kernel;
    return kernel ? { id: kernel.id, name: kernel.name } : undefined;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.notebooks.currentChanged.disconnect(this.onPanel, this);
      this.leave();
      Signal.clearData(this);
    }
  }

  private onPanel(): void {
    this.leave();
    this.panel = this.notebooks.currentWidget;
    this.panel?.sessionContext.kernelChanged.connect(this.onKernel, this);
    this.panel?.disposed.connect(this.leave, this);
    this._changed.emit();
  }

  private leave(): void {
    if (this.panel && !this.panel.isDisposed) {
      this.panel.sessionContext.kernelChanged.disconnect(this.onKernel, this);
      this.panel.disposed.disconnect(this.leave, this);
    }
    this.panel = null;
  }

  private onKernel(): void {
    this._changed.emit();
  }
}
