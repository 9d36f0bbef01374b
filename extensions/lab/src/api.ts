/** The only file that speaks HTTP: to the seat's own server, never to the broker. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

export type LeaseState =
  | 'queued'
  | 'offered'
  | 'active'
  | 'notice'
  | 'parking'
  | 'parked'
  | 'resuming'
  | 'released'
  | 'expired'
  | 'lost'
  | 'broken';

export interface IReason {
  code: string;
  text: string;
}

export interface IDevice {
  uuid: string;
  index: number;
  model: string;
  /** Bytes. */
  memory: number;
  simulated: boolean;
}

/** A lease as the broker tells it; times are Unix seconds of its clock. */
export interface ILease {
  id: string;
  server: string;
  holder: string;
  gpu_class: string;
  title: string;
  count: number;
  /** A LeaseState, or one of a newer broker. */
  state: string;
  since: number;
  requested: number;
  simulated: boolean;
  devices: IDevice[];
  place: number | null;
  of: number | null;
  estimate_s: number | null;
  reason: IReason | null;
  ends_at: number | null;
  busy: boolean;
  wants: boolean;
  parkable: boolean;
  unparkable: IReason | null;
  keeps_left: number;
  kept_until: number | null;
  held_seconds: number;
  busy_seconds: number;
  ended: IReason | null;
  /** On a cluster, the job that it is; brokers of one machine leave it out or say null. */
  job?: { id: number; node: string; ends_at: number | null } | null;
}

export interface IGpuClass {
  name: string;
  title: string;
  simulated: boolean;
  total: number;
  free: number;
  held: number;
  out_of_service: number;
  waiting: number;
  expected_wait_s: number | null;
  /** False while the devices cannot be read: the counts are the last that were. */
  known: boolean;
}

export interface IReservation {
  id: string;
  gpu_class: string;
  title: string;
  count: number;
  start: number;
  end: number;
  mine: boolean;
}

export interface IProgrammeUse {
  title: string;
  hours: number;
  mine: number;
  quota: number | null;
  devices: number;
  most_devices: number | null;
  due: number | null;
  had: number | null;
}

export interface IUse {
  /** Device-hours since Monday. */
  hours: number;
  hours_cap: number | null;
  devices_per_user: number;
  programmes: IProgrammeUse[];
}

/** A figure that the site reports; the source is in its admins' words. */
export interface IFactor {
  value: number;
  year: number;
  source: string;
}

export interface ICo2eFactor extends IFactor {
  /** `location` or `market`, or one of a newer broker. */
  method: string;
}

/** What energy is multiplied by; null is "not reported". */
export interface IFactors {
  /** Energy of the site over that of its IT equipment. */
  pue: IFactor | null;
  /** Grams of CO₂e per kWh. */
  co2e: ICo2eFactor | null;
  /** Litres per kWh of IT equipment. */
  water: IFactor | null;
}

export interface IMe {
  now: number;
  user: string;
  leases: ILease[];
  classes: IGpuClass[];
  reservations: IReservation[];
  use: IUse;
  /** An older broker has none. */
  footprint?: IFactors;
  unreadable: string;
}

/** What a device does; null where nothing is measured, which is not nothing. */
export interface ICounter {
  device: string;
  lease: string;
  simulated: boolean;
  utilization: number | null;
  memory_used: number | null;
  memory: number;
  watts: number | null;
  energy_mj: number | null;
}

export interface ICounters {
  now: number;
  devices: ICounter[];
}

export interface IKernelLease {
  lease: ILease | null;
  /** The seat gets no answer from the broker about this kernel. */
  silent: boolean;
}

export interface ISeatUse {
  /** Cores in use; null before there are two looks. */
  cpu: number | null;
  cpu_limit: number | null;
  /** Bytes. */
  memory: number;
  memory_limit: number | null;
  at: number;
}

export interface IConnection {
  state: 'connecting' | 'live' | 'unreachable' | 'refused';
  why: string;
}

/** A raised hand; whoever has place 1 is helped next. */
export interface IHand {
  since: number;
  exercise: string | null;
  place: number;
}

/** What the trainer said to everybody, last. */
export interface IMessage {
  number: number;
  text: string;
  at: number;
  by: string;
}

