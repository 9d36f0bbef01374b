import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IExercise, ITried, IWorkshop } from '../api';
import { handIcon } from '../icons';
import type { Classroom } from '../model/classroom';
import { clockTime, inLine, timeLeft } from '../model/sentences';
import type { ILessonService } from '../tokens';
import { Attempt, useAttempt } from './attempt';
import { Section } from './compute/section';
import { Exercises } from './lessons';
import { Shown } from './shown';
import { LiveWidget } from './live';

/** What the panel is drawn from. */
export interface IWorkshopSources {
  classroom: Classroom;
  /** Null where that plugin is switched off. */
  lessons: ILessonService | null;
  /** The keys that raise and lower the hand, as people read them. */
  keys: string;
  trans: TranslationBundle;
}

/** The workshop from a learner's side: time, the trainer's word, my hand, the lessons, and what the trainer sees. */
export class WorkshopPanel extends LiveWidget {
  constructor(private readonly sources: IWorkshopSources) {
    super(sources.classroom.changed, ...(sources.lessons ? [sources.lessons.model.changed] : []));
    this.addClass('wb-Panel');
    this.node.tabIndex = -1;
  }

  protected override runs(): boolean {
    return this.sources.classroom.all.length > 0;
  }

  protected override render(): React.ReactElement {
    return (
      <div className="wb-Compute">
        {this.sources.classroom.all.map(workshop => (
          <Workshop key={workshop.id} {...this.sources} workshop={workshop} />
        ))}
      </div>
    );
  }
}

type IProps = IWorkshopSources & { workshop: IWorkshop };

function Workshop(props: IProps): React.ReactElement {
  const { workshop, classroom, trans } = props;
  return (
    <>
      <header className="wb-Workshop-head">
        <h2>{workshop.title}</h2>
        <p className="wb-Card-line">{timeLeft(workshop, classroom.now, trans)}</p>
      </header>
      <Message {...props} />
      <Hand {...props} />
      {workshop.gpus_paused && (
        <p className="wb-Link" role="status">
          {trans.__('The trainer has lent the GPUs of this workshop out for now: a new one may take longer.')}
        </p>
      )}
      <Lessons {...props} />
      <Shown {...props} />
      <Seen {...props} />
    </>
  );
}

function Message({ workshop, trans }: IProps): React.ReactElement {
  const { message } = workshop;
  return (
    <div aria-live="polite">
      {message && (
        <article className="wb-Card" data-tone="accent">
          <p className="wb-Workshop-said">{message.text}</p>
          <p className="wb-Card-line">{trans.__('%1 to everybody, %2', message.by, clockTime(message.at))}</p>
        </article>
      )}
    </div>
  );
}

function Hand({ workshop, classroom, keys, trans }: IProps): React.ReactElement {
  const attempt = useAttempt();
  const { hand } = workshop;
  const exercise = hand ? hand.exercise : classroom.exercise;
  const act = (): Promise<void> => (hand ? classroom.lower(workshop) : classroom.raise(workshop));
  return (
    <section className="wb-Card wb-Hand" data-tone={hand ? 'wait' : 'muted'} aria-label={trans.__('Your hand')}>
      <p aria-live="polite">
        <handIcon.react tag="span" className="wb-Hand-icon" />
        <strong>{hand ? inLine(hand.place, trans) : trans.__('Stuck, or a question?')}</strong>
        {exercise !== null && <span className="wb-Card-line">{trans.__('Exercise %1', exercise)}</span>}
      </p>
      <div className="wb-Card-acts">
        <button
          type="button"
          className={`wb-Button${hand ? '' : ' wb-mod-primary'}`}
          aria-keyshortcuts={keys}
          disabled={attempt.busy}
          onClick={() => attempt.run(act)}
        >
          {hand ? trans.__('Lower hand') : trans.__('Raise hand')}
        </button>
        <kbd className="wb-Card-line">{keys}</kbd>
      </div>
      <Attempt attempt={attempt} />
    </section>
  );
}

function Lessons({ workshop, classroom, lessons, trans }: IProps): React.ReactElement {
  return (
    <Section name={trans.__('Lessons')}>
      <ol className="wb-Rows">
        {workshop.lessons.map(id => (
          <Lesson key={id} id={id} classroom={classroom} lessons={lessons} trans={trans} />
        ))}
      </ol>
    </Section>
  );
}

function Lesson({ id, classroom, lessons, trans }: Omit<IWorkshopSources, 'keys'> & { id: string }): React.ReactElement {
  const attempt = useAttempt();
  const lesson = lessons?.model.all.find(one => one.id === id);
  if (!lessons || !lesson) {
    return <li>{id}</li>;
  }
  const { model, acts } = lessons;
  const language = model.languageOf(lesson);
  const title = lesson.title[language] ?? id;
  const isHere = classroom.lesson === id;
  const open = async (): Promise<void> => acts.show((await model.act(lesson, 'open')).path);
  return (
    <li aria-current={isHere ? 'true' : undefined}>
      <button
        type="button"
        className="wb-Workshop-lesson"
        lang={language}
        disabled={attempt.busy}
        onClick={() => attempt.run(open)}
      >
        {title}
      </button>
      <Exercises lesson={{ exercises: counted(lesson.exercises, classroom.exercises) }} trans={trans} />
      <Attempt attempt={attempt} />
    </li>
  );
}

/** The seat hears of an exercise that is passed before the list of lessons is asked for again. */
function counted(exercises: IExercise[], tried: Readonly<Record<string, ITried>>): IExercise[] {
  return exercises.map(one => ({ ...one, passed: one.passed || typeof tried[one.id]?.passed === 'number' }));
}

/** What the trainer sees, in so many words, and the choice that there is. */
function Seen({ workshop, classroom, trans }: IProps): React.ReactElement {
  const attempt = useAttempt();
  const [wanted, setWanted] = React.useState(false);
  const { shows_name, number } = workshop;
  return (
    <Section name={trans.__('What the trainer sees')}>
      <p>
        {shows_name ? trans.__('The trainer sees your name.') : trans.__('The trainer sees you as learner %1.', number)}
      </p>
      <label className="wb-Switch">
        <input
          type="checkbox"
          role="switch"
          checked={attempt.busy ? wanted : shows_name}
          disabled={attempt.busy}
          onChange={event => {
            const shown = event.target.checked;
            setWanted(shown);
            attempt.run(() => classroom.showName(workshop, shown));
          }}
        />
        {trans.__('Show my name')}
      </label>
      <Attempt attempt={attempt} />
      <p className="wb-Note">
        {trans.__('Besides that: which exercises you tried and passed, which lesson is open, and whether a cell runs. Never what you write, unless you show a notebook.')}
      </p>
    </Section>
  );
}
