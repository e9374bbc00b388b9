import { describe, expect, it } from "vitest";
import { burnCurves } from "./insight";

const HOUR = 3_600_000;
const at = (hour: number) => new Date(hour * HOUR).toISOString();
const step = (hour: number, won: number) => ({ at: at(hour), draws: won, wins: won, cost_cents: 0, prizes: { cup: won } });
const prize = (left: number, last_hour: number) => ({ code: "cup", stock: 100, left, last_hour });

describe("the burn-down of a stock", () => {
  it("goes back from what is left, and on at the last hour's pace until it is gone", () => {
    const [curve] = burnCurves([step(0, 10), step(1, 20), step(2, 30), step(3, 10)], "hour", [prize(30, 60)], (code) => code, 3.5 * HOUR);
    expect(curve?.past).toEqual([
      [0, 1],
      [HOUR, 0.9],
      [2 * HOUR, 0.7],
      [3 * HOUR, 0.4],
      [3.5 * HOUR, 0.3],
    ]);
    expect(curve?.ahead).toEqual([
      [3.5 * HOUR, 0.3],
      [4 * HOUR, 0],
      [5.25 * HOUR, 0],
    ]);
  });

  it.each([
    ["a pace that lasts", [prize(100, 4)], [100, 93]],
    ["no pace at all", [prize(50, 0)], [50, 50]],
    ["an empty stock", [prize(0, 0)], [0, 0]],
  ])("%s", (_, stock, ends) => {
    const [curve] = burnCurves([step(0, 0)], "hour", stock, (code) => code, 3.5 * HOUR);
    expect(curve?.ahead.map(([, share]) => Math.round(share * 100))).toEqual(ends);
  });

  it("is nothing without a step or a stock", () => {
    expect(burnCurves([], "hour", [prize(1, 1)], (code) => code, HOUR)).toEqual([]);
    expect(burnCurves([step(0, 1)], "hour", [], (code) => code, HOUR)).toEqual([]);
  });
});
