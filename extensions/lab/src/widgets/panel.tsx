import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { linkSentence } from '../model/sentences';
import type { IWerkbank } from '../model/werkbank';
import { Classes } from './compute/classes';
import { Footprint } from './compute/footprint';
import { Leases } from './compute/leases';
import { Reservations } from './compute/reservations';
import { Seat } from './compute/seat';
import type { ICompute } from './compute/section';
import { Use } from './compute/use';
import { LiveWidget } from './live';

/** Everything of mine in one place: leases, queue, reservations, use, and what the seat takes. */
export class ComputePanel extends LiveWidget {
  constructor(
    private readonly model: IWerkbank,
    private readonly trans: TranslationBundle
  ) {
    super(model.changed);
    this.addClass('wb-Panel');
    this.node.tabIndex = -1;
  }

  protected override runs(): boolean {
    return Boolean(this.model.parts.me?.leases.length);
  }

  protected override onAfterShow(): void {
    void this.model.refresh();
    this.update();
  }

  protected override render(): React.ReactElement {
    return <Compute model={this.model} trans={this.trans} now={Date.now() / 1000 + this.model.skew} />;
  }
}

export function Compute({ model, trans, now }: ICompute): React.ReactElement {
  const { me } = model.parts;
  const link = linkSentence(model.link, model.why, trans);
  return (
    <div className="wb-Compute">
      {link !== '' && (
        <p className="wb-Link" role="status" data-link={model.link}>
          {link}
        </p>
      )}
      {me && (
        <>
          {me.unreadable !== '' && (
            <p className="wb-Link" role="status">
              {me.unreadable}
            </p>
          )}
          <Leases model={model} trans={trans} now={now} />
          <Classes classes={me.classes} trans={trans} />
          <Reservations reservations={me.reservations} now={now} trans={trans} />
          <Use use={me.use} trans={trans} />
        </>
      )}
      <Footprint model={model} trans={trans} />
      <Seat model={model} trans={trans} />
    </div>
  );
}
