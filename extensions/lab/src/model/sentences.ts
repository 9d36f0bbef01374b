/** What people read about leases. Every word goes through `trans`; nothing here touches the page. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { ICounter, IGpuClass, ILease } from '../api';
import type { Link } from './werkbank';
import { holds, type Stage, stageOf } from './stage';

type Trans = Pick<TranslationBundle, '__' | '_n'>;

/** "4 s", "6 min", "2 h 5 min". */
export function duration(seconds: number, trans: Trans): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) {
    return trans.__('%1 s', whole);
  }
  const minutes = Math.round(whole / 60);
  if (minutes < 90) {
    return trans.__('%1 min', minutes);
  }
  return trans.__('%1 h %2 min', Math.floor(minutes / 60), minutes % 60);
}

/** "00:42", "1:02:07": for a time that runs. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${two(minutes)}:${two(rest)}`;
}

/** "14 GB", "620 MB": decimal, as GPU makers count. */
export function bytes(value: number): string {
  if (value >= 1e9) {
    return `${(value / 1e9).toFixed(value >= 1e10 ? 0 : 1)} GB`;
  }
  return `${Math.round(value / 1e6)} MB`;
}

/** "2nd of 5" in the reader's language. */
export function place(place: number, of: number, trans: Trans): string {
  const last = place % 100 >= 11 && place % 100 <= 13 ? 0 : place % 10;
  const forms: Record<number, string> = {
    1: trans.__('%1st of %2', place, of),
    2: trans.__('%1nd of %2', place, of),
    3: trans.__('%1rd of %2', place, of)
  };
  return forms[last] ?? trans.__('%1th of %2', place, of);
}

/** "2nd in line" in the reader's language. */
export function inLine(place: number, trans: Trans): string {
  const last = place % 100 >= 11 && place % 100 <= 13 ? 0 : place % 10;
  const forms: Record<number, string> = {
    1: trans.__('%1st in line', place),
    2: trans.__('%1nd in line', place),
    3: trans.__('%1rd in line', place)
  };
  return forms[last] ?? trans.__('%1th in line', place);
}

/** How long a workshop still takes, or until it begins; `now` by the broker's clock. */
export function timeLeft({ starts, ends }: { starts: number; ends: number }, now: number, trans: Trans): string {
  if (now < starts) {
    return trans.__('Begins in %1', duration(starts - now, trans));
  }
  return now < ends ? trans.__('%1 left', duration(ends - now, trans)) : trans.__('Time is up');
}

export function stageWord(stage: Stage, trans: Trans): string {
  const words: Record<Stage, string> = {
    waiting: trans.__('queued'),
    offered: trans.__('being made ready'),
    busy: trans.__('busy'),
    idle: trans.__('idle'),
    notice: trans.__('wanted by somebody else'),
    parking: trans.__('being parked'),
    parked: trans.__('parked'),
    returning: trans.__('waiting to return'),
    resuming: trans.__('coming back'),
    ended: trans.__('ended'),
    unknown: trans.__('in a state this page does not know')
  };
  return words[stage];
}

/** "H200 (simulated)": the mark is not repeated where the name has it. */
export function title(lease: { title: string; simulated: boolean }, trans: Trans): string {
  const mark = trans.__('simulated');
  const marked = lease.title.toLowerCase().includes(mark.toLowerCase());
  return lease.simulated && !marked ? `${lease.title} (${mark})` : lease.title;
}

/** The lease in one glance, for the status bar; `held` seconds so far. */
export function glance(lease: ILease, counter: ICounter | undefined, held: number, trans: Trans): string {
  const stage = stageOf(lease);
  if (holds(stage)) {
    const watts = counter?.watts ?? null;
    const used = counter?.memory_used ?? null;
    return [
      title(lease, trans),
      stageWord(stage, trans),
      used === null ? '' : bytes(used),
      watts === null ? '' : `${Math.round(watts)} W`,
      clock(held)
    ]
      .filter(Boolean)
      .join(' · ');
  }
  if (stage === 'waiting' || stage === 'returning') {
    return [
      title(lease, trans),
      stageWord(stage, trans),
      lease.place !== null && lease.of !== null ? place(lease.place, lease.of, trans) : '',
      lease.estimate_s === null ? '' : `~${duration(lease.estimate_s, trans)}`
    ]
      .filter(Boolean)
      .join(' · ');
  }
  if (stage === 'parked') {
    return [title(lease, trans), stageWord(stage, trans), trans.__('resumes at the next cell')].join(' · ');
  }
  return [title(lease, trans), stageWord(stage, trans)].join(' · ');
}

