import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { bytes } from '../../model/sentences';
import { GRAPH_S, type IWerkbank } from '../../model/werkbank';
import { Sparkline } from '../sparkline';
import { Section } from './section';

export function Seat({ model, trans }: { model: IWerkbank; trans: TranslationBundle }): React.ReactElement | null {
  const seat = model.parts.seat;
  if (!seat) {
    return null;
  }
  const cores = seat.cpu === null ? '–' : seat.cpu.toFixed(1);
  const cpu = seat.cpu_limit === null ? trans.__('%1 cores', cores) : trans.__('%1 of %2 cores', cores, seat.cpu_limit);
  const memory =
    seat.memory_limit === null
      ? bytes(seat.memory)
      : trans.__('%1 of %2', bytes(seat.memory), bytes(seat.memory_limit));
  return (
    <Section name={trans.__('This server')}>
      <dl className="wb-Meters">
        <div className="wb-Meter">
          <dt>{trans.__('CPU')}</dt>
          <dd>{cpu}</dd>
          <dd className="wb-Meter-graph">
            <Sparkline points={model.cpu.all} most={seat.cpu_limit} seconds={GRAPH_S} label={cpu} />
          </dd>
        </div>
        <div className="wb-Meter">
          <dt>{trans.__('Memory')}</dt>
          <dd>{memory}</dd>
          <dd className="wb-Meter-graph">
            <Sparkline points={model.memory.all} most={seat.memory_limit} seconds={GRAPH_S} label={memory} />
          </dd>
        </div>
      </dl>
    </Section>
  );
}