/** A workshop that is on and in which I learn; times are Unix seconds of the broker's clock. */
export interface IWorkshop {
  id: string;
  title: string;
  /** `warm` before it begins, `live` then. */
  state: string;
  starts: number;
  ends: number;
  lessons: string[];
  /** What the trainer sees instead of a name. */
  number: number;
  shows_name: boolean;
  hand: IHand | null;
  message: IMessage | null;
  /** I let the trainers look at a notebook; an older server does not tell. */
  shown?: ILooks | null;
  /** Since when a trainer asks to see mine, in Unix seconds. */
  asked?: number | null;
  gpus_paused: boolean;
}

/** Since when they may look, and when one last did, in Unix seconds. */
export interface ILooks {
  since: number;
  looked: number | null;
}

/** The notebook that the trainers of a workshop can look at, as the seat knows it. */
export interface IShown {
  workshop: string | null;
  path: string | null;
}

/** What I did with an exercise of a workshop; times are Unix seconds. */
export interface ITried {
  tries: number;
  last: number;
  passed: number | null;
}

/** A fresh copy that the trainer gave everybody; the path is empty where the seat made none. */
export interface ICopy {
  number: number;
  lesson: string;
  path: string;
}

export interface IParts {
  connection: IConnection;
  me: IMe;
  counters: ICounters;
  kernels: Record<string, IKernelLease>;
  seat: ISeatUse;
  workshops: { workshops: IWorkshop[] };
  /** By exercise; those of workshops that are on. */
  exercises: Record<string, ITried>;
  /** By workshop. */
  copies: Record<string, ICopy>;
  shown: IShown;
}

export type PartName = keyof IParts;

export type IState = Partial<IParts> & { now: number };

export interface IExercise {
  id: string;
  minutes: number;
  passed: boolean;
}

export interface INotebook {
  /** In the learner's home. */
  path: string;
  state: 'absent' | 'untouched' | 'edited';
  /** A newer version came after the learner had changed theirs. */
  newer: boolean;
}

export interface ILesson {
  id: string;
  title: Record<string, string>;
  track: string;
  level: string;
  minutes: { read: number; exercises: number };
  resources?: { gpu?: string; memory_gb?: number };
  /** Sets of libraries that this server's environment lacks; an older server does not tell. */
  missing?: string[];
  /** Lessons that go on where this one ends; an older server does not tell. */
  next?: string[];
  exercises: IExercise[];
  notebooks: Record<string, INotebook>;
}

export interface IShelf {
  lessons: ILesson[];
  /** A sentence for each lesson that cannot be shown. */
  problems: string[];
}

export type LessonAct = 'open' | 'fresh' | 'reset';

/** Where the notebook is after an act, and where the learner's own version, if it was set aside. */
export interface ILessonDone {
  path: string;
  kept?: string;
}

export interface ICluster {
  name: string;
  /** `pending` or `running`. */
  status: string;
  /** Null where the gateway does not tell. */
  workers: { running: number; wanted: number } | null;
  options: { worker_cores?: number; worker_memory?: number; gpu_class?: string };
  /** Unix seconds. */
  started: number;
  dashboard: string | null;
}

export interface IClusterList {
  clusters: ICluster[];
  /** What the seat's profile allows; null where that was not told. */
  most_clusters: number | null;
  most_workers: number | null;
}

/** What can be chosen for a cluster, as Dask Gateway tells it. */
export interface IClusterField {
  field: string;
  label: string;
  default: string | number | boolean;
  spec: { type: string; min?: number | null; max?: number | null; options?: string[] };
}

export type ClusterOptions = Record<string, string | number | boolean>;

export type KernelAct = 'keep' | 'release' | 'cancel' | 'cpu';
export type LeaseAct = 'keep' | 'release' | 'cancel';

/** The server said no, or said nothing; the message is a sentence for people. */
export class RequestFailed extends Error {
  constructor(
    message: string,
    readonly status: number
  ) {
    super(message);
  }
}

export interface IApi {
  state(): Promise<IState>;
  ofKernel(kernel: string, act: KernelAct): Promise<void>;
  ofLease(lease: string, act: LeaseAct): Promise<void>;
}

