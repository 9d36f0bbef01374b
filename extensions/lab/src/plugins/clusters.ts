import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard, Dialog, IFrame, MainAreaWidget, Notification, showDialog } from '@jupyterlab/apputils';
import { INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';

import { Api, type ICluster } from '../api';
import { Clusters } from '../model/clusters';
import { type IClusterService, IClusterToken } from '../tokens';
import type { IClusterActs } from '../widgets/compute/clusters';
import { DOMAIN } from './werkbank';

/** Of dask-labextension: from then on its own panel offers each plot of this dashboard by itself. */
const PLOTS = 'dask:populate-dashboard-url';

export const clusters: JupyterFrontEndPlugin<IClusterService> = {
  id: 'werkbank-lab:clusters',
  description: 'Knows my Dask clusters, whoever started them; shown beside my GPUs.',
  autoStart: true,
  provides: IClusterToken,
  optional: [ITranslator, INotebookTracker],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null, notebooks: INotebookTracker | null) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const api = new Api(app.serviceManager.serverSettings, trans.__('Your server does not answer. Nothing was changed.'));
    return { model: new Clusters(api), acts: actsOf(app, notebooks, trans) };
  }
};

function actsOf(app: JupyterFrontEnd, notebooks: INotebookTracker | null, trans: TranslationBundle): IClusterActs {
  return {
    dashboard: cluster => showDashboard(app, cluster, trans),
    connect: cluster => {
      const code = connection(cluster);
      if (notebooks?.currentWidget) {
        app.shell.activateById(notebooks.currentWidget.id);
        insert(notebooks.currentWidget, code);
      } else {
        Clipboard.copyToSystem(code);
        Notification.info(trans.__('No notebook is open. The code that connects is on your clipboard: paste it into a cell.'), {
          autoClose: 8000
        });
      }
    },
    mayStop: async cluster => {
      const { button } = await showDialog({
        title: trans.__('Shut down cluster %1?', cluster.name.slice(0, 8)),
        body: trans.__('What its workers hold in memory is lost; results that your notebook has stay.'),
        buttons: [
          Dialog.cancelButton({ label: trans.__('Cancel') }),
          Dialog.warnButton({ label: trans.__('Shut down') })
        ]
      });
      return button.accept;
    }
  };
}

function showDashboard(app: JupyterFrontEnd, cluster: ICluster, trans: TranslationBundle): void {
  const id = `werkbank-dashboard-${cluster.name}`;
  if (![...app.shell.widgets('main')].some(widget => widget.id === id)) {
    const content = new IFrame({ sandbox: ['allow-scripts', 'allow-same-origin'], loading: 'eager' });
    content.url = cluster.dashboard ?? '';
    const widget = new MainAreaWidget({ content });
    widget.id = id;
    widget.title.label = trans.__('Dashboard %1', cluster.name.slice(0, 8));
    widget.title.closable = true;
    content.node.querySelector('iframe')?.setAttribute('title', widget.title.label);
    app.shell.add(widget, 'main', { mode: 'split-right' });
  }
  app.shell.activateById(id);
  if (app.commands.hasCommand(PLOTS)) {
    void app.commands.execute(PLOTS, { url: cluster.dashboard });
  }
}

/** Names of clusters are the gateway's own, of hexadecimal digits. */
function connection({ name }: ICluster): string {
  return [
    'from dask_gateway import Gateway',
    '',
    `cluster = Gateway().connect("${name}")`,
    'client = cluster.get_client()',
    'client'
  ].join('\n');
}

/** A new cell after the one in front, ready to run. */
function insert({ content }: NotebookPanel, code: string): void {
  NotebookActions.insertBelow(content);
  NotebookActions.changeCellType(content, 'code');
  content.activeCell?.model.sharedModel.setSource(code);
  void content.scrollToItem(content.activeCellIndex);
}
