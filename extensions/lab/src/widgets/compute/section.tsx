import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IWerkbank } from '../../model/werkbank';

/** What a part of the panel is drawn from. */
export interface ICompute {
  model: IWerkbank;
  trans: TranslationBundle;
  /** The broker's clock, Unix seconds. */
  now: number;
}

/** How a kernel gets another GPU; undefined where there is none to get. */
export type Mover = (kernel: string) => (() => void) | undefined;

/** A part of the panel under its heading. */
export function Section({ name, children }: React.PropsWithChildren<{ name: string }>): React.ReactElement {
  const id = React.useId();
  return (
    <section className="wb-Section" aria-labelledby={id}>
      <h2 id={id}>{name}</h2>
      {children}
    </section>
  );
}
