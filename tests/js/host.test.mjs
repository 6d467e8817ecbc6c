/** Facts about the stand-in for a notebook in exported pages. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { hostModel } from "../../enas_viz/static/host.js";

test("a page that sets what is no number changes nothing and tells nobody", () => {
  const model = hostModel({ step: 2 }), told = [];
  model.on("change:step", () => told.push(model.get("step")));

  model.set("step", NaN);
  model.set("step", 3);

  assert.deepEqual(told, [3]);
});
