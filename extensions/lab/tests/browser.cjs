/** What a browser has and jsdom has not. */
globalThis.DragEvent ??= class DragEvent extends Event {};
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
globalThis.fetch ??= () => Promise.reject(new Error('no network in tests'));
globalThis.matchMedia ??= query => ({ media: query, matches: false, addEventListener() {}, removeEventListener() {} });
globalThis.requestIdleCallback ??= callback => setTimeout(callback, 0);
globalThis.cancelIdleCallback ??= clearTimeout;