/** What happens with this lease now and next, in a sentence or two; empty where the glance says all. */
export function explain(lease: ILease, now: number, trans: Trans): string {
  switch (stageOf(lease)) {
    case 'waiting':
      return [whereInLine(lease, trans), lease.reason?.text ?? '', howLong(lease, trans)].filter(Boolean).join(' ');
    case 'offered':
      return trans.__('A GPU is free for you and is being made ready.');
    case 'notice':
      if (!lease.parkable) {
        return trans.__(
          'Somebody else waits for this GPU. In %1 this kernel ends, and with it all its variables. Save what you need, keep it, or run a cell.',
          duration(Math.max(0, (lease.ends_at ?? now) - now), trans)
        );
      }
      return trans.__(
        'Somebody else waits for this GPU. It goes to them in %1; your variables stay, and it comes back at your next cell.',
        duration(Math.max(0, (lease.ends_at ?? now) - now), trans)
      );
    case 'parking':
      return trans.__('Your work is being moved from the GPU to memory, so that somebody else can have it.');
    case 'parked':
      return trans.__('Your work is safe in memory. Run a cell and the GPU comes back, with all variables in place.');
    case 'returning':
      return [
        trans.__('A cell waits for the GPU to come back.'),
        whereInLine(lease, trans),
        lease.reason?.text ?? '',
        howLong(lease, trans)
      ]
        .filter(Boolean)
        .join(' ');
    case 'resuming':
      return trans.__('Getting your GPU back; cells wait until it is there.');
    case 'ended':
      return lease.ended?.text ?? trans.__('This lease has ended.');
    case 'idle':
      return lease.unparkable?.text ?? '';
    default:
      return '';
  }
}

function whereInLine(lease: ILease, trans: Trans): string {
  if (lease.place === null || lease.of === null) {
    return '';
  }
  return trans.__('You are %1 for %2.', place(lease.place, lease.of, trans), title(lease, trans));
}

function howLong(lease: ILease, trans: Trans): string {
  if (lease.estimate_s === null) {
    return '';
  }
  return trans.__('About %1 to go.', duration(lease.estimate_s, trans));
}

/** What somebody who asks for a GPU of this class now would get. */
export function outlook(gpuClass: IGpuClass, trans: Trans): string {
  if (!gpuClass.known) {
    return trans.__('The GPUs cannot be read right now; how many are free is not known.');
  }
  if (gpuClass.total === 0) {
    return trans.__('There are none at the moment.');
  }
  const free = trans.__('%1 of %2 free', gpuClass.free, gpuClass.total);
  if (gpuClass.free > 0 && gpuClass.waiting === 0) {
    return free;
  }
  const wait =
    gpuClass.expected_wait_s === null
      ? trans.__('wait not known')
      : trans.__('about %1 to wait', duration(gpuClass.expected_wait_s, trans));
  const waiting = trans._n('%1 waits', '%1 wait', gpuClass.waiting);
  return [free, gpuClass.waiting ? waiting : '', wait].filter(Boolean).join(' · ');
}

/** What to say about the way to the broker; empty while all is well. */
export function linkSentence(link: Link, why: string, trans: Trans): string {
  switch (link) {
    case 'live':
      return '';
    case 'connecting':
      return trans.__('Asking what there is …');
    case 'unreachable':
      return trans.__(
        'The part that hands out GPUs does not answer. Running kernels go on; what is shown here may be out of date. This page tries again by itself.'
      );
    case 'refused':
      return why || trans.__('The workbench does not let this seat in. Restart your server.');
    case 'seat-silent':
      return trans.__('Your own server does not answer this page. What is shown here may be out of date. %1', why).trim();
  }
}

/** Hours and minutes in the reader's zone. */
export function clockTime(seconds: number): string {
  const language = document.documentElement.lang || undefined;
  return new Date(seconds * 1000).toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
}
