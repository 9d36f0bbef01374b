import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';

import { Api } from '../api';
import { handIcon } from '../icons';
import { Classroom, type News } from '../model/classroom';
import { Told } from '../model/told';
import type { IWerkbank } from '../model/werkbank';
import { type ILessonService, ILessonToken, IWerkbankToken } from '../tokens';
import { HandItem } from '../widgets/hand';
import { WorkshopPanel } from '../widgets/workshop';
import { HAND, WORKSHOP } from './commands';
import { DOMAIN } from './werkbank';

const PANEL = 'werkbank-workshop';
/** Above the panels of GPUs and lessons. */
const RANK = 140;
const KEYS = 'Ctrl Alt H';
const CLOSE_MS = 10_000;
const SAVED_EVERY_MS = 3_000;

export const workshop: JupyterFrontEndPlugin<void> = {
  id: 'werkbank-lab:workshop',
  description: 'In a workshop: my hand, the word of the trainer, the lessons and the time left. Outside of one, nothing.',
  autoStart: true,
  requires: [IWerkbankToken],
  optional: [ITranslator, ICommandPalette, ILessonToken, INotebookTracker, IStatusBar],
  activate: (
    app: JupyterFrontEnd,
    model: IWerkbank,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    lessons: ILessonService | null,
    notebooks: INotebookTracker | null,
    statusBar: IStatusBar | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const { serverSettings } = app.serviceManager;
    const api = new Api(serverSettings, trans.__('Your server does not answer. Nothing was changed.'));
    const classroom = new Classroom(model, api, new Told(`werkbank-lab:${serverSettings.baseUrl}:`));
    const keys = KEYS.replaceAll(' ', '+');
    const panel = new WorkshopPanel({ classroom, lessons, keys, trans });
    addCommands(app, classroom, palette, trans);
    addStatus(app, statusBar, new HandItem(classroom, keys, trans, () => press(app, classroom), () => panel.isVisible), classroom);
    if (notebooks) {
      followLesson(classroom, lessons, notebooks);
      keepSaved(classroom, notebooks);
    }
    void app.restored.then(() => {
      classroom.changed.connect(() => showOrHide(app, panel, classroom, trans));
      const teller = new Teller(app, lessons, trans);
      classroom.news.connect((_, news) => teller.tell(news));
      classroom.begin();
    });
  }
};

/** In the side bar while a workshop is on. */
function showOrHide(app: JupyterFrontEnd, panel: WorkshopPanel, classroom: Classroom, trans: TranslationBundle): void {
  const isOn = classroom.current !== undefined;
  if (isOn && !panel.isAttached) {
    panel.id = PANEL;
    panel.title.icon = handIcon;
    panel.title.caption = trans.__('Workshop');
    panel.node.setAttribute('role', 'region');
    panel.node.setAttribute('aria-label', panel.title.caption);
    app.shell.add(panel, 'left', { rank: RANK });
    // A reload knows the side bar as it was, but not this panel: where it was open, nothing would be.
    if ('leftCollapsed' in app.shell && app.shell.leftCollapsed === true) {
      app.shell.activateById(PANEL);
    }
  } else if (!isOn && panel.isAttached) {
    panel.parent = null;
  }
  app.commands.notifyCommandChanged(HAND);
  app.commands.notifyCommandChanged(WORKSHOP);
}

function addCommands(
  app: JupyterFrontEnd,
  classroom: Classroom,
  palette: ICommandPalette | null,
  trans: TranslationBundle
): void {
  const isOn = (): boolean => classroom.current !== undefined;
  app.commands.addCommand(WORKSHOP, {
    label: trans.__('Show Workshop'),
    icon: handIcon,
    isEnabled: isOn,
    isVisible: isOn,
    execute: () => app.shell.activateById(PANEL)
  });
  app.commands.addCommand(HAND, {
    label: () => (classroom.current?.hand ? trans.__('Lower Hand') : trans.__('Raise Hand')),
    icon: handIcon,
    isEnabled: isOn,
    isVisible: isOn,
    execute: () => turnHand(classroom)
  });
  app.commands.addKeyBinding({ command: HAND, keys: [KEYS], selector: 'body' });
  for (const command of [HAND, WORKSHOP]) {
    palette?.addItem({ command, category: trans.__('Workshop') });
  }
}

