import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, Notification, showDialog } from '@jupyterlab/apputils';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';

import { Api } from '../api';
import { lessonsIcon } from '../icons';
import { type IPlace, Lessons } from '../model/lessons';
import { type ILessonService, ILessonToken } from '../tokens';
import { type ILessonActs, LessonsPanel } from '../widgets/lessons';
import { LESSONS } from './commands';
import { addSidePanel } from './side';
import { DOMAIN } from './werkbank';

const PLACE = 'werkbank-lab:lesson';

export const lessons: JupyterFrontEndPlugin<ILessonService> = {
  id: 'werkbank-lab:lessons',
  description: 'The lessons by track, with progress, and the way back to where one was.',
  autoStart: true,
  provides: ILessonToken,
  requires: [INotebookTracker],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, IStateDB],
  activate: (
    app: JupyterFrontEnd,
    notebooks: INotebookTracker,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    state: IStateDB | null
  ) => {
    const { languageCode } = translator ?? nullTranslator;
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const api = new Api(app.serviceManager.serverSettings, trans.__('Your server does not answer. Nothing was changed.'));
    const model = new Lessons(api, languageCode.slice(0, 2).toLowerCase());
    const acts = actsOf(app, trans);
    const panel = new LessonsPanel(model, acts, trans);
    const name = trans.__('Lessons');
    const side = { id: 'werkbank-lessons', icon: lessonsIcon, name, rank: 160, command: LESSONS };
    addSidePanel(app, panel, { ...side, label: trans.__('Show Lessons'), category: name }, palette, restorer);
    void followPlace(model, notebooks, state);
    return { model, acts };
  }
};

function actsOf(app: JupyterFrontEnd, trans: TranslationBundle): ILessonActs {
  return {
    show: async (path, cell) => {
      const panel = (await app.commands.execute('docmanager:open', { path })) as NotebookPanel | undefined;
      await panel?.context.ready;
      if (panel && cell !== undefined && cell < panel.content.widgets.length) {
        panel.content.activeCellIndex = cell;
        await panel.content.scrollToItem(cell);
      }
    },
    mayReset: async title => {
      const { button } = await showDialog({
        title: trans.__('Begin this lesson again?'),
        body: trans.__('%1 comes back as it was. Your version stays, under another name beside it.', title),
        buttons: [
          Dialog.cancelButton({ label: trans.__('Cancel') }),
          Dialog.okButton({ label: trans.__('Begin again') })
        ]
      });
      return button.accept;
    },
    tell: words => {
      Notification.info(words, { autoClose: 8000 });
    }
  };
}

/** Where the learner is, kept with the workspace. */
async function followPlace(model: Lessons, notebooks: INotebookTracker, state: IStateDB | null): Promise<void> {
  await model.refresh();
  const kept = (await state?.fetch(PLACE)) as Partial<IPlace> | undefined;
  if (typeof kept?.path === 'string' && typeof kept.cell === 'number') {
    model.remember({ path: kept.path, cell: kept.cell });
  }
  notebooks.activeCellChanged.connect(() => {
    const panel = notebooks.currentWidget;
    if (panel && model.ofPath(panel.context.path)) {
      const place = { path: panel.context.path, cell: panel.content.activeCellIndex };
      model.remember(place);
      void state?.save(PLACE, place);
    }
  });
}
