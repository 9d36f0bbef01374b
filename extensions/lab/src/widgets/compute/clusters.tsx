import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ICluster, IClusterList } from '../../api';
import type { IClusters } from '../../model/clusters';
import { Attempt, useAttempt } from '../attempt';
import { NewCluster } from './new_cluster';
import { Section } from './section';

/** What a page does with a cluster that its model cannot. */
export interface IClusterActs {
  /** Show its dashboard. */
  dashboard(cluster: ICluster): void;
  /** Give the notebook in front a cell that connects to it. */
  connect(cluster: ICluster): void;
  /** Whether to shut it down, asked of the person. */
  mayStop(cluster: ICluster): Promise<boolean>;
}

interface IProps {
  model: IClusters;
  acts: IClusterActs;
  trans: TranslationBundle;
}

/** My Dask clusters, and one more. */
export function Clusters({ model, acts, trans }: IProps): React.ReactElement | null {
  const { list } = model;
  if (!model.there) {
    return null;
  }
  return (
    <Section name={trans.__('Dask clusters')}>
      {model.problem !== '' && (
        <p className="wb-Link" role="status">
          {model.problem}
        </p>
      )}
      {list?.most_workers === 0 ? (
        <p className="wb-Empty">{trans.__('Your profile comes without Dask clusters.')}</p>
      ) : (
        list && <Known model={model} list={list} acts={acts} trans={trans} />
      )}
    </Section>
  );
}

function Known({ model, list, acts, trans }: IProps & { list: IClusterList }): React.ReactElement {
  const { clusters, most_clusters: most } = list;
  return (
    <>
      {clusters.length === 0 && (
        <p className="wb-Empty">{trans.__('None runs. A cluster computes beside your notebook, on workers of its own.')}</p>
      )}
      {clusters.map(cluster => (
        <Cluster key={cluster.name} cluster={cluster} list={list} model={model} acts={acts} trans={trans} />
      ))}
      {most !== null && clusters.length >= most ? (
        <p className="wb-Empty">{trans._n('Your profile allows one cluster.', 'Your profile allows %1 clusters.', most)}</p>
      ) : (
        <NewCluster model={model} most={list.most_workers} trans={trans} />
      )}
    </>
  );
}

function Cluster(props: IProps & { cluster: ICluster; list: IClusterList }): React.ReactElement {
  const { cluster, model, acts, trans } = props;
  const attempt = useAttempt();
  const name = cluster.name.slice(0, 8);
  const runs = cluster.status === 'running';
  const stop = async (): Promise<void> => {
    if (await acts.mayStop(cluster)) {
      await model.stop(cluster.name);
    }
  };
  return (
    <article className="wb-Card" data-tone={runs ? 'accent' : 'wait'}>
      <header className="wb-Card-head">
        <span className="wb-Card-shape" aria-hidden="true">
          {runs ? '●' : '◔'}
        </span>
        <h3 className="wb-Card-title">{trans.__('Cluster %1', name)}</h3>
        <span className="wb-Card-stage">{runs ? trans.__('running') : trans.__('starting')}</span>
      </header>
      <p className="wb-Card-line">{describe(cluster, trans)}</p>
      {runs && <Scale {...props} />}
      <div className="wb-Card-acts">
        {runs && cluster.dashboard !== null && (
          <Act label={trans.__('Dashboard')} of={name} act={() => acts.dashboard(cluster)} />
        )}
        {runs && <Act label={trans.__('Use in notebook')} of={name} act={() => acts.connect(cluster)} />}
        <Act label={trans.__('Shut down')} of={name} act={() => attempt.run(stop)} disabled={attempt.busy} />
      </div>
      <Attempt attempt={attempt} />
    </article>
  );
}

function Act(props: { label: string; of: string; act: () => void; disabled?: boolean }): React.ReactElement {
  const { label, of, act, disabled } = props;
  return (
    <button type="button" className="wb-Button" aria-label={`${label}: ${of}`} disabled={disabled} onClick={act}>
      {label}
    </button>
  );
}

/** "2 of 3 workers run · 1 core, 2 GiB each · H200". */
function describe({ workers, options }: ICluster, trans: TranslationBundle): string {
  const { worker_cores: cores, worker_memory: memory, gpu_class: gpu } = options;
  return [
    workers && trans._n('%2 of one worker runs', '%2 of %1 workers run', workers.wanted, workers.running),
    cores !== undefined && trans._n('one core each', '%1 cores each', cores),
    memory !== undefined && trans.__('%1 GiB each', memory),
    gpu !== undefined && gpu !== 'none' && gpu
  ]
    .filter(Boolean)
    .join(' · ');
}

/** How many workers it is to have. What was typed stays until it is sent, whatever the cluster does meanwhile. */
function Scale({ cluster, list, model, trans }: IProps & { cluster: ICluster; list: IClusterList }): React.ReactElement {
  const id = React.useId();
  const attempt = useAttempt();
  const [typed, setTyped] = React.useState<string>();
  const wanted = String(cluster.workers?.wanted ?? 0);
  const send = async (): Promise<void> => {
    await model.scale(cluster.name, Number(typed));
    setTyped(undefined);
  };
  return (
    <>
      <form
        className="wb-Form"
        onSubmit={event => {
          event.preventDefault();
          attempt.run(send);
        }}
      >
        <label htmlFor={id}>{trans.__('Workers')}</label>
        <input
          id={id}
          type="number"
          required
          min={0}
          max={list.most_workers ?? undefined}
          value={typed ?? wanted}
          onChange={event => setTyped(event.target.value)}
        />
        <button type="submit" className="wb-Button" disabled={attempt.busy || (typed ?? wanted) === wanted}>
          {trans.__('Scale')}
        </button>
      </form>
      <Attempt attempt={attempt} />
    </>
  );
}
