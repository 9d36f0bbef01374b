/** A widget that is drawn again when what it shows changes, at most a few times a second and only while it is seen. */

import { ReactWidget } from '@jupyterlab/ui-components';
import { Throttler } from '@lumino/polling';
import type { ISignal } from '@lumino/signaling';

const LEAST_MS = 200;

export abstract class LiveWidget extends ReactWidget {
  private readonly soon = new Throttler(() => this.update(), LEAST_MS);
  private readonly signals: ISignal<unknown, unknown>[];
  private ticking: number | undefined;

  constructor(...signals: ISignal<unknown, unknown>[]) {
    super();
    this.signals = signals;
    for (const signal of signals) {
      signal.connect(this.onChange, this);
    }
  }

  /** Whether something shown runs with the clock: then it is drawn each second. */
  protected runs(): boolean {
    return false;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    for (const signal of this.signals) {
      signal.disconnect(this.onChange, this);
    }
    window.clearInterval(this.ticking);
    this.soon.dispose();
    super.dispose();
  }

  protected onChange(): void {
    void this.soon.invoke();
    const runs = this.runs();
    if (runs && this.ticking === undefined) {
      this.ticking = window.setInterval(() => {
        if (this.isVisible && !document.hidden) {
          this.update();
        }
      }, 1000);
    } else if (!runs && this.ticking !== undefined) {
      window.clearInterval(this.ticking);
      this.ticking = undefined;
    }
  }
}
