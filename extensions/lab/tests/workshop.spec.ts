import { Widget } from '@lumino/widgets';

import type { ICopy, IHand, ILesson, IMessage, ITried, IWorkshop, IWorkshopsApi } from '../src/api';
import { Classroom, type News } from '../src/model/classroom';
import { Lessons } from '../src/model/lessons';
import { inLine, timeLeft } from '../src/model/sentences';
import { Told } from '../src/model/told';
import { Werkbank } from '../src/model/werkbank';
import { HandItem } from '../src/widgets/hand';
import { WorkshopPanel } from '../src/widgets/workshop';
import { button, Events, NOW, ObedientApi, settled, shows, trans, until } from './support';

const MINUTE = 60;
const STARTS = Date.now() / 1000 - 10 * MINUTE;

function workshop(more: Partial<IWorkshop> = {}): IWorkshop {
  return {
    id: 'first-steps',
    title: 'First steps',
    state: 'live',
    starts: STARTS,
    ends: STARTS + 60 * MINUTE,
    lessons: ['D2'],
    number: 7,
    shows_name: false,
    hand: null,
    message: null,
    gpus_paused: false,
    ...more
  };
}

const hand = (more: Partial<IHand> = {}): IHand => ({ since: NOW, exercise: 'D2-2', place: 2, ...more });
const message = (number: number, text = 'Break until ten.'): IMessage => ({ number, text, at: NOW, by: 'trainer' });
const copy = (number: number): ICopy => ({ number, lesson: 'D2', path: `tutorials/D2/two.en.copy-${number}.ipynb` });
const tried = (last: number, passed: number | null = null): ITried => ({ tries: 1, last, passed });

const LESSON: ILesson = {
  id: 'D2',
  title: { en: 'Two futures' },
  track: 'scale-out',
  level: 'beginner',
  minutes: { read: 32, exercises: 18 },
  exercises: [
    { id: 'D2-1', minutes: 5, passed: false },
    { id: 'D2-2', minutes: 6, passed: false }
  ],
  notebooks: { en: { path: 'tutorials/D2/two.en.ipynb', state: 'untouched', newer: false } }
};

/** A seat that does as it is asked. */
class Seat implements IWorkshopsApi {
  readonly acts: unknown[] = [];
  refusal: Error | undefined;

  raiseHand(id: string, exercise: string | null): Promise<void> {
    return this.did(['raise', id, exercise]);
  }

  lowerHand(id: string): Promise<void> {
    return this.did(['lower', id]);
  }

  showName(id: string, shown: boolean): Promise<void> {
    return this.did(['name', id, shown]);
  }

  showNotebook(id: string, path: string | null): Promise<void> {
    return this.did(['show', id, path]);
  }

  lookAt(lesson: string | null): Promise<void> {
    return this.did(['look', lesson]);
  }

  private did(act: unknown): Promise<void> {
    this.acts.push(act);
    return this.refusal ? Promise.reject(this.refusal) : Promise.resolve();
  }
}

/** What a browser keeps for all its tabs. */
class Kept {
  readonly items = new Map<string, string>();
  readonly getItem = (key: string): string | null => this.items.get(key) ?? null;
  readonly setItem = (key: string, value: string): void => void this.items.set(key, value);
  readonly removeItem = (key: string): void => void this.items.delete(key);
}

let events: Events;
let model: Werkbank;
let seat: Seat;
let kept: Kept;
let classroom: Classroom;
let heard: News[];

function tab(): { room: Classroom; news: News[] } {
  const room = new Classroom(model, seat, new Told('here:', kept));
  const news: News[] = [];
  room.news.connect((_, one) => void news.push(one));
  room.begin();
  return { room, news };
}

beforeEach(async () => {
  [events, seat, kept] = [new Events(), new Seat(), new Kept()];
  model = new Werkbank(new ObedientApi(), events);
  await model.refresh();
  model.skew = 0;
  ({ room: classroom, news: heard } = tab());
});

afterEach(() => {
  classroom.dispose();
  model.dispose();
});

const on = (...workshops: IWorkshop[]): void => events.tell('workshops', { workshops });
const kinds = (news = heard): string[] => news.map(one => one.kind);

