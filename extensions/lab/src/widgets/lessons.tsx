import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ILesson, LessonAct } from '../api';
import { isDone, type Lessons } from '../model/lessons';
import { Attempt, useAttempt } from './attempt';
import { LiveWidget } from './live';

const SEARCH_FROM = 4;
const NAMES: Record<string, string> = { en: 'English', nl: 'Nederlands' };

/** What the panel cannot do by itself. */
export interface ILessonActs {
  /** Show a notebook, at the cell where it was left. */
  show(path: string, cell?: number): Promise<void>;
  /** Whether the learner wants to begin again; asked only where they have changed something. */
  mayReset(title: string): Promise<boolean>;
  /** Something worth a moment's attention. */
  tell(words: string): void;
}

/** The catalogue by track: what each lesson takes, how far one is, and the way in. */
export class LessonsPanel extends LiveWidget {
  constructor(
    private readonly lessons: Lessons,
    private readonly acts: ILessonActs,
    private readonly trans: TranslationBundle
  ) {
    super(lessons.changed);
    this.addClass('wb-Panel');
    this.node.tabIndex = -1;
  }

  protected override onAfterShow(): void {
    void this.lessons.refresh();
  }

  protected override render(): React.ReactElement {
    return <Catalogue lessons={this.lessons} acts={this.acts} trans={this.trans} />;
  }
}

interface ICatalogue {
  lessons: Lessons;
  acts: ILessonActs;
  trans: TranslationBundle;
}

function Catalogue({ lessons, acts, trans }: ICatalogue): React.ReactElement {
  const [words, setWords] = React.useState('');
  const tracks = lessons.tracks(words);
  const nothing = words === '' ? trans.__('There are no lessons here yet.') : trans.__('No lesson has these words.');
  return (
    <div className="wb-Compute">
      <Languages lessons={lessons} trans={trans} />
      {lessons.all.length >= SEARCH_FROM && (
        <input
          type="search"
          className="wb-Search"
          value={words}
          placeholder={trans.__('Search lessons')}
          aria-label={trans.__('Search lessons')}
          onChange={event => setWords(event.target.value)}
        />
      )}
      <Troubles lessons={lessons} trans={trans} />
      <Continue lessons={lessons} acts={acts} trans={trans} />
      {tracks.length === 0 && lessons.failure === '' && <p className="wb-Empty">{nothing}</p>}
      {tracks.map(([track, found]) => (
        <section className="wb-Section" key={track} aria-label={trackName(track, trans)}>
          <h2>{trackName(track, trans)}</h2>
          {found.map(lesson => (
            <Lesson key={lesson.id} lesson={lesson} lessons={lessons} acts={acts} trans={trans} />
          ))}
        </section>
      ))}
    </div>
  );
}

/** The tracks of our own catalogue by name; one that a site added by its id. */
function trackName(track: string, trans: TranslationBundle): string {
  const names: Record<string, string> = {
    'start-here': trans.__('Start here'),
    'scale-out': trans.__('Scale out'),
    'ai-talent': trans.__('AI talent'),
    ained: 'AiNed',
    'health-ri': 'Health-RI',
    responsible: trans.__('Responsible AI'),
    trainer: trans.__('For trainers')
  };
  return names[track] ?? track.replace(/-/g, ' ');
}

function Troubles({ lessons, trans }: Omit<ICatalogue, 'acts'>): React.ReactElement {
  const { failure, problems } = lessons;
  const unshown = trans._n(
    'One lesson cannot be shown: %2',
    '%1 lessons cannot be shown: %2',
    problems.length,
    problems.join('; ')
  );
  const said = [failure, problems.length > 0 ? unshown : ''].filter(Boolean);
  return (
    <>
      {said.map(words => (
        <p className="wb-Link" role="status" key={words}>
          {words}
        </p>
      ))}
    </>
  );
}

function Languages({ lessons, trans }: Omit<ICatalogue, 'acts'>): React.ReactElement | null {
  const found = [...new Set(lessons.all.flatMap(lesson => Object.keys(lesson.notebooks)))].sort();
  if (found.length < 2) {
    return null;
  }
  return (
    <div className="wb-Languages" role="group" aria-label={trans.__('Language of the lessons')}>
      {found.map(language => (
        <button
          key={language}
          type="button"
          lang={language}
          className="wb-Button"
          aria-pressed={language === lessons.language}
          onClick={() => lessons.speak(language)}
        >
          {NAMES[language] ?? language}
        </button>
      ))}
    </div>
  );
}

