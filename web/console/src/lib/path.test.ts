import { describe, expect, it } from "vitest";
import { applyPatch, compact, mergePatch, namePath } from "./path";

describe("the server's names of fields", () => {
  it.each([
    ["name", ["name"]],
    ["prizes[2].value_cents", ["prizes", 2, "value_cents"]],
    ["limits.per_day", ["limits", "per_day"]],
    ["tiers[0].prizes[1]", ["tiers", 0, "prizes", 1]],
    ["", []],
  ])("%s", (field, want) => expect(namePath(field)).toEqual(want));
});

describe("merge patches", () => {
  it.each([
    [{ a: 1 }, { a: 1 }, {}],
    [{ a: 1 }, { a: 2 }, { a: 2 }],
    [{ a: 1, b: 2 }, { a: 1 }, { b: null }],
    [{ l: { x: 1, y: 2 } }, { l: { x: 1 } }, { l: { y: null } }],
    [{ l: [1, 2] }, { l: [1] }, { l: [1] }],
    [{}, { l: { x: 1 } }, { l: { x: 1 } }],
  ])("%j to %j", (from, to, want) => {
    const patch = mergePatch(from, to);
    expect(patch).toEqual(want);
    expect(applyPatch(from, patch)).toEqual(to);
  });

  it("leaves out what says nothing", () => {
    expect(compact({ a: "", b: null, c: [{ d: undefined, e: 0 }], f: false })).toEqual({ c: [{ e: 0 }], f: false });
  });
});
