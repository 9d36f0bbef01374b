import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ICounter } from '../api';
import type { Current } from '../model/current';
import { explain, glance, linkSentence } from '../model/sentences';
import { SHAPES, stageOf, TONES } from '../model/stage';
import type { IWerkbank } from '../model/werkbank';
import { LiveWidget } from './live';

/** `H200 · busy · 14 GB · 212 W · 00:42`, or `CPU`. */
export class StatusItem extends LiveWidget {
  constructor(
    private readonly model: IWerkbank,
    private readonly current: Current,
    private readonly trans: TranslationBundle,
    private readonly open: () => void
  ) {
    super(model.changed, current.changed);
    this.addClass('wb-Status');
  }

  protected override runs(): boolean {
    return Boolean(this.lease());
  }

  private lease() {
    const kernel = this.current.kernel;
    return kernel ? this.model.ofKernel(kernel.id) : undefined;
  }

  protected override render(): React.ReactElement | null {
    if (!this.current.kernel) {
      return null;
    }
    const { trans, model } = this;
    const known = this.lease();
    const lease = known?.lease;
    if (!lease) {
      const text = known ? trans.__('asking for a GPU …') : trans.__('CPU');
      return this.button(text, trans.__('This kernel runs on the CPU. Click for GPUs and the queue.'), 'muted', '○');
    }
    const now = Date.now() / 1000 + model.skew;
    const stage = stageOf(lease);
    const silent = model.link !== 'live' && model.link !== 'connecting';
    const text = glance(lease, counterOf(model, lease.devices[0]?.uuid), model.heldFor(lease), trans);
    const hint = [explain(lease, now, trans), silent ? linkSentence(model.link, model.why, trans) : ''];
    return this.button(
      silent ? `${text} · ${trans.__('not up to date')}` : text,
      hint.filter(Boolean).join(' ') || trans.__('Click for GPUs and the queue.'),
      TONES[stage],
      SHAPES[stage]
    );
  }

  private button(text: string, hint: string, tone: string, shape: string): React.ReactElement {
    return (
      <button type="button" className="wb-Status-button" data-tone={tone} title={hint} onClick={this.open}>
        <span aria-hidden="true">{shape}</span> {text}
      </button>
    );
  }
}

export function counterOf(model: IWerkbank, device: string | undefined): ICounter | undefined {
  return model.parts.counters?.devices.find(counter => counter.device === device);
}