/** The way back to where one was; once a lesson is done, the way on to the next. */
function Continue({ lessons, acts, trans }: ICatalogue): React.ReactElement | null {
  const attempt = useAttempt();
  const place = lessons.place;
  const lesson = place && lessons.ofPath(place.path);
  if (!place || !lesson) {
    return null;
  }
  const next = isDone(lesson) ? lessons.following(lesson) : undefined;
  const name = (one: ILesson): string => one.title[lessons.language] ?? one.id;
  const words = next ? trans.__('Next lesson: %1', name(next)) : trans.__('Continue: %1', name(lesson));
  const go = async (): Promise<void> =>
    next ? acts.show((await lessons.act(next, 'open')).path) : acts.show(place.path, place.cell);
  return (
    <div className="wb-Continue">
      <button
        type="button"
        className="wb-Button wb-mod-primary"
        disabled={attempt.busy}
        onClick={() => attempt.run(go)}
      >
        {words}
      </button>
      <Attempt attempt={attempt} />
    </div>
  );
}

function Lesson({ lesson, lessons, acts, trans }: ICatalogue & { lesson: ILesson }): React.ReactElement {
  const attempt = useAttempt();
  const language = lessons.languageOf(lesson);
  const notebook = lesson.notebooks[language];
  const title = lesson.title[language] ?? lesson.id;
  const isEdited = notebook?.state === 'edited';
  const run = async (act: LessonAct): Promise<void> => {
    if (act === 'reset' && !(await acts.mayReset(title))) {
      return;
    }
    const { path, kept } = await lessons.act(lesson, act);
    await acts.show(path);
    if (kept) {
      acts.tell(trans.__('Your version is kept as %1.', kept));
    }
  };
  const buttons: [boolean, LessonAct, string][] = [
    [true, 'open', trans.__('Open')],
    [isEdited, 'fresh', trans.__('Fresh copy')],
    [isEdited, 'reset', trans.__('Reset')]
  ];
  return (
    <article className="wb-Card" data-tone={lesson.exercises.every(one => one.passed) ? 'free' : 'accent'}>
      <h3 className="wb-Card-title wb-mod-whole" lang={language}>
        {title}
      </h3>
      <p className="wb-Card-line">{needs(lesson, trans)}</p>
      {lesson.missing !== undefined && lesson.missing.length > 0 && (
        <p className="wb-Card-said" role="note">
          {trans.__('Needs %1, which this profile does not have: choose another profile for this lesson.', lesson.missing.join(', '))}
        </p>
      )}
      <Exercises lesson={lesson} trans={trans} />
      {notebook?.newer === true && (
        <p className="wb-Card-said">
          {trans.__('A newer version came. Yours is as you left it; the new one lies beside it.')}
        </p>
      )}
      <div className="wb-Card-acts">
        {buttons.map(([offered, act, label]) =>
          offered ? (
            <button
              key={act}
              type="button"
              className="wb-Button"
              aria-label={`${label}: ${title}`}
              disabled={attempt.busy}
              onClick={() => attempt.run(() => run(act))}
            >
              {label}
            </button>
          ) : null
        )}
      </div>
      <Attempt attempt={attempt} />
    </article>
  );
}

function needs(lesson: ILesson, trans: TranslationBundle): string {
  const levels: Record<string, string> = {
    beginner: trans.__('beginner'),
    intermediate: trans.__('intermediate'),
    advanced: trans.__('advanced')
  };
  const memory = lesson.resources?.memory_gb;
  return [
    trans.__('%1 min', lesson.minutes.read + lesson.minutes.exercises),
    levels[lesson.level] ?? lesson.level,
    memory === undefined ? '' : `${memory} GB`,
    lesson.resources?.gpu === 'optional' ? trans.__('GPU welcome') : ''
  ]
    .filter(Boolean)
    .join(' · ');
}

interface IExercises {
  lesson: Pick<ILesson, 'exercises'>;
  trans: TranslationBundle;
}

export function Exercises({ lesson, trans }: IExercises): React.ReactElement {
  const done = lesson.exercises.filter(one => one.passed).length;
  return (
    <p className="wb-Exercises">
      {lesson.exercises.map(one => (
        <span key={one.id} data-passed={one.passed} aria-hidden="true">
          {one.passed ? '✔' : '○'}
        </span>
      ))}{' '}
      {trans.__('%1 of %2 exercises passed', done, lesson.exercises.length)}
    </p>
  );
}
