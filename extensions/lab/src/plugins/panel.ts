import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { gpuIcon } from '../icons';
import { Kernels } from '../model/kernels';
import { gpuKernels } from '../model/specs';
import type { IWerkbank } from '../model/werkbank';
import { type IClusterService, IClusterToken, IWerkbankToken } from '../tokens';
import { ComputePanel } from '../widgets/panel';
import { COMPUTE, SWITCH } from './commands';
import { addSidePanel } from './side';
import { DOMAIN } from './werkbank';

export const panel: JupyterFrontEndPlugin<void> = {
  id: 'werkbank-lab:panel',
  description: 'The side panel with my GPUs, the queue, my clusters and what the seat uses.',
  autoStart: true,
  requires: [IWerkbankToken],
  optional: [ITranslator, ICommandPalette, ILayoutRestorer, IClusterToken],
  activate: (
    app: JupyterFrontEnd,
    model: IWerkbank,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    clusters: IClusterService | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const { commands, serviceManager } = app;
    const kernels = new Kernels(serviceManager.sessions, serviceManager.kernelspecs);
    const name = trans.__('GPUs and queue');
    const compute = new ComputePanel({ model, kernels, clusters, trans }, kernel =>
      commands.hasCommand(SWITCH) && gpuKernels(serviceManager.kernelspecs.specs).length > 0
        ? () => void commands.execute(SWITCH, { kernel })
        : undefined
    );
    const side = { id: 'werkbank-compute', icon: gpuIcon, name, rank: 150, command: COMPUTE };
    const words = { label: trans.__('Show GPUs and Queue'), category: trans.__('GPU') };
    addSidePanel(app, compute, { ...side, ...words }, palette, restorer);
  }
};
