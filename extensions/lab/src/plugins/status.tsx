import { ILabShell, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Current } from '../model/current';
import type { IWerkbank } from '../model/werkbank';
import { IWerkbankToken } from '../tokens';
import { StatusItem } from '../widgets/status';
import { COMPUTE } from './commands';
import { DOMAIN } from './werkbank';

export const status: JupyterFrontEndPlugin<void> = {
  id: 'werkbank-lab:status',
  description: 'The lease of the current notebook in the status bar.',
  autoStart: true,
  requires: [IWerkbankToken, IStatusBar, INotebookTracker],
  optional: [ITranslator, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    model: IWerkbank,
    statusBar: IStatusBar,
    notebooks: INotebookTracker,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const current = new Current(notebooks);
    const item = new StatusItem(model, current, trans, () => {
      void app.commands.execute(COMPUTE);
    });
    statusBar.registerStatusItem('werkbank-lab:lease', {
      item,
      align: 'left',
      rank: 3,
      isActive: () => current.kernel !== undefined,
      activeStateChanged: current.changed
    });
  }
};
