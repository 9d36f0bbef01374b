import type { ISessionContext } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ILease, KernelAct } from '../api';
import { explain, linkSentence } from '../model/sentences';
import { actsOf, SHAPES, type Stage, stageOf, TONES } from '../model/stage';
import type { IWerkbank } from '../model/werkbank';
import { LiveWidget } from './live';

const SHOWN: ReadonlySet<Stage> = new Set([
  'waiting',
  'offered',
  'notice',
  'parking',
  'parked',
  'returning',
  'resuming',
  'ended'
]);
/** Ends that need no words: somebody here asked for them. */
const WANTED_ENDS = new Set(['user', 'cancelled', 'shutdown']);

/** Above a notebook: why its GPU is not there, what happens next, and what can be done. */
export class Banner extends LiveWidget {
  private problem = '';
  private readonly sizes = new ResizeObserver(() => this.takeRoom());

  constructor(
    private readonly model: IWerkbank,
    private readonly context: ISessionContext,
    private readonly trans: TranslationBundle
  ) {
    super(model.changed, context.kernelChanged);
    this.addClass('wb-Banner');
    this.hide();
  }

  override dispose(): void {
    this.sizes.disconnect();
    super.dispose();
  }

  protected override runs(): boolean {
    return this.lease() !== undefined;
  }

  protected override onChange(): void {
    const lease = this.lease();
    if (!lease) {
      this.problem = '';
    }
    this.setHidden(!lease);
    super.onChange();
  }

  private readonly observe = (body: HTMLElement | null): void => {
    this.sizes.disconnect();
    if (body) {
      this.sizes.observe(body);
    }
  };

  /** The notebook lays its parts out by their least height, and ours follows from the words and the width. */
  private takeRoom(): void {
    const height = this.node.firstElementChild?.getBoundingClientRect().height ?? 0;
    this.node.style.minHeight = `${Math.ceil(height)}px`;
    this.parent?.fit();
  }

  /** The lease of this notebook's kernel, when there is something to say about it. */
  private lease(): ILease | undefined {
    const kernel = this.context.session?.kernel?.id;
    const lease = kernel === undefined ? null : this.model.ofKernel(kernel)?.lease;
    if (!lease || !SHOWN.has(stageOf(lease))) {
      return undefined;
    }
    return lease.ended && WANTED_ENDS.has(lease.ended.code) ? undefined : lease;
  }

  protected override render(): React.ReactElement | null {
    const lease = this.lease();
    if (!lease) {
      return null;
    }
    const { trans, model } = this;
    const stage = stageOf(lease);
    const link = linkSentence(model.link, model.why, trans);
    const can = actsOf(lease, stage);
    const buttons: [boolean, KernelAct, string][] = [
      [can.keep, 'keep', trans.__('Keep')],
      [can.cpu, 'cpu', trans.__('Start on the CPU now')],
      [can.cancel, 'cancel', trans.__('Stop waiting')]
    ];
    return (
      <div className="wb-Banner-body" ref={this.observe} data-tone={TONES[stage]} role={stage === 'notice' ? 'alert' : 'status'}>
        <span aria-hidden="true">{SHAPES[stage]}</span>
        <p>
          {explain(lease, Date.now() / 1000 + model.skew, trans)} {link}
        </p>
        {buttons.map(([offered, act, label]) =>
          offered ? (
            <button key={act} type="button" className="wb-Button" onClick={() => void this.act(act)}>
              {label}
            </button>
          ) : null
        )}
        {this.problem !== '' && (
          <p className="wb-Card-problem" role="alert">
            {this.problem}
          </p>
        )}
      </div>
    );
  }

  private async act(act: KernelAct): Promise<void> {
    const kernel = this.context.session?.kernel?.id;
    if (kernel === undefined) {
      return;
    }
    this.problem = '';
    try {
      await this.model.actOnKernel(kernel, act);
    } catch (refusal) {
      this.problem = refusal instanceof Error ? refusal.message : String(refusal);
    }
    this.update();
  }
}
