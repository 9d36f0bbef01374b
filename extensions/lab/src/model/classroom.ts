/** The workshops that are on and in which I learn, and what I can do in them. */

import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { ICopy, IMessage, ITried, IWorkshop, IWorkshopsApi } from '../api';
import type { Told } from './told';
import type { IWerkbank } from './werkbank';

/** Something that is said once. */
export type News =
  | { kind: 'came'; workshop: IWorkshop }
  | { kind: 'said'; workshop: IWorkshop; message: IMessage }
  | { kind: 'unsaid' }
  | { kind: 'lowered'; workshop: IWorkshop }
  | { kind: 'asked'; workshop: IWorkshop }
  | { kind: 'answered' }
  | { kind: 'copied'; workshop: IWorkshop; copy: ICopy };

export class Classroom implements IDisposable {
  private readonly _changed = new Signal<this, void>(this);
  private readonly _news = new Signal<this, News>(this);
  private workshops: readonly IWorkshop[] = [];
  private seen: unknown;
  private message = 0;
  private front: string | null = null;
  private notebookInFront: string | null = null;
  private toldFront: string | null | undefined;
  private _isDisposed = false;

  constructor(
    private readonly model: IWerkbank,
    private readonly api: IWorkshopsApi,
    private readonly told: Told
  ) {}

  /** Nothing is known before: what is news is told once, and somebody should be there to hear it. */
  begin(): void {
    this.model.changed.connect(this.onChange, this);
    this.onChange();
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get news(): ISignal<this, News> {
    return this._news;
  }

  get all(): readonly IWorkshop[] {
    return this.workshops;
  }

  /** The one that buttons without a name are about: one that has begun, else one that will soon. */
  get current(): IWorkshop | undefined {
    return this.workshops.find(one => one.state === 'live') ?? this.workshops[0];
  }

  get exercises(): Readonly<Record<string, ITried>> {
    return this.model.parts.exercises ?? {};
  }

  /** The broker's clock, Unix seconds. */
  get now(): number {
    return Date.now() / 1000 + this.model.skew;
  }

  /** The lesson of the notebook in front. */
  get lesson(): string | null {
    return this.front;
  }

  /** The exercise of that lesson which was tried last. */
  get exercise(): string | null {
    const tried = Object.entries(this.exercises).filter(([id]) => id.split('-')[0] === this.front);
    return tried.sort(([, one], [, other]) => other.last - one.last)[0]?.[0] ?? null;
  }

  /** The notebook in front; null for none. */
  get notebook(): string | null {
    return this.notebookInFront;
  }

  /** The notebook that the trainers of a workshop can look at now; null for none. */
  shownIn(workshop: IWorkshop): string | null {
    const { shown } = this.model.parts;
    return shown?.workshop === workshop.id ? shown.path : null;
  }

  look(lesson: string | null, notebook: string | null = null): void {
    if (lesson !== this.front || notebook !== this.notebookInFront) {
      this.front = lesson;
      this.notebookInFront = notebook;
      this._changed.emit();
    }
    this.tellFront();
  }

  raise(workshop: IWorkshop): Promise<void> {
    return this.api.raiseHand(workshop.id, this.exercise);
  }

  /** What was done here is no news. */
  async lower(workshop: IWorkshop): Promise<void> {
    const hand = handOf(workshop);
    this.told.isNew(hand, workshop.hand?.since ?? 0);
    try {
      await this.api.lowerHand(workshop.id);
    } catch (refusal) {
      this.told.forget(hand);
      throw refusal;
    }
  }

  showName(workshop: IWorkshop, shown: boolean): Promise<void> {
    return this.api.showName(workshop.id, shown);
  }

  /** Null: show none any more, or not now. */
  showNotebook(workshop: IWorkshop, path: string | null): Promise<void> {
    return this.api.showNotebook(workshop.id, path);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.model.changed.disconnect(this.onChange, this);
      Signal.clearData(this);
    }
  }

  private onChange(): void {
    const { workshops, exercises, copies, shown } = this.model.parts;
    const now = JSON.stringify([workshops, exercises, copies, shown]);
    if (now === this.seen) {
      return;
    }
    this.seen = now;
    const before = this.workshops;
    this.workshops = workshops?.workshops ?? [];
    this._changed.emit();
    this.tellFront();
    for (const workshop of this.workshops) {
      this.tell(workshop, before.find(one => one.id === workshop.id));
    }
    this.tellUnsaid();
  }

  private tell(workshop: IWorkshop, before: IWorkshop | undefined): void {
    const { id, message } = workshop;
    if (this.told.isNew(`came:${id}`, workshop.starts)) {
      this._news.emit({ kind: 'came', workshop });
    }
    if (message && this.told.isNew(`said:${id}`, message.number)) {
      this._news.emit({ kind: 'said', workshop, message });
    }
    if (before?.hand && !workshop.hand && this.told.isNew(handOf(workshop), before.hand.since)) {
      this._news.emit({ kind: 'lowered', workshop });
    }
    if (workshop.asked && this.told.isNew(`asked:${id}`, workshop.asked)) {
      this._news.emit({ kind: 'asked', workshop });
    }
    if (before?.asked && !workshop.asked) {
      this._news.emit({ kind: 'answered' });
    }
    const copy = this.model.parts.copies?.[id];
    if (copy && copy.path !== '' && this.told.isNew(`copied:${id}`, copy.number)) {
      this._news.emit({ kind: 'copied', workshop, copy });
    }
  }

  /** A message that was taken back, or whose workshop is over, is not left standing. */
  private tellUnsaid(): void {
    const message = this.current?.message?.number ?? 0;
    if (this.message > 0 && message === 0) {
      this._news.emit({ kind: 'unsaid' });
    }
    this.message = message;
  }

  /** While a workshop is on, the seat knows which lesson is in front; where it cannot be told, it is with the next. */
  private tellFront(): void {
    if (this.workshops.length > 0 && this.front !== this.toldFront) {
      const lesson = this.front;
      this.toldFront = lesson;
      this.api.lookAt(lesson).catch(() => {
        this.toldFront = undefined;
      });
    }
  }
}

function handOf({ id }: IWorkshop): string {
  return `hand:${id}`;
}
