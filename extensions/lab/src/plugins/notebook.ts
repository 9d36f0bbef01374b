import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, InputDialog, Notification, showDialog } from '@jupyterlab/apputils';
import { IMainMenu } from '@jupyterlab/mainmenu';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';

import type { KernelAct } from '../api';
import { Current } from '../model/current';
import { outlook } from '../model/sentences';
import { gpuKernels, type IGpuKernel } from '../model/specs';
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
    isEnabled: args =>
      (typeof args.kernel === 'string' || current.kernel !== undefined) &&
      gpuKernels(app.serviceManager.kernelspecs.specs).length > 0,
    execute: args =>
      switchGpu(app, model, typeof args.kernel === 'string' ? args.kernel : current.kernel?.id, notebooks, trans)
  });
  const refresh = (): void => {
    for (const command of [KEEP, RELEASE, SWITCH]) {
      commands.notifyCommandChanged(command);
    }
  };
  model.changed.connect(refresh);
  current.changed.connect(refresh);
}

/** Another kernel for the notebook that `kernel` serves, chosen with its outlook in sight; the cost is said before. */
async function switchGpu(
  app: JupyterFrontEnd,
  model: IWerkbank,
  kernel: string | undefined,
  notebooks: INotebookTracker,
  trans: TranslationBundle
): Promise<void> {
  const sessions = app.serviceManager.sessions;
  const session = [...sessions.running()].find(one => one.kernel?.id === kernel);
  if (!session) {
    return;
  }
  const chosen = await choose(app, model, session.name, trans);
  if (!chosen || !(await mayStartAnew(chosen.title, trans))) {
    return;
  }
  const open = notebooks.find(panel => panel.sessionContext.session?.id === session.id);
  if (open) {
    await open.sessionContext.changeKernel({ name: chosen.name });
    return;
  }
  // The notebook is open in another browser, or in none.
  const connection = sessions.connectTo({ model: session });
  try {
    await connection.changeKernel({ name: chosen.name });
  } finally {
    connection.dispose();
  }
}

async function choose(
  app: JupyterFrontEnd,
  model: IWerkbank,
  holder: string,
  trans: TranslationBundle
): Promise<IGpuKernel | undefined> {
  const kernels = gpuKernels(app.serviceManager.kernelspecs.specs);
  const items = kernels.map(kernel => {
    const gpuClass = model.parts.me?.classes.find(one => one.name === kernel.gpuClass);
    return gpuClass ? `${kernel.title} – ${outlook(gpuClass, trans)}` : kernel.title;
  });
  const chosen = await InputDialog.getItem({
    title: trans.__('Switch to GPU'),
    label: holder,
    items,
    okLabel: trans.__('Continue')
  });
  return chosen.button.accept && chosen.value !== null ? kernels[items.indexOf(chosen.value)] : undefined;
}

async function mayStartAnew(title: string, trans: TranslationBundle): Promise<boolean> {
  const sure = await showDialog({
    title: trans.__('Start a new kernel?'),
    body: trans.__('%1 starts afresh: the variables of the kernel that runs now are lost. The notebook stays.', title),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.warnButton({ label: trans.__('Start new kernel') })
    ]
  });
  return sure.button.accept;
}
