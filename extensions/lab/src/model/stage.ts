/** What a lease is doing, as people see it. */

import type { ILease } from '../api';

export type Stage =
  | 'waiting'
  | 'offered'
  | 'busy'
  | 'idle'
  | 'notice'
  | 'parking'
  | 'parked'
  | 'returning'
  | 'resuming'
  | 'ended'
  | 'unknown';

const STAGES: Record<string, Stage> = {
  queued: 'waiting',
  offered: 'offered',
  notice: 'notice',
  parking: 'parking',
  resuming: 'resuming',
  released: 'ended',
  expired: 'ended',
  lost: 'ended',
  broken: 'ended'
};

export function stageOf(lease: ILease): Stage {
  if (lease.state === 'active') {
    return lease.busy ? 'busy' : 'idle';
  }
  if (lease.state === 'parked') {
    return lease.wants ? 'returning' : 'parked';
  }
  return STAGES[lease.state] ?? 'unknown';
}

/** State is never colour alone: each has a shape too. */
export const SHAPES: Record<Stage, string> = {
  waiting: '◔',
  offered: '◕',
  busy: '●',
  idle: '○',
  notice: '!',
  parking: '‖',
  parked: '‖',
  returning: '◔',
  resuming: '◕',
  ended: '×',
  unknown: '?'
};

export type Tone = 'accent' | 'free' | 'wait' | 'parked' | 'stop' | 'muted';

export const TONES: Record<Stage, Tone> = {
  waiting: 'wait',
  offered: 'wait',
  busy: 'accent',
  idle: 'free',
  notice: 'stop',
  parking: 'parked',
  parked: 'parked',
  returning: 'wait',
  resuming: 'parked',
  ended: 'muted',
  unknown: 'muted'
};

/** Whether it has a device now. */
export function holds(stage: Stage): boolean {
  return stage === 'busy' || stage === 'idle' || stage === 'notice';
}

export interface IActs {
  keep: boolean;
  release: boolean;
  cancel: boolean;
  cpu: boolean;
}

/** What makes sense to offer; the broker decides. */
export function actsOf(lease: ILease, stage: Stage = stageOf(lease)): IActs {
  const keepable = stage === 'notice' || (stage === 'idle' && lease.kept_until === null);
  return {
    keep: keepable && lease.keeps_left > 0,
    release: holds(stage) || stage === 'parked' || stage === 'returning',
    cancel: stage === 'waiting',
    // A kernel on another machine cannot be given a device later.
    cpu: stage === 'waiting' && !lease.job
  };
}
