import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { DisposableSet } from '@lumino/disposable';
import { Throttler } from '@lumino/polling';

import { GPU_PICTURE, gpuIcon } from '../icons';
import { outlook, title } from '../model/sentences';
import { gpuKernels } from '../model/specs';
import type { IWerkbank } from '../model/werkbank';
import { IWerkbankToken } from '../tokens';
import { NEW_NOTEBOOK } from './commands';
import { DOMAIN } from './werkbank';

const LEAST_MS = 2000;

/** JupyterLab has a card for each kernel too. Beside ours, which tells more, it would only ask which of the two to take. */
function coverOf(title: string): string {
  return `.jp-LauncherCard[data-category="Notebook"][title="${CSS.escape(title)}"] { display: none; }`;
}

export const launcher: JupyterFrontEndPlugin<void> = {
  id: 'werkbank-lab:launcher',
  description: 'Cards for GPU classes, with what is free and the wait before one clicks.',
  autoStart: true,
  requires: [IWerkbankToken, ILauncher],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, model: IWerkbank, launch: ILauncher, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    // The launcher's own first section, as JupyterLab calls it.
    const notebooks = (translator ?? nullTranslator).load('jupyterlab').__('Notebook');
    const { commands, serviceManager } = app;
    const covered = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, covered];
    let cards = new DisposableSet();
    let shown = '';

    commands.addCommand(NEW_NOTEBOOK, {
      label: args => (typeof args.label === 'string' ? args.label : trans.__('New Notebook with a GPU')),
      caption: args => (typeof args.caption === 'string' ? args.caption : ''),
      icon: gpuIcon,
      execute: args => commands.execute('notebook:create-new', { cwd: args.cwd ?? '', kernelName: args.kernelName ?? '' })
    });

    const draw = (): void => {
      const classes = model.parts.me?.classes ?? [];
      const found = gpuKernels(serviceManager.kernelspecs.specs).flatMap(kernel => {
        const gpuClass = classes.find(one => one.name === kernel.gpuClass);
        return gpuClass ? [{ kernel, gpuClass, said: outlook(gpuClass, trans) }] : [];
      });
      const now = JSON.stringify(found.map(({ kernel, said }) => [kernel.name, said]));
      if (now === shown) {
        return;
      }
      shown = now;
      cards.dispose();
      cards = new DisposableSet();
      covered.replaceSync(found.map(({ kernel }) => coverOf(kernel.title)).join(''));
      found.forEach(({ kernel, gpuClass, said }, rank) => {
        const args = {
          kernelName: kernel.name,
          label: `${title(gpuClass, trans)}\n${said}`,
          caption: trans.__('A notebook whose kernel leases this GPU: %1', said)
        };
        cards.add(launch.add({ command: NEW_NOTEBOOK, args, category: notebooks, rank, kernelIconUrl: GPU_PICTURE }));
      });
    };

    const soon = new Throttler(draw, LEAST_MS);
    model.changed.connect(() => void soon.invoke());
    serviceManager.kernelspecs.specsChanged.connect(() => void soon.invoke());
  }
};
