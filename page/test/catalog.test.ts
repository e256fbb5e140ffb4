import assert from "node:assert/strict";
import { test } from "node:test";
import type { Model } from "doorbell-client";
import { choiceOf, groupsOf, initialChoice, matcher } from "../src/catalog.js";

const model = (fields: Record<string, unknown>): Model => ({ id: "id", label: "Label", ...fields }) as Model;

const labels = (models: Model[]): [string, string[]][] =>
  groupsOf(models).map(({ provider, choices }) => [provider, choices.map(({ label }) => label)]);

test("groups come in order of their first model, Other last", () => {
  const models = [
    model({ label: "A" }),
    model({ label: "B", provider: "zeta" }),
    model({ label: "C", provider: "alpha" }),
    model({ label: "D", provider: "zeta" }),
  ];
  assert.deepEqual(labels(models), [["zeta", ["B", "D"]], ["alpha", ["C"]], ["Other", ["A"]]]);
});

test("a provider that is no text is Other", () => {
  for (const provider of [null, {}, [], true, "", "  "]) assert.equal(choiceOf(model({ provider })).provider, "Other");
});

test("levels keep their order and name the default", () => {
  const supported_levels = [{ value: "high", label: "High" }, { value: "low", label: "Low", description: "Quick" }];
  const choice = choiceOf(model({ thinking: { supported_levels, default_level: "low" } }));
  assert.deepEqual(choice.levels.map(({ label }) => label), ["High", "Low"]);
  assert.equal(choice.levels[1]?.description, "Quick");
  assert.equal(choice.defaultLevel, "low");
});

test("a default level that is not supported is none", () => {
  const thinking = { supported_levels: [{ value: "low", label: "Low" }], default_level: "max" };
  assert.equal(choiceOf(model({ thinking })).defaultLevel, undefined);
});

test("levels and tiers of another shape are left out", () => {
  for (const wrong of [7, "low", null, {}, [null, 3, {}, { value: {} }, { id: [] }]]) {
    const choice = choiceOf(model({ thinking: { supported_levels: wrong }, service_tiers: wrong }));
    assert.deepEqual([choice.levels, choice.tiers], [[], []]);
  }
  assert.deepEqual(choiceOf(model({ thinking: "deep" })).levels, []);
});

test("a level without label is shown by its value", () => {
  const choice = choiceOf(model({ thinking: { supported_levels: [{ value: 3 }] } }));
  assert.deepEqual(choice.levels, [{ value: "3", label: "3" }]);
});

test("levels are at most fifty", () => {
  const supported_levels = Array.from({ length: 60 }, (_, index) => ({ value: `${index}` }));
  assert.equal(choiceOf(model({ thinking: { supported_levels } })).levels.length, 50);
});

test("search finds each word in label, id or provider", () => {
  const choice = choiceOf(model({ id: "claude-opus-5", label: "Opus 5", provider: "Anthropic" }));
  for (const search of ["", " ", "OPUS", "claude 5", "anthropic opus"]) assert.ok(matcher(search)(choice), search);
  for (const search of ["sonnet", "opus 6"]) assert.ok(!matcher(search)(choice), search);
});

test("the model chosen before stays chosen", () => {
  const groups = groupsOf([model({ id: "a", default: true }), model({ id: "b" })]);
  assert.equal(initialChoice(groups, "b")?.id, "b");
});

test("the default is chosen if the model chosen before is gone", () => {
  const groups = groupsOf([model({ id: "b" }), model({ id: "a", default: true })]);
  assert.equal(initialChoice(groups, "gone")?.id, "a");
  assert.equal(initialChoice(groupsOf([model({ default: "yes" })]), undefined), undefined);
});
