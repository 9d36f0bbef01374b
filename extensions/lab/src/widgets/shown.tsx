import { PathExt } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IWorkshop } from '../api';
import type { Classroom } from '../model/classroom';
import { clockTime } from '../model/sentences';
import { Attempt, useAttempt } from './attempt';
import { Section } from './compute/section';

interface IShownProps {
  workshop: IWorkshop;
  classroom: Classroom;
  trans: TranslationBundle;
}

/** A notebook that the trainers may look at: what it means first, then the choice; and while it is so, the way back. */
export function Shown(props: IShownProps): React.ReactElement {
  const { workshop, classroom, trans } = props;
  const path = classroom.shownIn(workshop);
  return (
    <Section name={trans.__('Show a notebook')}>
      {path === null ? <Offer {...props} /> : <Showing {...props} path={path} />}
    </Section>
  );
}

function Offer({ workshop, classroom, trans }: IShownProps): React.ReactElement {
  const attempt = useAttempt();
  const [isWeighed, setWeighed] = React.useState(false);
  const { notebook } = classroom;
  const isAsked = Boolean(workshop.asked);
  const answer = (path: string | null): void => {
    setWeighed(false);
    attempt.run(() => classroom.showNotebook(workshop, path));
  };
  if (!isAsked && !isWeighed) {
    return (
      <>
        <button
          type="button"
          className="wb-Button"
          disabled={notebook === null || attempt.busy}
          onClick={() => setWeighed(true)}
        >
          {trans.__('Show the trainer this notebook …')}
        </button>
        {notebook === null && <p className="wb-Note">{trans.__('Open the notebook that you would like to show.')}</p>}
        <Attempt attempt={attempt} />
      </>
    );
  }
  return (
    <div className="wb-Card" data-tone="accent" role="group" aria-label={trans.__('Show a notebook')}>
      {isAsked && <strong role="status">{trans.__('The trainer asks to see your notebook.')}</strong>}
      {notebook === null ? (
        <p>{trans.__('Open the notebook that you would like to show.')}</p>
      ) : (
        <p>{trans.__('Whoever trains this workshop can then read %1: its cells and output, as you work. Until you stop, or the workshop ends. They cannot change or run anything.', PathExt.basename(notebook))}</p>
      )}
      <div className="wb-Card-acts">
        <button
          type="button"
          className="wb-Button wb-mod-primary"
          disabled={notebook === null || attempt.busy}
          onClick={() => answer(notebook)}
        >
          {trans.__('Show it')}
        </button>
        <button
          type="button"
          className="wb-Button"
          disabled={attempt.busy}
          onClick={() => (isAsked ? answer(null) : setWeighed(false))}
        >
          {trans.__('Not now')}
        </button>
      </div>
      <Attempt attempt={attempt} />
    </div>
  );
}

function Showing({ workshop, classroom, trans, path }: IShownProps & { path: string }): React.ReactElement {
  const attempt = useAttempt();
  const looked = workshop.shown?.looked;
  return (
    <div className="wb-Card" data-tone="wait">
      <p>
        <strong>{trans.__('The trainer can look at %1', PathExt.basename(path))}</strong>
      </p>
      <p className="wb-Card-line" aria-live="polite">
        {looked ? trans.__('Last opened at %1.', clockTime(looked)) : trans.__('Nobody has opened it yet.')}
      </p>
      <div className="wb-Card-acts">
        <button
          type="button"
          className="wb-Button wb-mod-primary"
          disabled={attempt.busy}
          onClick={() => attempt.run(() => classroom.showNotebook(workshop, null))}
        >
          {trans.__('Stop showing')}
        </button>
      </div>
      <Attempt attempt={attempt} />
    </div>
  );
}
