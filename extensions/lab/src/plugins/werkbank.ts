import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Api } from '../api';
import { type IWerkbank, Werkbank } from '../model/werkbank';
import { IWerkbankToken } from '../tokens';

export const DOMAIN = 'werkbank_lab';

export const werkbank: JupyterFrontEndPlugin<IWerkbank> = {
  id: 'werkbank-lab:werkbank',
  description: 'Knows my leases, the queue and what the seat uses.',
  autoStart: true,
  provides: IWerkbankToken,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const silence = trans.__('Your server does not answer. Nothing was changed.');
    return new Werkbank(new Api(app.serviceManager.serverSettings, silence), app.serviceManager.events);
  }
};
