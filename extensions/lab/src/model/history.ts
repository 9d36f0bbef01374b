/** The last minutes of a measured value, for a graph. */

export interface IPoint {
  /** Unix seconds of this browser's clock. */
  at: number;
  /** Null where nothing was measured. */
  value: number | null;
}

/** Points of the last `seconds`; older ones are forgotten, so hours of them take no more room than minutes. */
export class History {
  private points: IPoint[] = [];

  constructor(readonly seconds: number) {}

  add(at: number, value: number | null): void {
    const last = this.points[this.points.length - 1];
    if (last && at <= last.at) {
      return;
    }
    this.points.push({ at, value });
    const oldest = at - this.seconds;
    if (this.points[0]!.at < oldest) {
      this.points = this.points.filter(point => point.at >= oldest);
    }
  }

  get all(): readonly IPoint[] {
    return this.points;
  }

  get latest(): number | null {
    return this.points[this.points.length - 1]?.value ?? null;
  }
}
