import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import {
  type ClusterOptions,
  type ICluster,
  type IClusterField,
  type IClusterList,
  type IClustersApi,
  RequestFailed
} from '../src/api';
import { Clusters } from '../src/model/clusters';
import { Clusters as Section, type IClusterActs } from '../src/widgets/compute/clusters';
import { button, settled, shows, silence, trans, until } from './support';

const NAME = '1a2b3c4d'.repeat(4);

function cluster(more: Partial<ICluster> = {}): ICluster {
  return {
    name: NAME,
    status: 'running',
    workers: { running: 2, wanted: 3 },
    options: { worker_cores: 1, worker_memory: 2, gpu_class: 'none' },
    started: 1_800_000_000,
    dashboard: '/user/ada/proxy/1/clusters/x/status',
    ...more
  };
}

const FIELDS: IClusterField[] = [
  { field: 'worker_cores', label: 'Cores per worker', default: 1, spec: { type: 'int', min: 1, max: 1 } },
  { field: 'worker_memory', label: 'Memory per worker (GiB)', default: 1, spec: { type: 'float', min: 0.25, max: 2 } },
  { field: 'gpu_class', label: 'GPU per worker', default: 'none', spec: { type: 'select', options: ['none', 'h200'] } }
];

class Gateway implements IClustersApi {
  answer: IClusterList | Error = { clusters: [cluster()], most_clusters: 2, most_workers: 4 };
  refusal: Error | undefined;
  asked = 0;
  readonly acts: unknown[] = [];

  clusters(): Promise<IClusterList> {
    this.asked += 1;
    return this.answer instanceof Error ? Promise.reject(this.answer) : Promise.resolve(this.answer);
  }

  clusterFields(): Promise<IClusterField[]> {
    return this.refusal ? Promise.reject(this.refusal) : Promise.resolve(FIELDS);
  }

  async startCluster(workers: number, options: ClusterOptions): Promise<string> {
    await this.did(['start', workers, options]);
    return NAME;
  }

  scaleCluster(name: string, workers: number): Promise<void> {
    return this.did(['scale', name, workers]);
  }

  stopCluster(name: string): Promise<void> {
    return this.did(['stop', name]);
  }

  private did(act: unknown): Promise<void> {
    this.acts.push(act);
    return this.refusal ? Promise.reject(this.refusal) : Promise.resolve();
  }
}

let gateway: Gateway;
let model: Clusters;
let widget: ReactWidget;
let shown: string[];
let sure: boolean;
let draw: () => void;

beforeEach(() => {
  [gateway, shown, sure] = [new Gateway(), [], true];
  model = new Clusters(gateway);
  const acts: IClusterActs = {
    dashboard: one => void shown.push(`dashboard ${one.name}`),
    connect: one => void shown.push(`connect ${one.name}`),
    mayStop: () => Promise.resolve(sure)
  };
  widget = ReactWidget.create(React.createElement(() => {
    const [, again] = React.useReducer((count: number) => count + 1, 0);
    draw = again;
    return React.createElement(Section, { model, acts, trans });
  }));
  model.changed.connect(() => draw());
  Widget.attach(widget, document.body);
});

afterEach(() => {
  widget.dispose();
  model.dispose();
  Signal.clearData(model);
});

const type = (label: string, value: string): void => {
  const found = [...widget.node.querySelectorAll('label')].find(one => one.textContent === label)!;
  const field = document.getElementById(found.htmlFor) as HTMLInputElement | HTMLSelectElement;
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value')!.set!.call(field, value);
  field.dispatchEvent(new Event(field instanceof HTMLSelectElement ? 'change' : 'input', { bubbles: true }));
};

const submit = (): void => widget.node.querySelector('form')!.requestSubmit();

it('shows each cluster with its workers and what they have', async () => {
  model.watch(true);
  await shows(widget, 'Cluster 1a2b3c4d');
  expect(widget.node.textContent).toContain('2 of 3 workers run · one core each · 2 GiB each');
});

it('asks while somebody looks, and not otherwise', async () => {
  expect(gateway.asked).toBe(0);
  model.watch(true);
  await until(() => gateway.asked === 1);
  expect(model.poll.frequency.interval).toBeGreaterThanOrEqual(5000);
  model.watch(false);
  expect(model.poll.state.phase).not.toBe('refreshed');
  await until(() => model.poll.state.phase === 'stopped');
});

it('is not there where the workbench has no gateway, and asks no more', async () => {
  gateway.answer = new RequestFailed('This workbench has no Dask Gateway.', 404);
  model.watch(true);
  await until(() => !model.there);
  await until(() => widget.node.textContent === '');
  model.watch(true);
  expect(gateway.asked).toBe(1);
});

