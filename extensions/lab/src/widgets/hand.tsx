import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { handIcon } from '../icons';
import type { Classroom } from '../model/classroom';
import { inLine, timeLeft } from '../model/sentences';
import { LiveWidget } from './live';

/** `Workshop · raise hand`, `Workshop · 2nd in line`; nothing outside a workshop. */
export class HandItem extends LiveWidget {
  /** `isSaid`: whether the place is said elsewhere already, for who listens to the page. */
  constructor(
    private readonly classroom: Classroom,
    private readonly keys: string,
    private readonly trans: TranslationBundle,
    private readonly press: () => void,
    private readonly isSaid: () => boolean
  ) {
    super(classroom.changed);
    this.addClass('wb-Status');
  }

  protected override runs(): boolean {
    return this.classroom.current !== undefined;
  }

  protected override render(): React.ReactElement | null {
    const { classroom, trans, keys } = this;
    const workshop = classroom.current;
    if (!workshop) {
      return null;
    }
    const { hand, title } = workshop;
    const isShown = classroom.shownIn(workshop) !== null;
    const hint = [title, timeLeft(workshop, classroom.now, trans), keys].join(' · ');
    return (
      <button
        type="button"
        className="wb-Status-button wb-Status-hand"
        data-tone={hand || isShown ? 'wait' : 'accent'}
        title={hint}
        onClick={this.press}
      >
        <handIcon.react tag="span" className="wb-Hand-icon" />
        <span className="wb-Status-text" aria-live={this.isSaid() ? 'off' : 'polite'}>
          {isShown && `${trans.__('Notebook shown')} · `}
          {hand ? trans.__('Workshop · %1', inLine(hand.place, trans)) : trans.__('Workshop · raise hand')}
        </span>
      </button>
    );
  }
}
