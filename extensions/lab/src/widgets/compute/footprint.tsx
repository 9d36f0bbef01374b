import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IWerkbank } from '../../model/werkbank';
import { Section } from './section';

/** What the GPUs of this page took since it was opened. What nobody measured is not zero. */
export function Footprint({ model, trans }: { model: IWerkbank; trans: TranslationBundle }): React.ReactElement {
  const joules = model.joules;
  const notReported = trans.__('not reported');
  const rows: [string, string][] = [
    [trans.__('Energy'), joules === null ? trans.__('not measured') : kilowattHours(joules)],
    ['CO₂e', notReported],
    [trans.__('Water'), notReported]
  ];
  return (
    <Section name={trans.__('Footprint of your GPUs since this page was opened')}>
      <dl className="wb-Facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

function kilowattHours(joules: number): string {
  return `${(joules / 3.6e6).toFixed(joules < 3.6e5 ? 4 : 2)} kWh`;
}
