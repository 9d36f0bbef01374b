/** The lessons there are, how far the learner is, and what can be done with each. */

import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { ILesson, ILessonDone, ILessonsApi, LessonAct } from '../api';

/** Where a learner was in a lesson. */
export interface IPlace {
  path: string;
  /** Number of the active cell. */
  cell: number;
}

const TRACKS = ['start-here', 'scale-out', 'ai-talent', 'ained', 'health-ri', 'responsible', 'trainer'];

export class Lessons implements IDisposable {
  all: readonly ILesson[] = [];
  problems: readonly string[] = [];
  /** Why nothing could be asked; empty while all is well. */
  failure = '';
  place: IPlace | undefined;

  private readonly _changed = new Signal<this, void>(this);
  private _isDisposed = false;

  constructor(
    private readonly api: ILessonsApi,
    public language: string
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  async refresh(): Promise<void> {
    try {
      const { lessons, problems } = await this.api.lessons();
      this.all = Array.isArray(lessons) ? lessons.filter(isLesson) : [];
      this.problems = Array.isArray(problems) ? problems : [];
      this.failure = '';
    } catch (problem) {
      this.failure = problem instanceof Error ? problem.message : String(problem);
    }
    this._changed.emit();
  }

  async act(lesson: ILesson, act: LessonAct): Promise<ILessonDone> {
    const done = await this.api.onLesson(lesson.id, this.languageOf(lesson), act);
    await this.refresh();
    return done;
  }

  speak(language: string): void {
    this.language = language;
    this._changed.emit();
  }

  remember(place: IPlace): void {
    if (place.path !== this.place?.path || place.cell !== this.place.cell) {
      this.place = place;
      this._changed.emit();
    }
  }

  /** The wanted language where the lesson has it, else one that it has. */
  languageOf(lesson: ILesson): string {
    return this.language in lesson.notebooks ? this.language : (Object.keys(lesson.notebooks)[0] ?? this.language);
  }

  /** The lesson that a notebook is, whichever language or copy. */
  ofPath(path: string): ILesson | undefined {
    return this.all.find(lesson =>
      Object.values(lesson.notebooks).some(notebook => path.startsWith(notebook.path.replace(/\.ipynb$/, '.')))
    );
  }

  /** The lesson to go on with after one that is done: the first that its authors name and the learner has not done. */
  following(done: ILesson): ILesson | undefined {
    const named = (done.next ?? []).map(id => this.all.find(lesson => lesson.id === id));
    return named.find(lesson => lesson && !isDone(lesson));
  }

  /** Tracks as they build upon each other, with the lessons that have all of the words; others follow as they come. */
  tracks(words: string): [string, ILesson[]][] {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const found = new Map<string, ILesson[]>();
    for (const lesson of this.all) {
      const text = [lesson.id, lesson.track, lesson.level, ...Object.values(lesson.title)].join(' ').toLowerCase();
      if (wanted.every(word => text.includes(word))) {
        found.set(lesson.track, [...(found.get(lesson.track) ?? []), lesson]);
      }
    }
    const place = (track: string): number => (TRACKS.includes(track) ? TRACKS.indexOf(track) : TRACKS.length);
    return [...found].sort(([one], [other]) => place(one) - place(other));
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      Signal.clearData(this);
    }
  }
}

export function isDone(lesson: ILesson): boolean {
  return lesson.exercises.length > 0 && lesson.exercises.every(one => one.passed);
}

function isLesson(value: unknown): value is ILesson {
  const lesson = value as Partial<ILesson> | null;
  return (
    typeof lesson?.id === 'string' &&
    typeof lesson.track === 'string' &&
    typeof lesson.title === 'object' &&
    typeof lesson.minutes === 'object' &&
    Array.isArray(lesson.exercises) &&
    typeof lesson.notebooks === 'object'
  );
}
