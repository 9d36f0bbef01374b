import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { startup } from './plugins/startup';

const plugins: JupyterFrontEndPlugin<unknown>[] = [startup];

export default plugins;
