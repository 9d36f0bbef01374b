import { Widget } from '@lumino/widgets';

import type { ILesson, ILessonDone, ILessonsApi, IShelf, LessonAct } from '../src/api';
import { Lessons } from '../src/model/lessons';
import { type ILessonActs, LessonsPanel } from '../src/widgets/lessons';
import { button, settled, shows, silence, trans, until } from './support';

function lesson(more: Partial<ILesson> = {}): ILesson {
  return {
    id: 'D2',
    title: { en: 'Two futures', nl: 'Twee toekomsten' },
    track: 'scale-out',
    level: 'beginner',
    minutes: { read: 32, exercises: 18 },
    resources: { gpu: 'none', memory_gb: 1 },
    exercises: [
      { id: 'D2-1', minutes: 5, passed: true },
      { id: 'D2-2', minutes: 6, passed: false }
    ],
    notebooks: {
      en: { path: 'tutorials/D2/two.en.ipynb', state: 'untouched', newer: false },
      nl: { path: 'tutorials/D2/two.nl.ipynb', state: 'untouched', newer: false }
    },
    ...more
  };
}

const edited = (newer = false): ILesson =>
  lesson({ notebooks: { en: { path: 'tutorials/D2/two.en.ipynb', state: 'edited', newer } } });

class LessonsServer implements ILessonsApi {
  answer: IShelf | Error = { lessons: [lesson()], problems: [] };
  refusal: Error | undefined;
  done: ILessonDone = { path: 'tutorials/D2/two.en.ipynb' };
  readonly acts: string[] = [];

  lessons(): Promise<IShelf> {
    return this.answer instanceof Error ? Promise.reject(this.answer) : Promise.resolve(this.answer);
  }

  onLesson(id: string, language: string, act: LessonAct): Promise<ILessonDone> {
    this.acts.push(`${id} ${language} ${act}`);
    return this.refusal ? Promise.reject(this.refusal) : Promise.resolve(this.done);
  }
}

let server: LessonsServer;
let model: Lessons;
let panel: LessonsPanel;
let shown: [string, number | undefined][];
let told: string[];
let sure: boolean;

beforeEach(async () => {
  [server, shown, told, sure] = [new LessonsServer(), [], [], true];
  model = new Lessons(server, 'en');
  await model.refresh();
  const acts: ILessonActs = {
    show: (path, cell) => {
      shown.push([path, cell]);
      return Promise.resolve();
    },
    mayReset: () => Promise.resolve(sure),
    tell: words => {
      told.push(words);
    }
  };
  panel = new LessonsPanel(model, acts, trans);
  Widget.attach(panel, document.body);
  await shows(panel, 'Two futures');
});

afterEach(() => {
  panel.dispose();
  model.dispose();
});

const offer = async (...lessons: ILesson[]): Promise<void> => {
  server.answer = { lessons, problems: [] };
  await model.refresh();
};

it('shows what a lesson takes and how far one is', async () => {
  await shows(panel, '50 min · beginner · 1 GB');
  await shows(panel, '1 of 2 exercises passed');
});

it('says before one opens it what a lesson needs that this profile lacks', async () => {
  expect(panel.node.textContent).not.toContain('Needs');
  await offer(lesson({ missing: [] }));
  await settled(() => button(panel, 'Open'));
  expect(panel.node.textContent).not.toContain('Needs');
  await offer(lesson({ missing: ['bio', 'torch'] }));
  await shows(panel, 'Needs bio, torch, which this profile does not have');
  expect(button(panel, 'Open')!.disabled).toBe(false);
});

it('opens the notebook in the wanted language', async () => {
  button(panel, 'Nederlands')!.click();
  await shows(panel, 'Twee toekomsten');
  button(panel, 'Open')!.click();
  await until(() => shown.length);
  expect(server.acts).toEqual(['D2 nl open']);
});

it('opens a lesson in a language it has, where the wanted one is missing', () => {
  model.speak('nl');
  expect(model.languageOf(edited())).toBe('en');
});

