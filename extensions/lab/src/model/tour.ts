/** The tour of what Werkbank adds to JupyterLab: its steps, and whether to propose it. */

import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyJSONObject } from '@lumino/coreutils';

export const TOUR = 'werkbank-lab:tour';

/** What jupyterlab-tour fills in. */
const [STEP, STEPS] = ['{step}', '{steps}'];
/** Whoever has let it pass so often does not want it. */
const MOST_INVITATIONS = 3;

/** What is kept for its user, over browsers and seats. */
export interface ITourMemory {
  /** Taken, or declined. */
  done?: boolean;
  /** How often it was proposed. */
  invitations?: number;
}

export function shouldInvite({ done, invitations }: ITourMemory): boolean {
  return done !== true && (invitations ?? 0) < MOST_INVITATIONS;
}

/** As jupyterlab-tour wants it. A step whose place is not on the page is left out by it. */
export function tour(trans: TranslationBundle): ReadonlyJSONObject {
  return {
    id: TOUR,
    label: trans.__('Werkbank Tour'),
    hasHelpEntry: true,
    options: {
      disableScrolling: true,
      locale: {
        back: trans.__('Back'),
        close: trans.__('Close'),
        last: trans.__('Done'),
        next: trans.__('Next'),
        nextLabelWithProgress: trans.__('Next (%1 of %2)', STEP, STEPS),
        open: trans.__('Open'),
        skip: trans.__('Skip')
      }
    },
    steps: steps(trans)
  };
}

function steps(trans: TranslationBundle): ReadonlyJSONObject[] {
  return [
    {
      target: '#jp-main-dock-panel',
      placement: 'center',
      title: trans.__('Welcome to Werkbank'),
      content: trans.__('This is JupyterLab, with GPUs that come when you compute and go when you do not. Five places are worth knowing.')
    },
    {
      target: '.jp-Launcher-section',
      placement: 'bottom',
      title: trans.__('A notebook, with a GPU or without'),
      content: trans.__('Each card starts a notebook. Those with a GPU tell how many are free and how long others wait.')
    },
    {
      target: 'li[data-id="werkbank-compute"]',
      placement: 'right',
      title: trans.__('GPUs, queue and clusters'),
      content: trans.__('What your kernels hold, what they do with it, where you are in the queue and why. Dask clusters start here too.')
    },
    {
      target: 'li[data-id="werkbank-lessons"]',
      placement: 'right',
      title: trans.__('Lessons'),
      content: trans.__('Notebooks with exercises that check themselves. What you change in them stays yours.')
    },
    {
      target: '#jp-main-statusbar',
      placement: 'top',
      title: trans.__('At one glance'),
      content: trans.__('Below, each notebook tells what its GPU does. An idle GPU goes to who waits; your variables stay, and it comes back at your next cell.')
    },
    {
      target: '#jp-MainMenu',
      placement: 'bottom',
      title: trans.__('Menus'),
      content: trans.__('Kernel: keep the GPU, give it back, or take another. Help: this tour again.')
    }
  ];
}
