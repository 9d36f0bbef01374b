import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { launcher } from './plugins/launcher';
import { lessons } from './plugins/lessons';
import { notebook } from './plugins/notebook';
import { panel } from './plugins/panel';
import { startup } from './plugins/startup';
import { status } from './plugins/status';
import { werkbank } from './plugins/werkbank';

export { IWerkbankToken } from './tokens';
export type { IWerkbank } from './model/werkbank';

// Each can be disabled alone: `jupyter labextension disable werkbank-lab:launcher`.
const plugins: JupyterFrontEndPlugin<unknown>[] = [startup, werkbank, status, panel, notebook, launcher, lessons];

export default plugins;