it('offers a fresh start only where something was changed', async () => {
  expect(button(panel, 'Reset')).toBeUndefined();
  await offer(edited());
  await until(() => button(panel, 'Reset'));
  expect(button(panel, 'Fresh copy')).toBeDefined();
});

it('sets the learner’s version aside only when they agree, and says where it is', async () => {
  await offer(edited());
  server.done = { path: 'tutorials/D2/two.en.ipynb', kept: 'tutorials/D2/two.en.mine-1.ipynb' };
  await until(() => button(panel, 'Reset'));
  sure = false;
  button(panel, 'Reset')!.click();
  await settled(() => button(panel, 'Reset'));
  expect(server.acts).toEqual([]);
  sure = true;
  button(panel, 'Reset')!.click();
  await until(() => told.length);
  expect(told).toEqual(['Your version is kept as tutorials/D2/two.en.mine-1.ipynb.']);
});

it('says that a newer version lies beside the learner’s', async () => {
  await offer(edited(true));
  await shows(panel, 'A newer version came.');
});

it('says why a notebook could not be written, at the lesson', async () => {
  server.refusal = new Error('The notebook was not written: Read-only file system.');
  button(panel, 'Open')!.click();
  await shows(panel, 'Read-only file system');
});

it('leads back to where one was', async () => {
  model.remember({ path: 'tutorials/D2/two.en.copy-1.ipynb', cell: 7 });
  await until(() => button(panel, 'Continue: Two futures'));
  button(panel, 'Continue: Two futures')!.click();
  await until(() => shown.length);
  expect(shown).toEqual([['tutorials/D2/two.en.copy-1.ipynb', 7]]);
});

it('leads on to the next lesson once every exercise is passed', async () => {
  const done = lesson({ next: ['D3', 'H1', 'N1'], exercises: [{ id: 'D2-1', minutes: 5, passed: true }] });
  const passed = lesson({ ...done, id: 'H1', title: { en: 'Done already' }, notebooks: {} });
  const other = lesson({ id: 'N1', title: { en: 'Better crops' }, notebooks: {} });
  server.answer = { lessons: [done, passed, other], problems: [] };
  await model.refresh();
  model.remember({ path: 'tutorials/D2/two.en.ipynb', cell: 7 });
  await until(() => button(panel, 'Next lesson: Better crops'));
  button(panel, 'Next lesson: Better crops')!.click();
  await until(() => shown.length);
  expect(server.acts).toEqual(['N1 en open']);
});

it('does not take another notebook for a lesson', () => {
  expect(model.ofPath('tutorials/D2/twofold.ipynb')).toBeUndefined();
});

it('keeps what it knew when the server is silent, and recovers', async () => {
  server.answer = silence;
  await model.refresh();
  await shows(panel, 'Your server does not answer.');
  expect(panel.node.textContent).toContain('Two futures');
  await offer(lesson());
  await until(() => !panel.node.textContent?.includes('does not answer'));
});

it('shows the others when one entry is broken', async () => {
  server.answer = { lessons: [{ id: 'D9' } as ILesson, lesson()], problems: ['catalogue.json: D9: title'] };
  await model.refresh();
  await shows(panel, 'One lesson cannot be shown: catalogue.json: D9: title');
  expect(panel.node.querySelectorAll('article')).toHaveLength(1);
});

it('finds lessons by all of the words', () => {
  const added = lesson({ id: 'A1', track: 'our-own', title: { en: 'Hello' } });
  model.all = [added, lesson(), lesson({ id: 'S1', track: 'start-here', title: { en: 'First' } })];
  expect(model.tracks('two BEGINNER').map(([track]) => track)).toEqual(['scale-out']);
  expect(model.tracks('').map(([track]) => track)).toEqual(['start-here', 'scale-out', 'our-own']);
  expect(model.tracks('nothing')).toEqual([]);
});
