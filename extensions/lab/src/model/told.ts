/** What was told already, so that it is told once: in whichever tab, and not again after a reload. */

type Storage = Pick<globalThis.Storage, 'getItem' | 'setItem' | 'removeItem'>;

export class Told {
  /** `prefix` keeps people and workbenches apart. Without a storage, each tab remembers for itself. */
  constructor(
    private readonly prefix: string,
    private readonly storage: Storage | undefined = kept()
  ) {}

  private readonly own = new Map<string, number>();

  /** Whether this number of something is higher than any before; from now on it is not. */
  isNew(what: string, number: number): boolean {
    if (number <= this.last(what)) {
      return false;
    }
    this.own.set(what, number);
    try {
      this.storage?.setItem(this.prefix + what, String(number));
    } catch {
      // Full, or closed to us: this tab remembers.
    }
    return true;
  }

  /** As if it had not been told. */
  forget(what: string): void {
    this.own.delete(what);
    this.storage?.removeItem(this.prefix + what);
  }

  private last(what: string): number {
    const stored = Number(this.storage?.getItem(this.prefix + what) ?? 0);
    return Math.max(this.own.get(what) ?? 0, Number.isFinite(stored) ? stored : 0);
  }
}

function kept(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}
