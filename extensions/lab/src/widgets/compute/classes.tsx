import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IGpuClass } from '../../api';
import { outlook, title } from '../../model/sentences';
import { Section } from './section';

export function Classes({ classes, trans }: { classes: IGpuClass[]; trans: TranslationBundle }): React.ReactElement {
  return (
    <Section name={trans.__('GPUs of this workbench')}>
      <ul className="wb-Rows">
        {classes.map(gpuClass => (
          <li key={gpuClass.name} data-simulated={gpuClass.simulated}>
            <strong>{title(gpuClass, trans)}</strong>
            <Squares gpuClass={gpuClass} />
            <span>{outlook(gpuClass, trans)}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** A square per GPU, filled where it is held; of many, the share that is held. */
function Squares({ gpuClass }: { gpuClass: IGpuClass }): React.ReactElement | null {
  const { total, held, out_of_service: out } = gpuClass;
  if (!gpuClass.known || total === 0) {
    return null;
  }
  const most = 32;
  const unit = Math.max(1, total / most);
  const kinds = [
    ...Array<string>(Math.round(held / unit)).fill('held'),
    ...Array<string>(Math.round(out / unit)).fill('out')
  ];
  const squares = Array.from({ length: Math.min(total, most) }, (_, number) => kinds[number] ?? 'free');
  return (
    <span className="wb-Squares" aria-hidden="true">
      {squares.map((kind, number) => (
        <i key={number} data-kind={kind} />
      ))}
    </span>
  );
}
