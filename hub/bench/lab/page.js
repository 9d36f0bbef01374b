/** What the benchmark sees inside the page. It comes before JupyterLab's own scripts; times are of `performance`. */
window.werkbankBench = (() => {
  const panel = () => document.getElementById('werkbank-compute');
  const count = () => panel()?.querySelectorAll('.wb-Card').length ?? 0;
  const names = () => [...(panel()?.querySelectorAll('.wb-Card-title') ?? [])].map(title => title.textContent);
  const isDrawn = () =>
    document.getElementById('main') !== null &&
    document.querySelector('.jp-LauncherCard') !== null &&
    document.getElementById('jupyterlab-splash') === null;

  /** Resolves as soon as the document is so. */
  const when = holds =>
    new Promise(resolve => {
      const look = () => {
        if (holds()) {
          observer.disconnect();
          resolve();
        }
      };
      const observer = new MutationObserver(look);
      observer.observe(document, { childList: true, subtree: true, characterData: true, attributes: true });
      look();
    });

  const frame = () => new Promise(resolve => requestAnimationFrame(resolve));

  /** When what is in the document now has been painted. */
  const painted = async () => {
    await frame();
    await frame();
    return performance.now();
  };

  const bench = {
    /** Milliseconds from the navigation until JupyterLab is there with its launcher. */
    started: when(isDrawn).then(() => performance.now()),

    /** From the next press of a button until the panel has been painted with so many cards: `opened`. */
    watchOpening(cards) {
      bench.opened = new Promise(resolve => {
        const onPress = async event => {
          await when(() => panel()?.checkVisibility() && count() === cards);
          resolve((await painted()) - event.timeStamp);
        };
        document.addEventListener('pointerdown', event => void onPress(event), { capture: true, once: true });
      });
    },

    /** Resolves once the panel shows so many cards. */
    shows: cards => when(() => count() === cards),

    /** Give a lease back at the broker: milliseconds from its reply until the panel has been painted without it. */
    async release(address, token, holder) {
      const gone = when(() => !names().includes(holder)).then(painted);
      const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
      const reply = await fetch(address, { method: 'POST', headers, body: '{}', credentials: 'omit' });
      const replied = performance.now();
      if (!reply.ok) {
        throw new Error(`the broker answered ${reply.status}`);
      }
      // The panel may have heard of it before.
      return Math.max(0, (await gone) - replied);
    }
  };
  return bench;
})();
