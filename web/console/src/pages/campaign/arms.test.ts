import { describe, expect, it } from "vitest";
import { axisEnd } from "./arms-chart";

const arm = (low: number, value: number, high: number) => ({ arm: "personal", shoppers: 10, bought_after: 1, rate: { low, value, high } });

describe("the axis of arms", () => {
  it.each([
    [[], 0.1],
    [[arm(0, 0, 0)], 0.1],
    [[arm(0.02, 0.05, 0.12)], 0.2],
    [[arm(0.1, 0.3, 0.41), arm(0, 0.1, 0.2)], 0.5],
    [[arm(0.5, 1, 1)], 1],
  ])("%# ends at %d", (arms, end) => {
    expect(axisEnd(arms)).toBe(end);
  });
});
