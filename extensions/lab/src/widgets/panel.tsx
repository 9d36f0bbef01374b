import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { linkSentence } from '../model/sentences';
import type { IKernels } from '../model/kernels';
import type { IWerkbank } from '../model/werkbank';
import type { IClusterService } from '../tokens';
import { Classes } from './compute/classes';
import { Clusters } from './compute/clusters';
import { Footprint } from './compute/footprint';
import { Leases } from './compute/leases';
import { PlainKernels } from './compute/kernels';
import { Reservations } from './compute/reservations';
import { Seat } from './compute/seat';
import type { Mover } from './compute/section';
import { Use } from './compute/use';
import { LiveWidget } from './live';

/** What the panel is drawn from. */
export interface IComputeSources {
  model: IWerkbank;
  kernels: IKernels;
  /** Null where that plugin is switched off. */
  clusters: IClusterService | null;
  trans: TranslationBundle;
}

/** Everything of mine in one place: leases, queue, reservations, clusters, use, and what the seat takes. */
export class ComputePanel extends LiveWidget {
  /** `mover` tells how a kernel gets another GPU; undefined where there is none to get. */
  constructor(
    private readonly sources: IComputeSources,
    private readonly mover: Mover
  ) {
    super(sources.model.changed, sources.kernels.changed, ...(sources.clusters ? [sources.clusters.model.changed] : []));
    this.addClass('wb-Panel');
    this.node.tabIndex = -1;
  }

  protected override runs(): boolean {
    return Boolean(this.sources.model.parts.me?.leases.length);
  }

  protected override onAfterShow(): void {
    void this.sources.model.refresh();
    this.sources.clusters?.model.watch(true);
    this.update();
  }

  protected override onBeforeHide(): void {
    this.sources.clusters?.model.watch(false);
  }

  protected override render(): React.ReactElement {
    const now = Date.now() / 1000 + this.sources.model.skew;
    return <Compute {...this.sources} mover={this.mover} now={now} />;
  }
}

type IProps = IComputeSources & { mover: Mover; now: number };

function Compute({ model, kernels, clusters, trans, mover, now }: IProps): React.ReactElement {
  const { me } = model.parts;
  const plain = kernels.without(model.parts.kernels ?? {});
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
          <Leases model={model} trans={trans} now={now} mover={mover} />
          <PlainKernels kernels={plain} mover={mover} trans={trans} />
          <Classes classes={me.classes} trans={trans} />
          <Reservations reservations={me.reservations} now={now} trans={trans} />
        </>
      )}
      {clusters && <Clusters {...clusters} trans={trans} />}
      {me && <Use use={me.use} trans={trans} />}
      <Footprint model={model} trans={trans} />
      <Seat model={model} trans={trans} />
    </div>
  );
}
