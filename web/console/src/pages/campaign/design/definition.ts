import type { Schema } from "@koi/client";
import { applyPatch, compact, isSame, mergePatch } from "../../../lib/path";

export type Definition = Schema<"CampaignDefinition">;
export type Campaign = Schema<"Campaign">;
type Members = Record<string, unknown>;

/** The members of a campaign that an operator writes; the rest of an answer is what the server says of it. */
const WRITTEN = [
  "name", "description", "starts_at", "ends_at", "visible_from", "visible_until", "currency", "time_zone", "prizes", "tiers", "spend_weights", "pools",
  "flow", "limits", "chances", "strict", "claim_terms", "claim_days", "expected_draws", "composition", "entry", "skin",
] as const;

/** The parts of the design, each a panel of the page. */
export const STEPS = ["basics", "prizes", "tiers", "pools", "chances", "limits", "entry", "check"] as const;
export type Step = (typeof STEPS)[number];

/** The panel that shows a field of the server's. */
export function stepOf(field: string): Step | "flow" {
  const [head = ""] = field.split(/[.[]/);
  if (head === "spend_weights") return "tiers";
  if (head === "composition") return "limits";
  if (head === "flow") return "flow";
  return (STEPS as readonly string[]).includes(head) ? (head as Step) : "basics";
}

const isEmpty = (value: unknown) =>
  (Array.isArray(value) && value.length === 0) || (typeof value === "object" && value !== null && Object.keys(value).length === 0);

/** A list's item as the server writes it: without what is empty or no. */
function tidyItem<T extends object>(item: T): T {
  const kept = Object.entries(compact(item)).filter(([, value]) => value !== false && !isEmpty(value));
  return Object.fromEntries(kept) as T;
}

const seconds = (time: unknown) => (typeof time === "string" ? time.replace(/\.000Z$/, "Z") : time);

/** A definition as the server writes it, so that two of them can be compared and a patch holds only what was changed. */
export function tidy(definition: Members): Members {
  const made = compact(Object.fromEntries(WRITTEN.map((key) => [key, definition[key]])) as Members);
  for (const list of ["prizes", "tiers", "pools", "spend_weights"]) {
    made[list] = ((made[list] as object[] | undefined) ?? []).map(tidyItem);
  }
  made["pools"] = (made["pools"] as Members[]).map((pool) => ({ ...pool, tiers: pool["tiers"] ?? [] }));
  made["limits"] = tidyItem((made["limits"] as object | undefined) ?? {});
  made["chances"] = tidyItem((made["chances"] as object | undefined) ?? {});
  for (const time of ["starts_at", "ends_at", "visible_from", "visible_until"]) {
    if (made[time] !== undefined) made[time] = seconds(made[time]);
  }
  if (isEmpty(made["spend_weights"])) delete made["spend_weights"];
  if (made["composition"] !== undefined) made["composition"] = compact(made["composition"] as Members);
  if (isEmpty(made["composition"])) delete made["composition"];
  made["strict"] = made["strict"] ?? false;
  made["skin"] = made["skin"] ?? "nine_grid";
  if (made["entry"] !== undefined) made["entry"] = compact(made["entry"] as Members);
  return made;
}

/** What a person changed, as `PATCH` takes it. */
export function changesOf(base: Members, edited: Members): Members {
  return mergePatch(tidy(base), tidy(edited));
}

type Coded = { code?: string };
const byCode = (list: unknown): Map<string, Coded> => new Map(((list as Coded[] | undefined) ?? []).map((item) => [item.code ?? "", item]));

/** Two people's edits of a list whose items have codes: each keeps what only one of them touched; where both did, `mine` stands. */
function mergeList(base: unknown, mine: unknown, theirs: unknown): Coded[] {
  const [was, our, other] = [byCode(base), byCode(mine), byCode(theirs)];
  const kept = [...our.values()].flatMap((item) => {
    const [before, changed] = [was.get(item.code ?? ""), other.get(item.code ?? "")];
    if (!isSame(before, item)) return [item];
    return changed ? [changed] : [];
  });
  const added = [...other.values()].filter((item) => !was.has(item.code ?? "") && !our.has(item.code ?? ""));
  return [...kept, ...added];
}

export interface Merged {
  definition: Members;
  /** Members that both sides changed. */
  both: string[];
  /** Members that only the other side changed. */
  theirs: string[];
}

/** My edits on top of somebody else's, both of which started from `base`. */
export function merge(base: Members, mine: Members, current: Members): Merged {
  const [was, our, other] = [tidy(base), tidy(mine), tidy(current)];
  const [ours, others] = [mergePatch(was, our), mergePatch(was, other)];
  const definition = applyPatch(other, ours);
  for (const list of ["prizes", "tiers"]) {
    if (list in ours && list in others) definition[list] = mergeList(was[list], our[list], other[list]);
  }
  const both = Object.keys(ours).filter((key) => key in others);
  return { definition, both, theirs: Object.keys(others).filter((key) => !(key in ours)) };
}
