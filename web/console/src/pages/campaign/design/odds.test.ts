import { expect, it } from "vitest";
import { oddsOf, poolsOf } from "./odds";

const prizes = [
  { code: "cup", name: "Cup", value_cents: 3900, cost_cents: 1500 },
  { code: "pan", name: "Pan", value_cents: 5000, cost_cents: 2500 },
  { code: "tv", name: "TV", value_cents: 20000, cost_cents: 9000 },
  { code: "pts", name: "Points" },
];
const tiers = [
  { code: "small", weight: 6000, value_cents: { min: 0, max: 5000 } },
  { code: "big", weight: 1000, value_cents: { min: 5000, max: 90000 } },
  { code: "points", weight: 3000, prizes: ["pts"] },
];

it.each([
  [{ code: "all", tiers: ["small", "big", "points"] }, [["small", 0.6, ["Cup"], 1500], ["big", 0.1, ["Pan", "TV"], 5750], ["points", 0.3, ["Points"], 0]]],
  [{ code: "start", tiers: ["small", "points"] }, [["small", 6 / 9, ["Cup"], 1500], ["points", 3 / 9, ["Points"], 0]]],
  [{ code: "none", tiers: [] }, []],
])("the odds of %j", (pool, want) => {
  const got = oddsOf(pool, tiers, prizes).map((odds) => [odds.code, odds.probability, odds.prizes, odds.costCents]);
  expect(got).toEqual(want);
});

it("knows one pool of all tiers where none is written", () => {
  expect(poolsOf([], tiers)).toEqual([{ code: "all", tiers: ["small", "big", "points"] }]);
});
