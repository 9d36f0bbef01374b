import { ILabShell, ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { gpuIcon } from '../icons';
import type { IWerkbank } from '../model/werkbank';
import { IWerkbankToken } from '../tokens';
import { ComputePanel } from '../widgets/panel';
import { COMPUTE } from './commands';
import { DOMAIN } from './werkbank';

const ID = 'werkbank-compute';

export const panel: JupyterFrontEndPlugin<void> = {
  id: 'werkbank-lab:panel',
  description: 'The side panel with my GPUs, the queue and what the seat uses.',
  autoStart: true,
  requires: [IWerkbankToken],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    model: IWerkbank,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const compute = new ComputePanel(model, trans);
    compute.id = ID;
    compute.title.icon = gpuIcon;
    compute.title.caption = trans.__('GPUs and queue');
    compute.node.setAttribute('role', 'region');
    compute.node.setAttribute('aria-label', trans.__('GPUs and queue'));
    app.shell.add(compute, 'left', { rank: 150 });
    restorer?.add(compute, ID);
    app.commands.addCommand(COMPUTE, {
      label: trans.__('Show GPUs and Queue'),
      icon: gpuIcon,
      execute: () => {
        app.shell.activateById(ID);
      }
    });
    palette?.addItem({ command: COMPUTE, category: trans.__('GPU') });
  }
};