it('says that the gateway is silent, and keeps showing what was known', async () => {
  model.watch(true);
  await shows(widget, 'Cluster 1a2b3c4d');
  gateway.answer = silence;
  model.watch(true);
  await shows(widget, 'Your server does not answer.');
  expect(widget.node.textContent).toContain('Cluster 1a2b3c4d');
});

it('believes of an answer what it can read', async () => {
  gateway.answer = { clusters: [{} as ICluster, cluster()], most_clusters: null, most_workers: null };
  model.watch(true);
  await shows(widget, 'Cluster 1a2b3c4d');
  expect(widget.node.querySelectorAll('article')).toHaveLength(1);
});

it('starts one with what was chosen', async () => {
  gateway.answer = { clusters: [], most_clusters: 2, most_workers: 4 };
  model.watch(true);
  await until(() => button(widget, 'Start a cluster…'));
  button(widget, 'Start a cluster…')!.click();
  await shows(widget, 'Memory per worker (GiB)');
  type('Workers', '3');
  type('Memory per worker (GiB)', '0.5');
  type('GPU per worker', 'h200');
  submit();
  await until(() => gateway.acts.length);
  expect(gateway.acts).toEqual([['start', 3, { worker_cores: 1, worker_memory: 0.5, gpu_class: 'h200' }]]);
  await until(() => button(widget, 'Start a cluster…'));
});

it('keeps what was chosen when the gateway refuses, with its sentence', async () => {
  gateway.answer = { clusters: [], most_clusters: 2, most_workers: 4 };
  model.watch(true);
  await until(() => button(widget, 'Start a cluster…'));
  button(widget, 'Start a cluster…')!.click();
  await shows(widget, 'Memory per worker (GiB)');
  type('Workers', '4');
  gateway.refusal = new Error('Your clusters may have 4 workers together.');
  submit();
  await shows(widget, 'Your clusters may have 4 workers together.');
  expect(widget.node.querySelector<HTMLInputElement>('input[type=number]')!.value).toBe('4');
});

it('lets nobody choose more workers than the profile has', async () => {
  model.watch(true);
  await until(() => button(widget, 'Start a cluster…'));
  button(widget, 'Start a cluster…')!.click();
  await shows(widget, 'Memory per worker (GiB)');
  expect([...widget.node.querySelectorAll<HTMLInputElement>('input[type=number]')].map(one => one.max)).toEqual([
    '4',
    '4',
    '2'
  ]);
});

it('scales, and what is being typed is not overwritten by what comes in', async () => {
  model.watch(true);
  await until(() => button(widget, 'Scale'));
  expect(button(widget, 'Scale')!.disabled).toBe(true);
  type('Workers', '1');
  gateway.answer = { clusters: [cluster({ workers: { running: 3, wanted: 3 } })], most_clusters: 2, most_workers: 4 };
  model.watch(true);
  await shows(widget, '3 of 3 workers run');
  expect(widget.node.querySelector('input')!.value).toBe('1');
  submit();
  await until(() => gateway.acts.length);
  expect(gateway.acts).toEqual([['scale', NAME, 1]]);
});

it('shuts down only what one is sure of', async () => {
  model.watch(true);
  await until(() => button(widget, 'Shut down'));
  sure = false;
  button(widget, 'Shut down')!.click();
  await settled(() => button(widget, 'Shut down'));
  expect(gateway.acts).toEqual([]);
  sure = true;
  button(widget, 'Shut down')!.click();
  await until(() => gateway.acts.length);
  expect(gateway.acts).toEqual([['stop', NAME]]);
});

it('leads to the dashboard and to the notebook', async () => {
  model.watch(true);
  await until(() => button(widget, 'Dashboard'));
  button(widget, 'Dashboard')!.click();
  button(widget, 'Use in notebook')!.click();
  expect(shown).toEqual([`dashboard ${NAME}`, `connect ${NAME}`]);
});

it('offers nothing of a cluster that starts but its end', async () => {
  gateway.answer = { clusters: [cluster({ status: 'pending', dashboard: null })], most_clusters: 1, most_workers: 4 };
  model.watch(true);
  await shows(widget, 'starting');
  expect([...widget.node.querySelectorAll('button')].map(one => one.textContent)).toEqual(['Shut down']);
  expect(widget.node.textContent).toContain('Your profile allows one cluster.');
});

it('says where a profile has no clusters', async () => {
  gateway.answer = { clusters: [], most_clusters: 0, most_workers: 0 };
  model.watch(true);
  await shows(widget, 'Your profile comes without Dask clusters.');
  expect(button(widget, 'Start a cluster…')).toBeUndefined();
});
