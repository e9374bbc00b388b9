import { describe, expect, it } from "vitest";
import { orderOf, sortingOf, wordOf } from "./sorting";

describe("the order of a list", () => {
  it.each([
    ["name", { column: "name", isDescending: false }],
    ["-name", { column: "name", isDescending: true }],
    ["", undefined],
    ["-", undefined],
    [undefined, undefined],
  ])("%s is read", (text, want) => {
    expect(sortingOf(text)).toEqual(want);
  });

  it.each([
    ["name", "ascend", "name"],
    ["name", "descend", "-name"],
    ["name", null, undefined],
    [undefined, "ascend", undefined],
  ] as const)("a click on %s (%s) asks for %s", (column, order, want) => {
    expect(wordOf(column, order)).toBe(want);
  });

  it("is shown at its column alone", () => {
    expect(orderOf("name", sortingOf("-name"))).toBe("descend");
    expect(orderOf("name", sortingOf("name"))).toBe("ascend");
    expect(orderOf("at", sortingOf("name"))).toBeNull();
    expect(orderOf("at", undefined)).toBeNull();
  });
});
