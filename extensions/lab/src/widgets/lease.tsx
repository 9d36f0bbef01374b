import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ICounter, ILease, KernelAct } from '../api';
import { bytes, clock, explain, place, stageWord, title } from '../model/sentences';
import { actsOf, holds, SHAPES, type Stage, stageOf, TONES } from '../model/stage';
import { GRAPH_S, type IGraphs } from '../model/werkbank';
import { Attempt, useAttempt } from './attempt';
import { Sparkline } from './sparkline';

export interface ILeaseCard {
  lease: ILease;
  /** The broker's clock, Unix seconds. */
  now: number;
  /** Seconds that it has held its GPUs. */
  held: number;
  counter: ICounter | undefined;
  graphs: IGraphs | undefined;
  /** Whether it is of a kernel in this seat: then its cells can go on without a GPU. */
  here: boolean;
  trans: TranslationBundle;
  act: (act: KernelAct) => Promise<void>;
  /** Puts its notebook on another GPU, where there is one to choose. */
  move: (() => void) | undefined;
}

/** One lease: what it is, what happens, and what can be done about it. */
export function LeaseCard(props: ILeaseCard): React.ReactElement {
  const { lease, now, trans } = props;
  const stage = stageOf(lease);
  const said = explain(lease, now, trans);
  return (
    <article className="wb-Card" data-tone={TONES[stage]} data-simulated={lease.simulated} data-stage={stage}>
      <header className="wb-Card-head">
        <span className="wb-Card-shape" aria-hidden="true">
          {SHAPES[stage]}
        </span>
        <h3 className="wb-Card-title">{lease.holder}</h3>
        <span className="wb-Card-stage">{stageWord(stage, trans)}</span>
      </header>
      <p className="wb-Card-line">{line(props, stage)}</p>
      {said !== '' && (
        <p className="wb-Card-said" aria-live={stage === 'notice' ? 'assertive' : 'polite'}>
          {said}
        </p>
      )}
      {holds(stage) && <Meters {...props} />}
      <Acts {...props} stage={stage} />
    </article>
  );
}

function line({ lease, held, trans }: ILeaseCard, stage: Stage): string {
  const count = lease.count > 1 ? `${lease.count} × ` : '';
  const parts = [`${count}${title(lease, trans)}`];
  if (holds(stage)) {
    parts.push(trans.__('held for %1', clock(held)));
    if (lease.job?.node) {
      parts.push(trans.__('job %1 on %2', lease.job.id, lease.job.node));
    }
  } else if (lease.place !== null && lease.of !== null) {
    parts.push(place(lease.place, lease.of, trans));
  }
  return parts.join(' · ');
}

/** Use, memory and power of its GPU; on paper nothing is measured, and that is said. */
function Meters({ lease, counter, graphs, trans }: ILeaseCard): React.ReactElement | null {
  if (lease.simulated) {
    return <p className="wb-Card-none">{trans.__('This GPU is simulated: there is nothing to measure.')}</p>;
  }
  if (!counter || !graphs) {
    return null;
  }
  const rows: [string, string, readonly { at: number; value: number | null }[], number | null][] = [
    [trans.__('GPU use'), percent(counter.utilization), graphs.use.all, 100],
    [
      trans.__('GPU memory'),
      counter.memory_used === null ? '–' : trans.__('%1 of %2', bytes(counter.memory_used), bytes(counter.memory)),
      graphs.memory.all,
      counter.memory
    ],
    [trans.__('Power'), counter.watts === null ? '–' : `${Math.round(counter.watts)} W`, graphs.watts.all, null]
  ];
  return (
    <dl className="wb-Meters">
      {rows.map(([name, value, points, most]) => (
        <div className="wb-Meter" key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
          <dd className="wb-Meter-graph">
            <Sparkline points={points} most={most} seconds={GRAPH_S} label={`${name}: ${value}`} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function percent(value: number | null): string {
  return value === null ? '–' : `${value} %`;
}

function Acts({ lease, stage, here, trans, act, move }: ILeaseCard & { stage: Stage }): React.ReactElement {
  const attempt = useAttempt();
  const can = actsOf(lease, stage);
  const keep = trans.__('Keep');
  const to = (name: KernelAct) => (): void => attempt.run(() => act(name));
  // What comes and goes with the kernel's cells stands last: a button does not move away under a click.
  const buttons: [boolean, string, () => void][] = [
    [can.cpu && here, trans.__('Start on the CPU now'), to('cpu')],
    [can.cancel, trans.__('Stop waiting'), to('cancel')],
    [can.release, trans.__('Give back'), to('release')],
    [move !== undefined, trans.__('Switch to GPU…'), () => move?.()],
    [can.keep, keep, to('keep')]
  ];
  const shown = buttons.filter(([offered]) => offered);
  return (
    <>
      {shown.length > 0 && (
        <div className="wb-Card-acts">
          {shown.map(([, label, run]) => (
            <button
              key={label}
              type="button"
              className={label === keep && stage === 'notice' ? 'wb-Button wb-mod-primary' : 'wb-Button'}
              disabled={attempt.busy}
              aria-label={`${label}: ${lease.holder}`}
              onClick={run}
            >
              {label}
            </button>
          ))}
        </div>
      )}
      <Attempt attempt={attempt} />
    </>
  );
}