export interface ILessonsApi {
  lessons(): Promise<IShelf>;
  onLesson(lesson: string, language: string, act: LessonAct): Promise<ILessonDone>;
}

export interface IClustersApi {
  clusters(): Promise<IClusterList>;
  clusterFields(): Promise<IClusterField[]>;
  startCluster(workers: number, options: ClusterOptions): Promise<string>;
  scaleCluster(name: string, workers: number): Promise<void>;
  stopCluster(name: string): Promise<void>;
}

export interface IWorkshopsApi {
  raiseHand(workshop: string, exercise: string | null): Promise<void>;
  lowerHand(workshop: string): Promise<void>;
  showName(workshop: string, shown: boolean): Promise<void>;
  /** Let the trainers look at this notebook; null for none. */
  showNotebook(workshop: string, path: string | null): Promise<void>;
  /** The lesson in front of the learner; null for none. */
  lookAt(lesson: string | null): Promise<void>;
}

export class Api implements IApi, ILessonsApi, IClustersApi, IWorkshopsApi {
  /** `silence` is what people read when there is no answer at all. */
  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly silence: string
  ) {}

  async state(): Promise<IState> {
    return (await this.request('GET', 'lab', 'state')) as IState;
  }

  async ofKernel(kernel: string, act: KernelAct): Promise<void> {
    await this.request('POST', 'kernels', kernel, 'lease', act);
  }

  async ofLease(lease: string, act: LeaseAct): Promise<void> {
    await this.request('POST', 'lab', 'leases', lease, act);
  }

  async lessons(): Promise<IShelf> {
    return (await this.request('GET', 'lessons')) as IShelf;
  }

  async onLesson(lesson: string, language: string, act: LessonAct): Promise<ILessonDone> {
    return (await this.request('POST', 'lessons', lesson, language, act)) as ILessonDone;
  }

  async clusters(): Promise<IClusterList> {
    return (await this.request('GET', 'lab', 'clusters')) as IClusterList;
  }

  async clusterFields(): Promise<IClusterField[]> {
    return ((await this.request('GET', 'lab', 'clusters', 'options')) as { options: IClusterField[] }).options;
  }

  async startCluster(workers: number, options: ClusterOptions): Promise<string> {
    return ((await this.send({ workers, options }, 'lab', 'clusters')) as { name: string }).name;
  }

  async scaleCluster(name: string, workers: number): Promise<void> {
    await this.send({ workers }, 'lab', 'clusters', name, 'scale');
  }

  async stopCluster(name: string): Promise<void> {
    await this.request('DELETE', 'lab', 'clusters', name);
  }

  async raiseHand(workshop: string, exercise: string | null): Promise<void> {
    await this.send({ raised: true, exercise }, 'lab', 'workshops', workshop, 'hand');
  }

  async lowerHand(workshop: string): Promise<void> {
    await this.send({ raised: false }, 'lab', 'workshops', workshop, 'hand');
  }

  async showName(workshop: string, shown: boolean): Promise<void> {
    await this.send({ shown }, 'lab', 'workshops', workshop, 'name');
  }

  async showNotebook(workshop: string, path: string | null): Promise<void> {
    await this.send({ path }, 'lab', 'workshops', workshop, 'shown');
  }

  async lookAt(lesson: string | null): Promise<void> {
    await this.send({ lesson }, 'lab', 'lesson');
  }

  private request(method: string, ...path: string[]): Promise<unknown> {
    return this.fetch({ method }, path);
  }

  private send(body: unknown, ...path: string[]): Promise<unknown> {
    return this.fetch({ method: 'POST', body: JSON.stringify(body) }, path);
  }

  private async fetch(init: RequestInit, path: string[]): Promise<unknown> {
    const url = URLExt.join(this.settings.baseUrl, 'werkbank', ...path.map(encodeURIComponent));
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
    } catch {
      throw new RequestFailed(this.silence, 0);
    }
    if (response.status === 204) {
      return undefined;
    }
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok || typeof body !== 'object' || body === null) {
      throw new RequestFailed(sentence(body) ?? this.silence, response.status);
    }
    return body;
  }
}

function sentence(body: unknown): string | undefined {
  const message = (body as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' && message !== '' ? message : undefined;
}
