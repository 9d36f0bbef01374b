/** What a browser has and jsdom has not. */
globalThis.DragEvent ??= class DragEvent extends Event {};
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
globalThis.fetch ??= () => Promise.reject(new Error('no network in tests'));
