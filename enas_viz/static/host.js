/** Stands in for the notebook in an exported page: the same module, a model without a kernel. */

function show(el, state) {
  const heard = new Map();
  const model = {
    get: (name) => state[name],
    set(name, value) {
      if (state[name] === value) return;
      state[name] = value;
      for (const f of heard.get(`change:${name}`) ?? []) f();
    },
    on: (event, f) => heard.set(event, (heard.get(event) ?? new Set()).add(f)),
    off: (event, f) => heard.get(event)?.delete(f),
    save_changes() {},
  };
  return render({ model, el });
}
