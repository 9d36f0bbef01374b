/**
 * JupyterLab is drawn as soon as it knows its workspace, not after it has saved it.
 *
 * The route that loads a workspace waits until the workspace has also been saved, which is put off by half a second
 * after every change (`@jupyterlab/apputils-extension:state`, 4.6). Everything that follows the route waits with it:
 * the files, the launcher, the first notebook. Saving goes on as before; only nobody waits for it.
 */

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStateDB } from '@jupyterlab/statedb';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

const LOAD = 'apputils:load-statedb';

export const startup: JupyterFrontEndPlugin<void> = {
  id: 'werkbank-lab:startup',
  description: 'Draws JupyterLab without waiting for its workspace to be saved.',
  autoStart: true,
  requires: [IStateDB],
  activate: (app: JupyterFrontEnd, state: IStateDB) => {
    const { commands } = app;
    const execute = commands.execute.bind(commands);
    commands.execute = (id, args) => {
      const done = execute(id, args);
      // The database answers once the workspace is loaded. A workspace that is copied goes on to another address then.
      return id === LOAD && !isCopied(args) ? Promise.race([done, state.list('layout-restorer')]) : done;
    };
  }
};

function isCopied(args: ReadonlyPartialJSONObject | undefined): boolean {
  return typeof args?.search === 'string' && new URLSearchParams(args.search).has('clone');
}
