// A list of models as the picker shows it: grouped, filtered, with options. Only `id` and `label` of a model are validated by the
// server; all other fields come from a program on the machine as they are.
import type { Model } from "doorbell-client";
import { objectOf, textOf } from "./text.js";

/** More levels or tiers of one model than any program has. */
const MAX_OPTIONS = 50;

export interface Option {
  value: string;
  label: string;
  description?: string;
}

export interface Choice {
  id: string;
  label: string;
  provider: string;
  isDefault: boolean;
  levels: Option[];
  defaultLevel?: string;
  tiers: Option[];
  /** What the search compares with. */
  haystack: string;
}

export interface Group {
  provider: string;
  choices: Choice[];
}

/** The name of the group of models without provider. */
export const OTHER = "Other";

function options(value: unknown, key: string, name: string): Option[] {
  if (!Array.isArray(value)) return [];
  const found: Option[] = [];
  for (const entry of value.slice(0, MAX_OPTIONS)) {
    const fields = objectOf(entry);
    const id = textOf(fields?.[key]);
    if (id === undefined || found.some((option) => option.value === id)) continue;
    const description = textOf(fields?.["description"], 1_000);
    found.push({ value: id, label: textOf(fields?.[name]) ?? id, ...(description === undefined ? {} : { description }) });
  }
  return found;
}

export function choiceOf(model: Model): Choice {
  const provider = textOf(model.provider, 200) ?? OTHER;
  const thinking = objectOf(model.thinking);
  const levels = options(thinking?.["supported_levels"], "value", "label");
  const defaultLevel = textOf(thinking?.["default_level"]);
  return {
    id: model.id,
    label: model.label,
    provider,
    isDefault: model.default === true,
    levels,
    ...(defaultLevel !== undefined && levels.some((level) => level.value === defaultLevel) ? { defaultLevel } : {}),
    tiers: options(model.service_tiers, "id", "name"),
    haystack: `${model.label}\n${model.id}\n${provider}`.toLowerCase(),
  };
}

/** The groups in order of their first model; models without provider come last. */
export function groupsOf(models: readonly Model[]): Group[] {
  const groups = new Map<string, Group>();
  for (const model of models) {
    const choice = choiceOf(model);
    const group = groups.get(choice.provider);
    if (group) group.choices.push(choice);
    else groups.set(choice.provider, { provider: choice.provider, choices: [choice] });
  }
  const other = groups.get(OTHER);
  groups.delete(OTHER);
  return other ? [...groups.values(), other] : [...groups.values()];
}

/** A test for what the user typed: each word must occur in label, id or provider. */
export function matcher(search: string): (choice: Choice) => boolean {
  const words = search.toLowerCase().split(/\s+/).filter((word) => word !== "");
  return (choice) => words.every((word) => choice.haystack.includes(word));
}

/** The model to show as chosen: the one chosen before if it is still there, or the program's default. */
export function initialChoice(groups: readonly Group[], before: string | undefined): Choice | undefined {
  const all = groups.flatMap((group) => group.choices);
  return all.find((choice) => choice.id === before) ?? all.find((choice) => choice.isDefault);
}
