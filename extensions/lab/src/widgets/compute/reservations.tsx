import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IReservation } from '../../api';
import { Section } from './section';

export function Reservations(props: { reservations: IReservation[]; now: number; trans: TranslationBundle }) {
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
