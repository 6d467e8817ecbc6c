/** Facts about the pure functions of the editor's module. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./module.mjs";

const editor = await load("editor.js");

const plan = [
  { at: "0", kind: "pick" }, { at: "0", kind: "silent" },
  { at: "1", kind: "pick" }, { at: "1", kind: "bits" },
  { at: "2", kind: "silent" },
];

test("the default export is the widget, and no other name is render", () => {
  assert.deepEqual(Object.keys(editor.default), ["render"]);
  assert.equal("render" in editor, false);
});

test("a click on a layer goes to the step that decides it", () => {
  assert.equal(editor.turnOf(plan, 2, 0), 2);
});

test("a second click goes on to the layer's skips, a third comes back", () => {
  assert.equal(editor.turnOf(plan, 2, 2), 3);
  assert.equal(editor.turnOf(plan, 2, 3), 2);
});

test("what decides nothing else stays", () => {
  assert.equal(editor.turnOf(plan, 0, 0), 0);
  assert.equal(editor.turnOf(plan, 4, 2), 4);
});
