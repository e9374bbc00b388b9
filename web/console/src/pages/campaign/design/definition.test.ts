import { describe, expect, it } from "vitest";
import { changesOf, merge, stepOf, tidy } from "./definition";

const base = {
  name: "Spring",
  starts_at: "2026-01-01T00:00:00Z",
  ends_at: "2026-02-01T00:00:00Z",
  strict: false,
  prizes: [
    { code: "a", name: "A", kind: "goods", stock: 1 },
    { code: "b", name: "B", kind: "goods", stock: 2 },
  ],
  tiers: [{ code: "t", slots: 1, weight: 1 }],
  limits: { per_day: 1 },
};
const withStock = (a: number, b: number) => ({
  ...base,
  prizes: [
    { code: "a", name: "A", kind: "goods", stock: a },
    { code: "b", name: "B", kind: "goods", stock: b },
  ],
});

describe("a definition in a form", () => {
  it("is no change where nothing was changed", () => {
    const shown = {
      ...base,
      description: "",
      starts_at: "2026-01-01T00:00:00.000Z",
      limits: { per_day: 1, per_week: null, new_shoppers: false },
      prizes: base.prizes.map((prize) => ({ ...prize, once: false, skus: [], release: [], points: {} })),
      pools: [],
    };
    expect(changesOf(base, shown)).toEqual({});
  });

  it("changes shares of arms one by one, and takes one back by null", () => {
    const shares = { random_percent: 10, popular_percent: 0, explore_percent: 5 };
    const dealt = { ...base, composition: shares };
    expect(changesOf(base, { ...base, composition: { random_percent: null, popular_percent: undefined } })).toEqual({});
    expect(changesOf(dealt, dealt)).toEqual({});
    expect(changesOf(base, { ...base, composition: { random_percent: 20 } })).toEqual({ composition: { random_percent: 20 } });
    expect(changesOf(dealt, { ...base, composition: { ...shares, explore_percent: null } })).toEqual({ composition: { explore_percent: null } });
    expect(stepOf("composition.random_percent")).toBe("limits");
  });

  it("knows the usual skin, and takes a drawing back by null", () => {
    const entry = { tickets: "draws", prize: "a", winners: 3, alternates: 0 };
    expect(changesOf(base, { ...base, skin: "nine_grid", entry: null })).toEqual({});
    expect(changesOf(base, { ...base, skin: "egg", entry })).toEqual({ skin: "egg", entry });
    expect(changesOf({ ...base, skin: "egg", entry }, { ...base, entry: null })).toEqual({ skin: "nine_grid", entry: null });
  });

  it("takes back a limit by null", () => {
    expect(changesOf(base, { ...base, limits: { per_day: null } })).toEqual({ limits: { per_day: null } });
  });

  it("keeps only what is written", () => {
    expect(tidy({ ...base, id: "1", state: "draft" })).not.toHaveProperty("id");
  });
});

describe("two people's edits", () => {
  it.each([
    ["different members", { ...base, name: "Mine" }, { ...base, limits: { per_day: 5 } }, { name: "Mine", limits: { per_day: 5 } }, []],
    ["one member by both: mine stands", { ...base, name: "Mine" }, { ...base, name: "Theirs" }, { name: "Mine" }, ["name"]],
    ["different prizes of one list", withStock(10, 2), withStock(1, 20), { prizes: withStock(10, 20).prizes }, ["prizes"]],
    ["a prize taken out by them", withStock(1, 9), { ...base, prizes: [base.prizes[1]] }, { prizes: [withStock(1, 9).prizes[1]] }, ["prizes"]],
  ])("%s", (_, mine, theirs, want, both) => {
    const merged = merge(base, mine, theirs);
    expect(merged.definition).toMatchObject(want);
    expect(merged.both).toEqual(both);
  });
});

it.each([
  ["prizes[1].stock", "prizes"],
  ["limits.per_day", "limits"],
  ["spend_weights[0].from_cents", "tiers"],
  ["flow", "flow"],
  ["ends_at", "basics"],
  ["entry.winners", "entry"],
  ["skin", "basics"],
])("%s is shown by %s", (field, step) => expect(stepOf(field)).toBe(step));
