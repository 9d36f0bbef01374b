import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { clusters } from './plugins/clusters';
import { launcher } from './plugins/launcher';
import { lessons } from './plugins/lessons';
import { notebook } from './plugins/notebook';
import { panel } from './plugins/panel';
import { startup } from './plugins/startup';
import { status } from './plugins/status';
import { tour } from './plugins/tour';
import { werkbank } from './plugins/werkbank';
import { workshop } from './plugins/workshop';

export { type IClusterService, IClusterToken, type ILessonService, ILessonToken, IWerkbankToken } from './tokens';
export type { IWerkbank } from './model/werkbank';

// Each can be disabled alone: `jupyter labextension disable werkbank-lab:launcher`.
const plugins: JupyterFrontEndPlugin<unknown>[] = [
  startup,
  werkbank,
  status,
  clusters,
  panel,
  notebook,
  launcher,
  lessons,
  workshop,
  tour
];

export default plugins;
