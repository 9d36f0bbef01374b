import { Token } from '@lumino/coreutils';

import type { IWerkbank } from './model/werkbank';

/** What other plugins, also of other extensions, read leases and queues from. */
export const IWerkbankToken = new Token<IWerkbank>(
  'werkbank-lab:IWerkbank',
  'My leases, the queue, the GPU classes and what the seat uses, as they are now.'
);
