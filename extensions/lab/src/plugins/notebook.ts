import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, InputDialog, Notification, showDialog } from '@jupyterlab/apputils';
import { IMainMenu } from '@jupyterlab/mainmenu';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';

import type { KernelAct } from '../api';
import { Current } from '../model/current';
import { outlook } from '../model/sentences';
import { gpuKernels } from '../model/specs';
import { actsOf, type IActs } from '../model/stage';
import type { IWerkbank } from '../model/werkbank';
import { IWerkbankToken } from '../tokens';
import { Banner } from '../widgets/banner';
import { KEEP, RELEASE, SWITCH } from './commands';
import { DOMAIN } from './werkbank';

export const notebook: JupyterFrontEndPlugin<void> = {
  id: 'werkbank-lab:notebook',
  description: 'Above a notebook: why its GPU is not there and what happens next; in the kernel menu what can be done.',
  autoStart: true,
  requires: [IWerkbankToken, INotebookTracker],
  optional: [ITranslator, IMainMenu, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    model: IWerkbank,
    notebooks: INotebookTracker,
    translator: ITranslator | null,
    menu: IMainMenu | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const add = (_: unknown, panel: NotebookPanel): void => {
      panel.contentHeader.addWidget(new Banner(model, panel.sessionContext, trans));
    };
    notebooks.forEach(panel => add(undefined, panel));
    notebooks.widgetAdded.connect(add);
    addCommands(app, model, notebooks, trans);
    menu?.kernelMenu.addGroup([{ command: KEEP }, { command: RELEASE }, { command: SWITCH }], 25);
    for (const command of [KEEP, RELEASE, SWITCH]) {
      palette?.addItem({ command, category: trans.__('GPU') });
    }
  }
};

function addCommands(
  app: JupyterFrontEnd,
  model: IWerkbank,
  notebooks: INotebookTracker,
  trans: TranslationBundle
): void {
  const { commands } = app;
  const current = new Current(notebooks);
  const can = (): IActs | undefined => {
    const lease = current.kernel && model.ofKernel(current.kernel.id)?.lease;
    return lease ? actsOf(lease) : undefined;
  };
  const act = (name: KernelAct) => async (): Promise<void> => {
    if (!current.kernel) {
      return;
    }
    try {
      await model.actOnKernel(current.kernel.id, name);
    } catch (refusal) {
      Notification.warning(refusal instanceof Error ? refusal.message : String(refusal), { autoClose: 10_000 });
    }
  };
  commands.addCommand(KEEP, {
    label: trans.__('Keep GPU'),
    isEnabled: () => can()?.keep ?? false,
    execute: act('keep')
  });
  commands.addCommand(RELEASE, {
    label: trans.__('Give Back GPU'),
    isEnabled: () => can()?.release ?? false,
    execute: act('release')
  });
  commands.addCommand(SWITCH, {
    label: trans.__('Switch to GPU…'),
    isEnabled: () => current.kernel !== undefined && gpuKernels(app.serviceManager.kernelspecs.specs).length > 0,
    execute: () => switchGpu(app, model, notebooks.currentWidget, trans)
  });
  const refresh = (): void => {
    for (const command of [KEEP, RELEASE, SWITCH]) {
      commands.notifyCommandChanged(command);
    }
  };
  model.changed.connect(refresh);
  current.changed.connect(refresh);
}

/** Another kernel for this notebook, chosen with its outlook in sight; what that costs is said before. */
async function switchGpu(
  app: JupyterFrontEnd,
  model: IWerkbank,
  panel: NotebookPanel | null,
  trans: TranslationBundle
): Promise<void> {
  if (!panel) {
    return;
  }
  const kernels = gpuKernels(app.serviceManager.kernelspecs.specs);
  const items = kernels.map(kernel => {
    const gpuClass = model.parts.me?.classes.find(one => one.name === kernel.gpuClass);
    return gpuClass ? `${kernel.title} – ${outlook(gpuClass, trans)}` : kernel.title;
  });
  const chosen = await InputDialog.getItem({ title: trans.__('Switch to GPU'), items, okLabel: trans.__('Continue') });
  const kernel = chosen.value === null ? undefined : kernels[items.indexOf(chosen.value)];
  if (!chosen.button.accept || !kernel) {
    return;
  }
  const sure = await showDialog({
    title: trans.__('Start a new kernel?'),
    body: trans.__('%1 starts afresh: the variables of the kernel that runs now are lost. The notebook stays.', kernel.title),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.warnButton({ label: trans.__('Start new kernel') })
    ]
  });
  if (sure.button.accept) {
    await panel.sessionContext.changeKernel({ name: kernel.name });
  }
}
