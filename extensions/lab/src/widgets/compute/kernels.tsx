import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IPlainKernel } from '../../model/kernels';
import { type Mover, Section } from './section';

interface IProps {
  kernels: IPlainKernel[];
  mover: Mover;
  trans: TranslationBundle;
}

/** My kernels that run on the CPU, and the way to a GPU. */
export function PlainKernels({ kernels, mover, trans }: IProps): React.ReactElement | null {
  if (kernels.length === 0) {
    return null;
  }
  return (
    <Section name={trans.__('On the CPU')}>
      <ul className="wb-Rows">
        {kernels.map(({ id, holder, title, busy }) => {
          const move = mover(id);
          return (
            <li key={id}>
              <strong>{holder}</strong>
              <span>{[title, busy ? trans.__('busy') : trans.__('idle')].join(' · ')}</span>
              {move && (
                <div className="wb-Card-acts">
                  <button
                    type="button"
                    className="wb-Button"
                    aria-label={`${trans.__('Switch to GPU…')}: ${holder}`}
                    onClick={move}
                  >
                    {trans.__('Switch to GPU…')}
                  </button>
                </div>
              )}
            </li>
          );
        })}
      </ul>
    </Section>
  );
}
