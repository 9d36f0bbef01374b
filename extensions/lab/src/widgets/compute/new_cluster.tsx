import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ClusterOptions, IClusterField } from '../../api';
import type { IClusters } from '../../model/clusters';
import { Attempt, useAttempt } from '../attempt';

interface IProps {
  model: IClusters;
  /** Workers of all my clusters together; null where that is not known. */
  most: number | null;
  trans: TranslationBundle;
}

const FIRST_WORKERS = 2;

/** A button, and behind it what the profile lets one choose. */
export function NewCluster(props: IProps): React.ReactElement {
  const { model, trans } = props;
  const [fields, setFields] = React.useState<IClusterField[]>();
  const attempt = useAttempt();
  if (fields) {
    return <Choices {...props} fields={fields} done={() => setFields(undefined)} />;
  }
  return (
    <>
      <button
        type="button"
        className="wb-Button"
        disabled={attempt.busy}
        onClick={() => attempt.run(async () => setFields(await model.fields()))}
      >
        {trans.__('Start a cluster…')}
      </button>
      <Attempt attempt={attempt} />
    </>
  );
}

function Choices({ model, most, trans, fields, done }: IProps & { fields: IClusterField[]; done: () => void }) {
  const attempt = useAttempt();
  const [workers, setWorkers] = React.useState(String(Math.min(FIRST_WORKERS, most ?? FIRST_WORKERS)));
  const [chosen, setChosen] = React.useState<Record<string, string>>({});
  const textOf = (field: IClusterField): string => chosen[field.field] ?? String(field.default);
  const start = async (): Promise<void> => {
    const options: ClusterOptions = {};
    for (const field of fields) {
      options[field.field] = valueOf(field, textOf(field));
    }
    await model.start(Number(workers), options);
    done();
  };
  return (
    <form
      className="wb-Form wb-mod-tall"
      aria-label={trans.__('New cluster')}
      onSubmit={event => {
        event.preventDefault();
        attempt.run(start);
      }}
    >
      <Choice
        field={{ field: 'workers', label: trans.__('Workers'), default: 0, spec: { type: 'int', min: 0, max: most } }}
        value={workers}
        change={setWorkers}
        trans={trans}
      />
      {fields.map(field => (
        <Choice
          key={field.field}
          field={field}
          value={textOf(field)}
          change={value => setChosen({ ...chosen, [field.field]: value })}
          trans={trans}
        />
      ))}
      {attempt.busy && <p role="status">{trans.__('The cluster starts …')}</p>}
      <Attempt attempt={attempt} />
      <div className="wb-Card-acts">
        <button type="submit" className="wb-Button wb-mod-primary" disabled={attempt.busy}>
          {trans.__('Start')}
        </button>
        <button type="button" className="wb-Button" disabled={attempt.busy} onClick={done}>
          {trans.__('Cancel')}
        </button>
      </div>
    </form>
  );
}

interface IChoice {
  field: IClusterField;
  value: string;
  change: (value: string) => void;
  trans: TranslationBundle;
}

/** One field; where there is nothing to choose, what it is. */
function Choice({ field, value, change, trans }: IChoice): React.ReactElement {
  const id = React.useId();
  const { type, min, max, options } = field.spec;
  const fixed = (type === 'select' && options?.length === 1) || (min !== undefined && min !== null && min === max);
  return (
    <>
      <label htmlFor={id}>{field.label}</label>
      {fixed ? (
        <output id={id}>{type === 'select' ? named(value, trans) : value}</output>
      ) : type === 'select' ? (
        <select id={id} value={value} onChange={event => change(event.target.value)}>
          {options?.map(option => (
            <option key={option} value={option}>
              {named(option, trans)}
            </option>
          ))}
        </select>
      ) : (
        <input
          id={id}
          type={type === 'int' || type === 'float' ? 'number' : 'text'}
          required
          min={min ?? undefined}
          max={max ?? undefined}
          step={type === 'int' ? 1 : 'any'}
          value={value}
          onChange={event => change(event.target.value)}
        />
      )}
    </>
  );
}

function named(option: string, trans: TranslationBundle): string {
  return option === 'none' ? trans.__('none') : option;
}

function valueOf({ spec }: IClusterField, text: string): string | number | boolean {
  switch (spec.type) {
    case 'int':
    case 'float':
      return Number(text);
    case 'bool':
      return text === 'true';
    default:
      return text;
  }
}
