import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ConfigSection } from '@jupyterlab/services';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import type { JSONObject } from '@lumino/coreutils';

import { type ITourMemory, shouldInvite, TOUR, tour as described } from '../model/tour';
import { DOMAIN } from './werkbank';

/** Of jupyterlab-tour. */
const ADD = 'jupyterlab-tour:add';
const LAUNCH = 'jupyterlab-tour:launch';
const LAUNCHER = 'launcher:create';
const INVITATION_MS = 20_000;

export const tour: JupyterFrontEndPlugin<void> = {
  id: 'werkbank-lab:tour',
  description: 'A tour of what Werkbank adds; proposed at first, and in the help menu.',
  autoStart: true,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    void app.restored.then(async () => {
      if (app.commands.hasCommand(ADD)) {
        await app.commands.execute(ADD, { tour: described(trans) });
        await propose(app, trans);
      }
    });
  }
};

async function propose(app: JupyterFrontEnd, trans: TranslationBundle): Promise<void> {
  // The server takes no other name than of letters and underscores.
  const config = await ConfigSection.create({ name: DOMAIN, serverSettings: app.serviceManager.serverSettings });
  const memory = (config.data.tour ?? {}) as ITourMemory;
  // Where it cannot be kept, as in a home that is full, the tour is proposed once more.
  const keep = (now: ITourMemory): void => void config.update({ tour: now as JSONObject }).catch(() => undefined);
  if (!shouldInvite(memory)) {
    return;
  }
  keep({ invitations: (memory.invitations ?? 0) + 1 });
  Notification.info(trans.__('New here? Six short steps show where GPUs, lessons and clusters are.'), {
    autoClose: INVITATION_MS,
    actions: [
      {
        label: trans.__('Show me around'),
        displayType: 'accent',
        callback: () => {
          keep({ done: true });
          void launch(app);
        }
      },
      { label: trans.__('No, thanks'), callback: () => keep({ done: true }) }
    ]
  });
}

/** The tour begins at the launcher: where there is none, one is opened. */
async function launch(app: JupyterFrontEnd): Promise<void> {
  if (!document.querySelector('.jp-Launcher') && app.commands.hasCommand(LAUNCHER)) {
    await app.commands.execute(LAUNCHER);
  }
  await app.commands.execute(LAUNCH, { id: TOUR, force: true });
}
