import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IProgrammeUse, IUse } from '../../api';
import { Section } from './section';

export function Use({ use, trans }: { use: IUse; trans: TranslationBundle }): React.ReactElement {
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
