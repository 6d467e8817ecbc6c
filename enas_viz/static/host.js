/** Stand-in for a notebook: a model that only this page knows, so that a widget's module plays in it. */

/** The part of anywidget's model that our widgets use, over a plain object. */
export function hostModel(state) {
  const heard = {};
  return {
    get: (name) => state[name],
    set(name, value) {
      if (state[name] === value || Number.isNaN(value)) return; // no trait is NaN
      state[name] = value;
      for (const then of [...(heard[`change:${name}`] ?? [])]) then();
    },
    on: (event, then) => (heard[event] ??= new Set()).add(then),
    off: (event, then) => heard[event]?.delete(then),
    save_changes() {},
  };
}