async function turnHand(classroom: Classroom): Promise<void> {
  const workshop = classroom.current;
  if (!workshop) {
    return;
  }
  try {
    await (workshop.hand ? classroom.lower(workshop) : classroom.raise(workshop));
  } catch (refusal) {
    Notification.warning(refusal instanceof Error ? refusal.message : String(refusal), { autoClose: CLOSE_MS });
  }
}

/** Raises the hand; one that is up is not lowered by a click that was meant to look. */
function press(app: JupyterFrontEnd, classroom: Classroom): void {
  if (!classroom.current?.hand) {
    void turnHand(classroom);
  }
  void app.commands.execute(WORKSHOP);
}

function addStatus(app: JupyterFrontEnd, statusBar: IStatusBar | null, item: HandItem, classroom: Classroom): void {
  statusBar?.registerStatusItem('werkbank-lab:hand', {
    item,
    align: 'left',
    rank: 4,
    isActive: () => classroom.current !== undefined,
    activeStateChanged: classroom.changed
  });
}

/** Which lesson is in front. */
function followLesson(classroom: Classroom, lessons: ILessonService | null, notebooks: INotebookTracker): void {
  const look = (): void => {
    const path = notebooks.currentWidget?.context.path;
    classroom.look((path !== undefined && lessons?.model.ofPath(path)?.id) || null, path ?? null);
  };
  notebooks.currentChanged.connect(look);
  lessons?.model.changed.connect(look);
  look();
}

/** What trainers look at is the file: while one is shown, it is saved a moment after each change. */
function keepSaved(classroom: Classroom, notebooks: INotebookTracker): void {
  const save = (): void => {
    const paths = classroom.all.map(one => classroom.shownIn(one));
    notebooks.forEach(({ context }) => {
      if (paths.includes(context.path) && context.model.dirty && context.contentsModel?.writable !== false) {
        void context.save();
      }
    });
  };
  let timer: number | undefined;
  classroom.changed.connect(() => {
    const isShown = classroom.all.some(one => classroom.shownIn(one) !== null);
    if (isShown && timer === undefined) {
      save();
      timer = window.setInterval(save, SAVED_EVERY_MS);
    } else if (!isShown) {
      window.clearInterval(timer);
      timer = undefined;
    }
  });
}

/** Says what is news, once. */
class Teller {
  private message: string | undefined;
  private question: string | undefined;

  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly lessons: ILessonService | null,
    private readonly trans: TranslationBundle
  ) {}

  tell(news: News): void {
    const { app, trans } = this;
    switch (news.kind) {
      case 'came':
        return app.shell.activateById(PANEL);
      case 'said':
        this.unsay();
        this.message = Notification.info(trans.__('The trainer says: %1', news.message.text), {
          autoClose: false,
          actions: [{ label: trans.__('Show'), callback: () => app.shell.activateById(PANEL) }]
        });
        return;
      case 'unsaid':
        return this.unsay();
      case 'lowered':
        Notification.info(trans.__('The trainer has lowered your hand. Raise it again whenever you like.'), {
          autoClose: CLOSE_MS
        });
        return;
      case 'asked':
        this.question = Notification.info(trans.__('The trainer asks to see your notebook. It is up to you.'), {
          autoClose: false,
          actions: [{ label: trans.__('Answer'), callback: () => app.shell.activateById(PANEL) }]
        });
        return;
      case 'answered':
        if (this.question !== undefined) {
          Notification.dismiss(this.question);
          this.question = undefined;
        }
        return;
      case 'copied':
        return void this.open(news.copy.path);
    }
  }

  private unsay(): void {
    if (this.message !== undefined) {
      Notification.dismiss(this.message);
      this.message = undefined;
    }
  }

  /** In front, unless the learner is typing: keys that are meant for one notebook must not reach another. */
  private async open(path: string): Promise<void> {
    const { app, trans, lessons } = this;
    const activate = !document.activeElement?.closest('.cm-editor, input, textarea');
    Notification.info(trans.__('A fresh copy for everybody: %1. Your own notebook is untouched.', path), {
      autoClose: false,
      actions: [{ label: trans.__('Show'), callback: () => void app.commands.execute('docmanager:open', { path }) }]
    });
    await app.commands.execute('docmanager:open', { path, options: { activate } });
    await lessons?.model.refresh();
  }
}
