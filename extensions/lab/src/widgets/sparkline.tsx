import * as React from 'react';

import type { IPoint } from '../model/history';

const WIDTH = 160;
const HEIGHT = 32;

export interface ISparkline {
  points: readonly IPoint[];
  /** The top of the graph; the highest point where it is not known. */
  most?: number | null;
  /** Seconds from the left edge to the right one. */
  seconds: number;
  /** What is drawn, for who does not see it: name and value now. */
  label: string;
}

/** A line of the last minutes. Where nothing was measured there is a gap, not a zero. */
export function Sparkline({ points, most, seconds, label }: ISparkline): React.ReactElement {
  const values = points.flatMap(point => (point.value === null ? [] : [point.value]));
  const top = Math.max(most ?? 0, ...values, 1e-9);
  const right = points[points.length - 1]?.at ?? 0;
  const lines = runs(points).map(run =>
    run
      .map(point => {
        const x = WIDTH * (1 - (right - point.at) / seconds);
        const y = HEIGHT - 1 - (HEIGHT - 2) * (point.value! / top);
        return `${x.toFixed(1)},${y.toFixed(1)}`;
      })
      .join(' ')
  );
  return (
    <svg className="wb-Sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <line x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} className="wb-Sparkline-base" />
      {lines.map((line, number) => (
        <polyline key={number} points={line} className="wb-Sparkline-line" />
      ))}
    </svg>
  );
}

/** Points that follow each other without a gap. */
export function runs(points: readonly IPoint[]): IPoint[][] {
  const found: IPoint[][] = [[]];
  for (const point of points) {
    if (point.value === null) {
      found.push([]);
    } else {
      found[found.length - 1]!.push(point);
    }
  }
  return found.filter(run => run.length > 0);
}
