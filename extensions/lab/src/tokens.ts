import { Token } from '@lumino/coreutils';

import type { IClusters } from './model/clusters';
import type { Lessons } from './model/lessons';
import type { IWerkbank } from './model/werkbank';
import type { IClusterActs } from './widgets/compute/clusters';
import type { ILessonActs } from './widgets/lessons';

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

export interface ILessonService {
  model: Lessons;
  acts: ILessonActs;
}

export const ILessonToken = new Token<ILessonService>(
  'werkbank-lab:ILessons',
  'The lessons there are and how far I am, and what can be done with them.'
);
