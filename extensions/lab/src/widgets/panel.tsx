import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IGpuClass, ILease, IProgrammeUse, IReservation, IUse, KernelAct, LeaseAct } from '../api';
import { bytes, linkSentence, outlook, title } from '../model/sentences';
import { GRAPH_S, type IWerkbank } from '../model/werkbank';
import { LeaseCard } from './lease';
import { LiveWidget } from './live';
import { Sparkline } from './sparkline';
import { counterOf } from './status';

const SEARCH_FROM = 20;
const AT_ONCE = 60;

/** Everything of mine in one place: leases, queue, reservations, use, and what the seat takes. */
export class ComputePanel extends LiveWidget {
  constructor(
    private readonly model: IWerkbank,
    private readonly trans: TranslationBundle
  ) {
    super(model.changed);
    this.addClass('wb-Panel');
    this.node.tabIndex = -1;
  }

  protected override runs(): boolean {
    return Boolean(this.model.parts.me?.leases.length);
  }

  protected override onAfterShow(): void {
    void this.model.refresh();
    this.update();
  }

  protected override render(): React.ReactElement {
    return <Compute model={this.model} trans={this.trans} now={Date.now() / 1000 + this.model.skew} />;
  }
}

interface ICompute {
  model: IWerkbank;
  trans: TranslationBundle;
  now: number;
}

export function Compute({ model, trans, now }: ICompute): React.ReactElement {
  const { me } = model.parts;
  const link = linkSentence(model.link, model.why, trans);
  return (
    <div className="wb-Compute">
      {link !== '' && (
        <p className="wb-Link" role="status" data-link={model.link}>
          {link}
        </p>
      )}
      {me && (
        <>
          {me.unreadable !== '' && (
            <p className="wb-Link" role="status">
              {me.unreadable}
            </p>
          )}
          <Leases model={model} trans={trans} now={now} />
          <Classes classes={me.classes} trans={trans} />
          <Reservations reservations={me.reservations} now={now} trans={trans} />
          <Use use={me.use} trans={trans} />
        </>
      )}
      <Energy model={model} trans={trans} />
      <Seat model={model} trans={trans} />
    </div>
  );
}

function Section({ name, children }: React.PropsWithChildren<{ name: string }>): React.ReactElement {
  const id = React.useId();
  return (
    <section className="wb-Section" aria-labelledby={id}>
      <h2 id={id}>{name}</h2>
      {children}
    </section>
  );
}

