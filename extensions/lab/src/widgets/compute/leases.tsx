import * as React from 'react';

import type { ILease, KernelAct, LeaseAct } from '../../api';
import type { IWerkbank } from '../../model/werkbank';
import { LeaseCard } from '../lease';
import { counterOf } from '../status';
import { type ICompute, type Mover, Section } from './section';

const SEARCH_FROM = 20;
const AT_ONCE = 60;

export function Leases({ model, trans, now, mover }: ICompute & { mover: Mover }): React.ReactElement {
  const [wanted, setWanted] = React.useState('');
  const [more, setMore] = React.useState(false);
  const leases = model.parts.me!.leases;
  const kernels = kernelsByLease(model);
  const found = leases.filter(lease => matches(lease, wanted));
  const shown = more ? found : found.slice(0, AT_ONCE);
  return (
    <Section name={trans.__('My GPUs')}>
      {leases.length > SEARCH_FROM && (
        <input
          type="search"
          className="wb-Search"
          value={wanted}
          placeholder={trans.__('Search notebooks')}
          aria-label={trans.__('Search notebooks')}
          onChange={event => setWanted(event.target.value)}
        />
      )}
      {leases.length === 0 && (
        <p className="wb-Empty">
          {trans.__('You hold no GPU. Start a notebook with a kernel that has a GPU in its name, and it is shown here.')}
        </p>
      )}
      {shown.map(lease => {
        const kernel = kernels.get(lease.id);
        const device = lease.devices[0]?.uuid;
        const act = (name: KernelAct): Promise<void> =>
          kernel === undefined ? model.actOnLease(lease.id, name as LeaseAct) : model.actOnKernel(kernel, name);
        return (
          <LeaseCard
            key={lease.id}
            lease={lease}
            now={now}
            held={model.heldFor(lease)}
            counter={counterOf(model, device)}
            graphs={device === undefined ? undefined : model.graphsOf(device)}
            here={kernel !== undefined}
            trans={trans}
            act={act}
            move={kernel === undefined ? undefined : mover(kernel)}
          />
        );
      })}
      {found.length > shown.length && (
        <button type="button" className="wb-Button" onClick={() => setMore(true)}>
          {trans._n('Show one more', 'Show %1 more', found.length - shown.length)}
        </button>
      )}
    </Section>
  );
}

function kernelsByLease(model: IWerkbank): Map<string, string> {
  const kernels = Object.entries(model.parts.kernels ?? {});
  return new Map(kernels.flatMap(([kernel, { lease }]) => (lease ? [[lease.id, kernel] as const] : [])));
}

function matches(lease: ILease, wanted: string): boolean {
  const words = `${lease.holder} ${lease.title}`.toLowerCase();
  return words.includes(wanted.trim().toLowerCase());
}
