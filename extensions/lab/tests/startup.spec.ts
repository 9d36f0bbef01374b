import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { IStateDB } from '@jupyterlab/statedb';
import { PromiseDelegate } from '@lumino/coreutils';

import { startup } from '../src/plugins/startup';

const LOAD = 'apputils:load-statedb';

/** An application whose commands take until `saved`, and a database that answers once it is `loaded`. */
function application() {
  const [saved, loaded] = [new PromiseDelegate<unknown>(), new PromiseDelegate<unknown>()];
  const commands: { execute(id: string, args?: object): Promise<unknown> } = { execute: () => saved.promise };
  const state = { list: () => loaded.promise } as unknown as IStateDB;
  void startup.activate({ commands } as unknown as JupyterFrontEnd, state);
  return { commands, saved, loaded };
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = {};
  await new Promise(resolve => setTimeout(resolve));
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

it('waits until the workspace is loaded, and not until it is saved', async () => {
  const { commands, loaded } = application();
  const done = commands.execute(LOAD, { search: '' });
  expect(await isSettled(done)).toBe(false);
  loaded.resolve([]);
  expect(await isSettled(done)).toBe(true);
});

it.each([
  ['another command', 'docmanager:save', undefined],
  ['a workspace that is copied', LOAD, { search: '?clone=other' }]
])('leaves %s as it is', async (_, id, args) => {
  const { commands, saved, loaded } = application();
  loaded.resolve([]);
  const done = commands.execute(id, args);
  expect(await isSettled(done)).toBe(false);
  saved.resolve('done');
  expect(await done).toBe('done');
});

it('hands on a failure', async () => {
  const { commands, saved } = application();
  const done = commands.execute(LOAD);
  saved.reject(new Error('no database'));
  await expect(done).rejects.toThrow('no database');
});