function Leases({ model, trans, now }: ICompute): React.ReactElement {
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

function Classes({ classes, trans }: { classes: IGpuClass[]; trans: TranslationBundle }): React.ReactElement {
  return (
    <Section name={trans.__('GPUs of this workbench')}>
      <ul className="wb-Rows">
        {classes.map(gpuClass => (
          <li key={gpuClass.name} data-simulated={gpuClass.simulated}>
            <strong>{title(gpuClass, trans)}</strong>
            <Squares gpuClass={gpuClass} />
            <span>{outlook(gpuClass, trans)}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** A square per GPU, filled where it is held; of many, the share that is held. */
function Squares({ gpuClass }: { gpuClass: IGpuClass }): React.ReactElement | null {
  const { total, held, out_of_service: out } = gpuClass;
  if (!gpuClass.known || total === 0) {
    return null;
  }
  const most = 32;
  const unit = Math.max(1, total / most);
  const kinds = [
    ...Array<string>(Math.round(held / unit)).fill('held'),
    ...Array<string>(Math.round(out / unit)).fill('out')
  ];
  const squares = Array.from({ length: Math.min(total, most) }, (_, number) => kinds[number] ?? 'free');
  return (
    <span className="wb-Squares" aria-hidden="true">
      {squares.map((kind, number) => (
        <i key={number} data-kind={kind} />
      ))}
    </span>
  );
}

function Reservations(props: { reservations: IReservation[]; now: number; trans: TranslationBundle }) {
  const { reservations, now, trans } = props;
  if (reservations.length === 0) {
    return null;
  }
  return (
    <Section name={trans.__('Reservations')}>
      <ul className="wb-Rows">
        {reservations.map(one => (
          <li key={one.id}>
            <strong>
              {one.count} × {one.title}
            </strong>
            <span>
              {moment(one.start)} – {moment(one.end)}
            </span>
            <span>
              {one.mine
                ? trans.__('For you.')
                : one.start <= now
                  ? trans.__('For others: fewer GPUs are free until then.')
                  : trans.__('For others: an idle GPU of yours may be parked then.')}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** In the reader's zone, with the day where it is not today. */
function moment(seconds: number): string {
  const date = new Date(seconds * 1000);
  const sameDay = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(document.documentElement.lang || undefined, {
    ...(sameDay ? {} : { weekday: 'short', day: 'numeric', month: 'short' }),
    hour: '2-digit',
    minute: '2-digit'
  });
}

function Use({ use, trans }: { use: IUse; trans: TranslationBundle }): React.ReactElement {
  const programmes = use.programmes ?? [];
  return (
    <Section name={trans.__('Used this week')}>
      <Bar
        name={trans.__('You')}
        value={use.hours}
        most={use.hours_cap ?? null}
        text={
          use.hours_cap === null || use.hours_cap === undefined
            ? trans.__('%1 GPU hours', use.hours)
            : trans.__('%1 of %2 GPU hours', use.hours, use.hours_cap)
        }
      />
      {programmes.map(programme => (
        <Programme key={programme.title} programme={programme} trans={trans} />
      ))}
    </Section>
  );
}

function Programme({ programme, trans }: { programme: IProgrammeUse; trans: TranslationBundle }): React.ReactElement {
  const { quota, hours, due, had } = programme;
  const text = quota === null ? trans.__('%1 GPU hours', hours) : trans.__('%1 of %2 GPU hours', hours, quota);
  const share = due === null ? '' : trans.__('due %1 %, had %2', due, had === null ? '–' : `${had} %`);
  return (
    <Bar
      name={programme.title}
      value={hours}
      most={quota}
      text={[text, share].filter(Boolean).join(' · ')}
    />
  );
}

function Bar(props: { name: string; value: number; most: number | null; text: string }): React.ReactElement {
  const { name, value, most, text } = props;
  const share = most ? Math.min(1, value / most) : 0;
  return (
    <div className="wb-Bar">
      <span>{name}</span>
      <span>{text}</span>
      {most !== null && (
        <div className="wb-Bar-track" aria-hidden="true">
          <div style={{ width: `${share * 100}%` }} data-full={share >= 0.9} />
        </div>
      )}
    </div>
  );
}

/** What the GPUs of this page took since it was opened. What nobody measured is not zero. */
function Energy({ model, trans }: { model: IWerkbank; trans: TranslationBundle }): React.ReactElement {
  const joules = model.joules;
  const notReported = trans.__('not reported');
  const rows: [string, string][] = [
    [trans.__('Energy'), joules === null ? trans.__('not measured') : kilowattHours(joules)],
    ['CO₂e', notReported],
    [trans.__('Water'), notReported]
  ];
  return (
    <Section name={trans.__('Footprint of your GPUs since this page was opened')}>
      <dl className="wb-Facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

function kilowattHours(joules: number): string {
  return `${(joules / 3.6e6).toFixed(joules < 3.6e5 ? 4 : 2)} kWh`;
}

function Seat({ model, trans }: { model: IWerkbank; trans: TranslationBundle }): React.ReactElement | null {
  const seat = model.parts.seat;
  if (!seat) {
    return null;
  }
  const cores = seat.cpu === null ? '–' : seat.cpu.toFixed(1);
  const cpu = seat.cpu_limit === null ? trans.__('%1 cores', cores) : trans.__('%1 of %2 cores', cores, seat.cpu_limit);
  const memory =
    seat.memory_limit === null
      ? bytes(seat.memory)
      : trans.__('%1 of %2', bytes(seat.memory), bytes(seat.memory_limit));
  return (
    <Section name={trans.__('This server')}>
      <dl className="wb-Meters">
        <div className="wb-Meter">
          <dt>{trans.__('CPU')}</dt>
          <dd>{cpu}</dd>
          <dd className="wb-Meter-graph">
            <Sparkline points={model.cpu.all} most={seat.cpu_limit} seconds={GRAPH_S} label={cpu} />
          </dd>
        </div>
        <div className="wb-Meter">
          <dt>{trans.__('Memory')}</dt>
          <dd>{memory}</dd>
          <dd className="wb-Meter-graph">
            <Sparkline points={model.memory.all} most={seat.memory_limit} seconds={GRAPH_S} label={memory} />
          </dd>
        </div>
      </dl>
    </Section>
  );
}
