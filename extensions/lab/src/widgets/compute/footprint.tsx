import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { facts, type IFact, scope } from '../../model/footprint';
import { factorsOf } from '../../model/parts';
import type { IWerkbank } from '../../model/werkbank';
import { Section } from './section';

interface IFootprintProps {
  model: IWerkbank;
  trans: TranslationBundle;
}

/** What the GPUs of this page cost since it was opened. What nobody measured or reported is not zero. */
export function Footprint({ model, trans }: IFootprintProps): React.ReactElement | null {
  const { me, counters } = model.parts;
  if (!me) {
    return null;
  }
  const factors = factorsOf(me);
  const rows = facts(model.joules, factors, document.documentElement.lang || 'en', trans);
  const silent = counters?.devices.some(device => !device.simulated && device.energy_mj === null);
  return (
    <Section name={trans.__('Footprint of your GPUs since this page was opened')}>
      <dl className="wb-Facts">
        {rows.map(({ name, amount, made, origin }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd title={origin || undefined}>
              {amount} {made !== '' && <span>{made}</span>}
            </dd>
          </div>
        ))}
      </dl>
      <p className="wb-Note">{scope(factors, trans)}</p>
      {silent && model.joules !== null && (
        <p className="wb-Note">{trans.__('Some of your GPUs are not measured: the real numbers are higher.')}</p>
      )}
      <Origins facts={rows.filter(row => row.origin !== '')} trans={trans} />
    </Section>
  );
}

/** For those who cannot hover, too. */
function Origins({ facts, trans }: { facts: IFact[]; trans: TranslationBundle }): React.ReactElement | null {
  if (facts.length === 0) {
    return null;
  }
  return (
    <details className="wb-Note">
      <summary>{trans.__('Where the figures come from')}</summary>
      <ul>
        {facts.map(({ name, origin }) => (
          <li key={name}>
            <strong>{name}</strong> {origin}
          </li>
        ))}
      </ul>
    </details>
  );
}
