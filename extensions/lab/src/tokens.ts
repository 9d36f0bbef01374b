import { Token } from '@lumino/coreutils';

import type { IClusters } from './model/clusters';
import type { IWerkbank } from './model/werkbank';
import type { IClusterActs } from './widgets/compute/clusters';

/** What other plugins, also of other extensions, read leases and queues from. */
export const IWerkbankToken = new Token<IWerkbank>(
  'werkbank-lab:IWerkbank',
  'My leases, the queue, the GPU classes and what the seat uses, as they are now.'
);

export interface IClusterService {
  model: IClusters;
  acts: IClusterActs;
}

export const IClusterToken = new Token<IClusterService>(
  'werkbank-lab:IClusters',
  'My Dask clusters as they are now, and what can be done with them.'
);
