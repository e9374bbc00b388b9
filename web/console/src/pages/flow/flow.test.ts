import { describe, expect, it } from "vitest";
import { addOther, format, insert, move, remove, rename, setCond, setData, setTag, wrap } from "./edit";
import { ElError, parse, type Node } from "./el";
import { graphOf, walk } from "./graph";

const find = (text: string, name: string): Node => {
  const flow = parse(text);
  const all = [flow.main, ...flow.subs.map((sub) => sub.node)].flatMap(walk);
  const found = all.find((node) => (node.kind === "call" ? node.call.name === name : node.kind === name));
  if (!found) throw new Error(`no ${name} in ${text}`);
  return found;
};

describe("texts that make no sense", () => {
  it.each([
    ["", 1, 1, "expected a rule"],
    ["THEN()", 1, 6, "holds nothing"],
    ["THEN(pool, draw", 1, 16, "expected `)`"],
    ["THEN(pool,\n  draw) stock", 2, 9, "the flow is over"],
    ["WHILE(x).DO(y)", 1, 1, "loop without a bound"],
    ["FOR(101).DO(draw)", 1, 5, "rounds"],
    ["IF(1, draw)", 1, 4, "expected a condition"],
    ["THEN(pool.data('a').data('b'))", 1, 21, "comes twice"],
    ["pool.data('a\\q')", 1, 11, "no escape"],
    ["/* never", 1, 1, "comment never ends"],
    ["x() = draw", 1, 2, "the flow is over"],
    ["SWITCH(split).tag('a')", 1, 14, "expected `.to`"],
    ["锦鲤(", 1, 3, "the flow is over"],
  ])("%j", (text, line, column, message) => {
    try {
      parse(text);
      expect.fail("it was read");
    } catch (error) {
      expect(error).toBeInstanceOf(ElError);
      expect((error as ElError).at).toEqual({ line, column });
      expect((error as ElError).message).toContain(message);
    }
  });
});

it("draws what the server draws", () => {
  const text = 'THEN(WHEN(blacklist, limits), CATCH(cooldown).DO(points_only), pool, draw.tag("roll"), stock, IF(sold_out, fallback))';
  const { boxes, arrows } = graphOf(text);
  expect(boxes.map((box) => `${box.id} ${box.kind} ${box.label}${box.tag ? ` [${box.tag}]` : ""}`)).toEqual([
    "n0 start start", "n1 fork WHEN", "n2 rule blacklist", "n3 rule limits", "n4 join first refusal counts", "n5 catch CATCH", "n6 rule cooldown",
    "n7 rule points_only", "n8 rule pool", "n9 rule draw [roll]", "n10 rule stock", "n11 condition sold_out", "n12 rule fallback", "n13 end end",
  ]);
  expect(arrows.map((one) => `${one.from}>${one.to}${one.label ? `:${one.label}` : ""}`)).toEqual([
    "n0>n1", "n1>n2", "n1>n3", "n2>n4", "n3>n4", "n4>n5", "n5>n6", "n5>n7:refused", "n6>n8", "n7>n8", "n8>n9", "n9>n10", "n10>n11", "n11>n12:yes", "n12>n13", "n11>n13:no",
  ]);
});

describe("edits of the drawing change the text", () => {
  it.each<[string, string, (text: string) => string | undefined, string]>([
    ["after, in its THEN", "THEN(pool, draw)", (t) => insert(t, find(t, "pool"), "weight", "after"), "THEN(pool, weight, draw)"],
    ["before, comments kept", "THEN(pool, // odds\n draw)", (t) => insert(t, find(t, "draw"), "weight", "before"), "THEN(pool, // odds\n weight, draw)"],
    ["after, in one made for both", "IF(sold_out, fallback)", (t) => insert(t, find(t, "fallback"), "stock", "after"), "IF(sold_out, THEN(fallback, stock))"],
    ["out of the middle", "THEN(a, b, c)", (t) => remove(t, find(t, "b")), "THEN(a, c)"],
    ["the last one", "THEN(a, b)", (t) => remove(t, find(t, "b")), "THEN(a)"],
    ["an else", "IF(sold_out, a, b)", (t) => remove(t, find(t, "b")), "IF(sold_out, a)"],
    ["an ELSE", "IF(sold_out, a).ELIF(locked, b).ELSE(c)", (t) => remove(t, find(t, "c")), "IF(sold_out, a).ELIF(locked, b)"],
    ["a rescue", "CATCH(a).DO(b)", (t) => remove(t, find(t, "b")), "CATCH(a)"],
    ["an IF that would be empty", "THEN(a, IF(locked, b))", (t) => remove(t, find(t, "b")), "THEN(a)"],
    ["not all there is", "draw", (t) => remove(t, find(t, "draw")), undefined as unknown as string],
    ["down", "THEN(a, b, c)", (t) => move(t, find(t, "a"), 1), "THEN(b, a, c)"],
    ["up, with its tag", "THEN(a, b.tag('x'))", (t) => move(t, find(t, "b"), -1), "THEN(b.tag('x'), a)"],
    ["no further", "THEN(a, b)", (t) => move(t, find(t, "b"), 1), undefined as unknown as string],
    ["into an IF", "THEN(a, b)", (t) => wrap(t, find(t, "b"), "IF"), "THEN(a, IF(first_draw, b))"],
    ["another name", "THEN(a.tag('x'), b)", (t) => rename(t, find(t, "a"), "c"), "THEN(c.tag('x'), b)"],
    ["parameters", "THEN(cooldown, b)", (t) => setData(t, find(t, "cooldown"), '{"seconds": 60}'), "THEN(cooldown.data('{\"seconds\": 60}'), b)"],
    ["no parameters", "cooldown.data('{}')", (t) => setData(t, find(t, "cooldown"), ""), "cooldown"],
    ["a tag", "draw.data('x')", (t) => setTag(t, find(t, "draw"), "it's"), "draw.data('x').tag('it\\'s')"],
    ["an else for an IF", "IF(locked, a)", (t) => addOther(t, find(t, "if"), "b"), "IF(locked, a, b)"],
    ["an ELSE after ELIF", "IF(locked, a).ELIF(sold_out, b)", (t) => addOther(t, find(t, "if"), "c"), "IF(locked, a).ELIF(sold_out, b).ELSE(c)"],
  ])("%s", (_, text, edit, want) => {
    const got = edit(text);
    expect(got).toBe(want);
    if (got !== undefined) parse(got);
  });

  it("another condition", () => {
    const text = "IF(NOT(locked), a)";
    const node = find(text, "if");
    if (node.kind !== "if") throw new Error("an if");
    expect(setCond(text, node.branches[0]!.cond, "first_draw")).toBe("IF(first_draw, a)");
  });
});

const strip = ({ boxes, arrows }: ReturnType<typeof graphOf>) => [boxes.map((box) => box.label), arrows];

it("lays a long flow out on lines, and says the same", () => {
  const text = "THEN(blacklist, window, limits, cooldown, risk, pool, weight, guarantee, draw, unlock, once, release, stock, IF(sold_out, THEN(substitute, fallback)))";
  const laid = format(text);
  expect(laid.split("\n")).toHaveLength(16);
  expect(strip(graphOf(laid))).toEqual(strip(graphOf(text)));
  expect(format("THEN(a, // why\n b)")).toBe("THEN(a, // why\n b)");
});
