/** Something that a person asked for, and what became of it. */

import * as React from 'react';

export interface IAttempt {
  busy: boolean;
  /** The sentence of a refusal; empty where there was none. */
  problem: string;
  run(act: () => Promise<unknown>): void;
}

/** One thing at a time; its refusal stays until the next. */
export function useAttempt(): IAttempt {
  const [busy, setBusy] = React.useState(false);
  const [problem, setProblem] = React.useState('');
  const attempt = async (act: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    setProblem('');
    try {
      await act();
    } catch (refusal) {
      setProblem(refusal instanceof Error ? refusal.message : String(refusal));
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, run: act => void attempt(act) };
}

export function Attempt({ attempt }: { attempt: IAttempt }): React.ReactElement | null {
  return attempt.problem === '' ? null : (
    <p className="wb-Card-problem" role="alert">
      {attempt.problem}
    </p>
  );
}
