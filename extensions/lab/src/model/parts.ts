/** What comes from the server is believed only where it has the shape that is needed; the rest is left as it was. */

import type { ICo2eFactor, IFactor, IFactors, IMe, IParts, IState, PartName } from '../api';

type Check = (value: Record<string, unknown>) => boolean;

const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isLease = (value: unknown): boolean =>
  isObject(value) && typeof value.id === 'string' && typeof value.state === 'string' && Array.isArray(value.devices);

const isClass = (value: unknown): boolean =>
  isObject(value) && typeof value.name === 'string' && isNumber(value.free) && isNumber(value.total);

const isHand = (value: unknown): boolean => value === null || (isObject(value) && isNumber(value.place));

const isMessage = (value: unknown): boolean =>
  value === null || (isObject(value) && isNumber(value.number) && typeof value.text === 'string');

const isWorkshop = (value: unknown): boolean =>
  isObject(value) &&
  typeof value.id === 'string' &&
  typeof value.title === 'string' &&
  isNumber(value.starts) &&
  isNumber(value.ends) &&
  all(value.lessons, lesson => typeof lesson === 'string') &&
  isHand(value.hand) &&
  isMessage(value.message);

const isTried = (value: unknown): boolean => isObject(value) && isNumber(value.last);

const isCopy = (value: unknown): boolean =>
  isObject(value) && isNumber(value.number) && typeof value.path === 'string' && typeof value.lesson === 'string';

const all = (values: unknown, is: (value: unknown) => boolean): boolean => Array.isArray(values) && values.every(is);

const SHAPES: Record<PartName, Check> = {
  connection: value => typeof value.state === 'string',
  me: value =>
    isNumber(value.now) &&
    all(value.leases, isLease) &&
    all(value.classes, isClass) &&
    Array.isArray(value.reservations) &&
    isObject(value.use),
  counters: value => isNumber(value.now) && all(value.devices, isObject),
  kernels: value =>
    Object.values(value).every(kernel => isObject(kernel) && (kernel.lease === null || isLease(kernel.lease))),
  seat: value => isNumber(value.memory),
  workshops: value => all(value.workshops, isWorkshop),
  exercises: value => Object.values(value).every(isTried),
  copies: value => Object.values(value).every(isCopy),
  shown: value => [value.workshop, value.path].every(one => one === null || typeof one === 'string')
};

export const NAMES = Object.keys(SHAPES) as PartName[];

/** Whether the value can be shown as this part. */
export function isPart<N extends PartName>(name: N, value: unknown): value is IParts[N] {
  return isObject(value) && SHAPES[name](value);
}

/** The parts of an answer that can be shown, and the names of those that cannot. */
export function readable(state: IState): { parts: Partial<IParts>; unreadable: PartName[] } {
  const parts: Partial<Record<PartName, unknown>> = {};
  const unreadable: PartName[] = [];
  for (const name of NAMES) {
    const value = state[name] as unknown;
    if (value === undefined) {
      continue;
    }
    if (isPart(name, value)) {
      parts[name] = value;
    } else {
      unreadable.push(name);
    }
  }
  return { parts: parts as Partial<IParts>, unreadable };
}

/** The site's figures that can be used: one that is not there, or is strange, is not reported. */
export function factorsOf(me: IMe): IFactors {
  const told: unknown = me.footprint;
  const { pue, co2e, water } = isObject(told) ? told : ({} as Record<string, unknown>);
  return {
    pue: isFactor(pue, value => value >= 1) ? pue : null,
    co2e: isFactor(co2e, value => value >= 0) && hasMethod(co2e) ? co2e : null,
    water: isFactor(water, value => value > 0) ? water : null
  };
}

function isFactor(told: unknown, fits: (value: number) => boolean): told is IFactor {
  return (
    isObject(told) &&
    isNumber(told.value) &&
    fits(told.value as number) &&
    Number.isInteger(told.year) &&
    typeof told.source === 'string'
  );
}

const hasMethod = (told: IFactor): told is ICo2eFactor => typeof (told as Partial<ICo2eFactor>).method === 'string';
