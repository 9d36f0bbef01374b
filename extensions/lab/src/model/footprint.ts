/** From the energy of GPUs to CO₂e and water, by the figures that the site reports. Nothing here touches the page. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { ICo2eFactor, IFactor, IFactors } from '../api';

type Trans = Pick<TranslationBundle, '__'>;

const JOULES_PER_KWH = 3.6e6;
/** From here on grams, in two digits, are a kilogram. */
const KILOGRAM = 995;

/** What some energy of GPUs cost; null where the site reports no figure. Host and making of the hardware are left out. */
export interface IFootprint {
  /** Of the site where it reports a PUE, else of the GPUs alone. */
  kwh: number;
  /** Grams. */
  co2e: number | null;
  /** WUE is per kWh of IT equipment: the PUE has no part in it. */
  litres: number | null;
}

export function footprintOf(joules: number, { pue, co2e, water }: IFactors): IFootprint {
  const gpus = joules / JOULES_PER_KWH;
  const kwh = gpus * (pue?.value ?? 1);
  return { kwh, co2e: co2e && kwh * co2e.value, litres: water && gpus * water.value };
}

/** A line of the panel, such as "Emissions: 12 g CO₂e (268 g/kWh, 2023)". */
export interface IFact {
  name: string;
  /** "12 g CO₂e", or that it is not known. */
  amount: string;
  /** "(268 g/kWh, 2023)": the figure it was made with, and its year; empty where there is none. */
  made: string;
  /** The figure, and where it comes from; empty where the site reports none. */
  origin: string;
}

/** What is shown of an energy, `null` where none is measured; numbers are written as in `language`. */
export function facts(joules: number | null, factors: IFactors, language: string, trans: Trans): IFact[] {
  const { pue, co2e, water } = factors;
  const cost = joules === null ? null : footprintOf(joules, factors);
  const write = new Writer(language, trans);
  const energy = cost ? write.amount(cost.kwh, 0.001, 'kWh') : null;
  const alone = { amount: energy ?? trans.__('not measured'), made: `(${trans.__('PUE not reported')})`, origin: '' };
  return [
    {
      name: trans.__('Energy'),
      ...(pue ? write.fact(energy, `PUE ${write.plain(pue.value)}`, pue) : alone)
    },
    {
      name: trans.__('Emissions'),
      ...write.reported(cost && co2e ? write.emissions(cost.co2e!, co2e) : null, 'g/kWh', co2e)
    },
    {
      name: trans.__('Water'),
      ...write.reported(cost && water ? write.amount(cost.litres!, 0.01, 'L') : null, 'L/kWh', water)
    }
  ];
}

/** What these numbers are of, and what they are not of. */
export function scope({ pue }: IFactors, trans: Trans): string {
  return pue
    ? trans.__(
        'Cooling and power supply of the building are counted in (PUE). Left out: the rest of the machine, and the making of the hardware.'
      )
    : trans.__(
        'Left out: cooling and power supply of the building (PUE), the rest of the machine, and the making of the hardware.'
      );
}

type Told = Omit<IFact, 'name'>;

/** Writes numbers as a language does. */
class Writer {
  constructor(
    private readonly language: string,
    private readonly trans: Trans
  ) {}

  /** As the site reports it. */
  plain(value: number): string {
    return value.toLocaleString(this.language, { maximumSignificantDigits: 6 });
  }

  /** In two significant digits: no factor is known better. */
  amount(value: number, least: number, unit: string): string {
    if (value < least) {
      return this.trans.__('less than %1', `${this.plain(least)} ${unit}`);
    }
    const digits = { minimumSignificantDigits: 2, maximumSignificantDigits: 2 };
    return `${value.toLocaleString(this.language, digits)} ${unit}`;
  }

  emissions(grams: number, factor: IFactor): string {
    if (factor.value === 0) {
      return '0 g CO₂e';
    }
    return grams < KILOGRAM ? this.amount(grams, 0.1, 'g CO₂e') : this.amount(grams / 1000, 0.1, 'kg CO₂e');
  }

  reported(amount: string | null, unit: string, factor: IFactor | null): Told {
    return factor
      ? this.fact(amount, `${this.plain(factor.value)} ${unit}`, factor)
      : { amount: this.trans.__('not reported'), made: '', origin: '' };
  }

  fact(amount: string | null, figure: string, factor: IFactor | ICo2eFactor): Told {
    const made = `${figure}, ${factor.year}`;
    const method = 'method' in factor ? this.method(factor.method) : '';
    return {
      amount: amount ?? this.trans.__('not measured'),
      made: `(${made})`,
      origin: `${[made, method].filter(Boolean).join(', ')}: ${factor.source}`
    };
  }

  /** Empty for a method of a newer broker. */
  private method(name: string): string {
    const words: Record<string, string> = {
      location: this.trans.__('location-based'),
      market: this.trans.__('market-based')
    };
    return words[name] ?? '';
  }
}