describe('what is news', () => {
  it('is told once: in one tab, and not again after a reload', () => {
    on(workshop({ message: message(1) }));
    expect(kinds()).toEqual(['came', 'said']);
    on(workshop({ message: message(1), number: 8 }));
    expect(kinds()).toHaveLength(2);
    const reloaded = tab();
    expect(reloaded.news).toEqual([]);
    on(workshop({ message: message(2, 'Go on.') }));
    expect([...kinds(), ...kinds(reloaded.news)].filter(kind => kind === 'said')).toHaveLength(2);
    reloaded.room.dispose();
  });

  it('is not lost when nothing can be kept', () => {
    const full = {
      getItem: () => null,
      removeItem: () => undefined,
      setItem: () => {
        throw new Error('full');
      }
    };
    const told = new Told('here:', full);
    expect([told.isNew('said', 1), told.isNew('said', 1), told.isNew('said', 2)]).toEqual([true, false, true]);
  });

  it('is that a message was taken back', () => {
    on(workshop({ message: message(1) }));
    on(workshop());
    expect(kinds()).toEqual(['came', 'said', 'unsaid']);
  });

  it('is a hand that the trainer lowers, and not one that I lower', async () => {
    on(workshop({ hand: hand() }));
    on(workshop());
    expect(kinds()).toEqual(['came', 'lowered']);
    const up = workshop({ hand: hand({ since: NOW + 5 }) });
    on(up);
    await classroom.lower(up);
    on(workshop());
    expect(kinds()).toEqual(['came', 'lowered']);
  });

  it('is a lowered hand also after mine could not be lowered', async () => {
    const up = workshop({ hand: hand() });
    on(up);
    seat.refusal = new Error('The workshop does not answer right now.');
    await expect(classroom.lower(up)).rejects.toThrow('does not answer');
    on(workshop());
    expect(kinds()).toEqual(['came', 'lowered']);
  });

  it('is each fresh copy that was made', () => {
    events.tell('copies', { 'first-steps': { number: 0, lesson: '', path: '' } });
    on(workshop());
    events.tell('copies', { 'first-steps': copy(1) });
    events.tell('copies', { 'first-steps': copy(1) });
    events.tell('copies', { 'first-steps': copy(2) });
    expect(heard.filter(one => one.kind === 'copied').map(one => one.copy.number)).toEqual([1, 2]);
  });

  it('is nothing of what the server tells in a way that cannot be read', () => {
    for (const strange of [{}, { workshops: [{}] }, { workshops: [{ ...workshop(), hand: 'up' }] }]) {
      events.tell('workshops', strange);
    }
    expect([heard, classroom.all]).toEqual([[], []]);
  });
});

describe('what is in front', () => {
  it('is told to the seat while a workshop is on, each change once', () => {
    classroom.look('D2');
    expect(seat.acts).toEqual([]);
    on(workshop());
    classroom.look('D2');
    on(workshop({ number: 8 }));
    classroom.look(null);
    expect(seat.acts).toEqual([
      ['look', 'D2'],
      ['look', null]
    ]);
  });

  it('goes with a raised hand: the exercise of the lesson in front that was tried last', async () => {
    events.tell('exercises', { 'D2-1': tried(NOW), 'D2-2': tried(NOW + 9), 'S1-1': tried(NOW + 99) });
    on(workshop());
    expect(classroom.exercise).toBeNull();
    classroom.look('D2');
    await classroom.raise(workshop());
    expect(seat.acts).toContainEqual(['raise', 'first-steps', 'D2-2']);
  });
});

