import { expect, it } from "vitest";
import { graphOf } from "./graph";
import { litOf } from "./path";

it.each([
  ["straight on", "THEN(pool, draw, stock)", ["pool", "draw", "stock"], true, ["start", "pool", "draw", "stock", "end"]],
  ["past a branch", "THEN(pool, draw, stock, IF(sold_out, fallback))", ["pool", "draw", "stock"], true, ["start", "pool", "draw", "stock", "sold_out", "end"]],
  ["into a branch", "THEN(pool, draw, stock, IF(sold_out, fallback))", ["pool", "draw", "stock:sold_out", "fallback:tier"], true, ["start", "pool", "draw", "stock", "sold_out", "fallback", "end"]],
  ["all parts of a WHEN", "THEN(WHEN(blacklist, limits), draw)", ["blacklist", "limits", "draw"], true, ["start", "WHEN", "blacklist", "limits", "first refusal counts", "draw", "end"]],
  ["refused", "THEN(blacklist, limits, draw)", ["blacklist", "limits"], false, ["start", "blacklist", "limits"]],
  ["a rescue", "THEN(CATCH(cooldown).DO(points_only), draw)", ["cooldown", "points_only", "draw"], true, ["start", "CATCH", "cooldown", "points_only", "draw", "end"]],
])("%s", (_, text, passed, isDone, want) => {
  const graph = graphOf(text);
  const lit = litOf(graph, passed, isDone);
  expect(graph.boxes.filter((box) => lit.boxes.has(box.id)).map((box) => box.label)).toEqual(want);
  for (const arrow of lit.arrows) expect(graph.arrows.map((one) => `${one.from}>${one.to}`)).toContain(arrow);
});