describe('the panel', () => {
  let panel: WorkshopPanel;
  let opened: string[];

  beforeEach(async () => {
    opened = [];
    const server = {
      lessons: () => Promise.resolve({ lessons: [LESSON], problems: [] }),
      onLesson: () => Promise.resolve({ path: 'tutorials/D2/two.en.ipynb' })
    };
    const lessons = new Lessons(server, 'en');
    await lessons.refresh();
    const acts = {
      show: (path: string) => Promise.resolve(void opened.push(path)),
      mayReset: () => Promise.resolve(true),
      tell: () => undefined
    };
    panel = new WorkshopPanel({ classroom, lessons: { model: lessons, acts }, keys: 'Ctrl+Alt+H', trans });
    Widget.attach(panel, document.body);
  });

  afterEach(() => panel.dispose());

  it('is empty outside a workshop', async () => {
    on(workshop());
    await shows(panel, 'First steps');
    on();
    await until(() => panel.node.textContent === '');
  });

  it('counts the time down, and says as whom the trainer sees me', async () => {
    on(workshop());
    await shows(panel, '50 min left');
    await shows(panel, 'The trainer sees you as learner 7.');
  });

  it('raises my hand and says where it is in the line', async () => {
    on(workshop());
    await until(() => button(panel, 'Raise hand'));
    button(panel, 'Raise hand')!.click();
    await until(() => seat.acts.some(act => (act as unknown[])[0] === 'raise'));
    on(workshop({ hand: hand() }));
    await shows(panel, '2nd in line');
    await shows(panel, 'Exercise D2-2');
    button(panel, 'Lower hand')!.click();
    await until(() => seat.acts.some(act => (act as unknown[])[0] === 'lower'));
  });

  it('says why a hand could not be raised, beside the button', async () => {
    seat.refusal = new Error('The workshop does not answer right now.');
    on(workshop());
    await until(() => button(panel, 'Raise hand'));
    button(panel, 'Raise hand')!.click();
    await until(() => panel.node.querySelector('[role=alert]')?.textContent?.includes('does not answer'));
    await settled(() => button(panel, 'Raise hand'));
  });

  it('shows the word of the trainer as text, where those who listen hear it', async () => {
    on(workshop({ message: message(1, '<b>Break</b>') }));
    await shows(panel, '<b>Break</b>');
    const live = panel.node.querySelector('[aria-live=polite] .wb-Workshop-said');
    expect(live?.textContent).toBe('<b>Break</b>');
  });

  it('lets me show my name', async () => {
    on(workshop());
    await until(() => panel.node.querySelector('[role=switch]'));
    panel.node.querySelector<HTMLInputElement>('[role=switch]')!.click();
    await until(() => seat.acts.some(act => (act as unknown[])[0] === 'name'));
    expect(seat.acts).toContainEqual(['name', 'first-steps', true]);
    on(workshop({ shows_name: true }));
    await shows(panel, 'The trainer sees your name.');
  });

  it('says what showing a notebook means before it is shown, and how to stop', async () => {
    on(workshop());
    await until(() => button(panel, 'Show the trainer this notebook …')?.disabled);
    classroom.look('D2', 'two.ipynb');
    await until(() => button(panel, 'Show the trainer this notebook …')?.disabled === false);
    button(panel, 'Show the trainer this notebook …')!.click();
    await shows(panel, 'can then read two.ipynb');
    button(panel, 'Not now')!.click();
    await until(() => button(panel, 'Show the trainer this notebook …'));
    expect(seat.acts.some(act => (act as unknown[])[0] === 'show')).toBe(false);
    button(panel, 'Show the trainer this notebook …')!.click();
    await until(() => button(panel, 'Show it'));
    button(panel, 'Show it')!.click();
    await until(() => seat.acts.some(act => (act as unknown[])[0] === 'show'));
    expect(seat.acts).toContainEqual(['show', 'first-steps', 'two.ipynb']);
    events.tell('shown', { workshop: 'first-steps', path: 'two.ipynb' });
    await shows(panel, 'Nobody has opened it yet.');
    on(workshop({ shown: { since: NOW, looked: NOW } }));
    await shows(panel, 'Last opened at');
    button(panel, 'Stop showing')!.click();
    await until(() => seat.acts.length && (seat.acts.at(-1) as unknown[])[2] === null);
  });

  it('asks whether I show one when the trainer does, and takes a no', async () => {
    classroom.look('D2', 'two.ipynb');
    on(workshop({ asked: NOW }));
    await shows(panel, 'The trainer asks to see your notebook.');
    expect(kinds()).toEqual(['came', 'asked']);
    button(panel, 'Not now')!.click();
    await until(() => seat.acts.some(act => (act as unknown[])[0] === 'show'));
    expect(seat.acts).toContainEqual(['show', 'first-steps', null]);
    on(workshop());
    expect(kinds()).toEqual(['came', 'asked', 'answered']);
  });

  it('says that the GPUs are lent out', async () => {
    on(workshop({ gpus_paused: true }));
    await shows(panel, 'lent the GPUs of this workshop out');
  });

  it('lists the lessons with what is passed by now, the open one marked, and leads to each', async () => {
    on(workshop({ lessons: ['D2', 'Z9'] }));
    classroom.look('D2');
    await shows(panel, '0 of 2 exercises passed');
    events.tell('exercises', { 'D2-1': tried(NOW, NOW) });
    await shows(panel, '1 of 2 exercises passed');
    expect(panel.node.querySelector('[aria-current]')?.textContent).toContain('Two futures');
    button(panel, 'Two futures')!.click();
    await until(() => opened.length);
    await shows(panel, 'Z9');
  });
});

describe('the status bar', () => {
  let item: HandItem;
  let pressed: number;

  beforeEach(() => {
    pressed = 0;
    item = new HandItem(classroom, 'Ctrl+Alt+H', trans, () => (pressed += 1), () => false);
    Widget.attach(item, document.body);
  });

  afterEach(() => item.dispose());

  it('offers to raise the hand in a workshop only, and says the place to those who listen', async () => {
    expect(item.node.querySelector('button')).toBeNull();
    on(workshop());
    await shows(item, 'Workshop · raise hand');
    item.node.querySelector('button')!.click();
    expect(pressed).toBe(1);
    on(workshop({ hand: hand({ place: 1 }) }));
    await shows(item, 'Workshop · 1st in line');
    expect(item.node.querySelector('[aria-live=polite]')?.textContent).toContain('1st in line');
    on();
    await until(() => item.node.querySelector('button') === null);
  });

  it('says as long as a notebook is shown', async () => {
    on(workshop());
    events.tell('shown', { workshop: 'first-steps', path: 'two.ipynb' });
    await shows(item, 'Notebook shown · ');
    events.tell('shown', { workshop: null, path: null });
    await until(() => !item.node.textContent?.includes('Notebook shown'));
  });
});

it('says places as people do', () => {
  const said = [1, 2, 3, 4, 11, 12, 13, 21, 102, 113].map(place => inLine(place, trans).split(' ')[0]);
  expect(said).toEqual(['1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '102nd', '113th']);
});

it('says how long it takes until a workshop begins, ends, and that it is over', () => {
  const hours = { starts: NOW, ends: NOW + 90 * MINUTE };
  expect(timeLeft(hours, NOW - 5 * MINUTE, trans)).toBe('Begins in 5 min');
  expect(timeLeft(hours, NOW + MINUTE, trans)).toBe('89 min left');
  expect(timeLeft(hours, hours.ends - 20, trans)).toBe('20 s left');
  expect(timeLeft(hours, hours.ends, trans)).toBe('Time is up');
});
