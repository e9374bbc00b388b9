import type { Graph } from "./graph";

/** The boxes and arrows that a draw passed. */
export interface Lit {
  boxes: ReadonlySet<string>;
  /** `from>to` */
  arrows: ReadonlySet<string>;
}

/** The shortest way from one of some boxes to a box that fits. */
function way(graph: Graph, from: string, fits: (id: string) => boolean): string[] | undefined {
  const came = new Map<string, string | undefined>([[from, undefined]]);
  const queue = [from];
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    for (const arrow of graph.arrows.filter((one) => one.from === id)) {
      const isKnown = came.has(arrow.to);
      if (!isKnown) came.set(arrow.to, id);
      if (fits(arrow.to)) {
        const found = [arrow.to];
        for (let at: string | undefined = isKnown ? id : came.get(arrow.to); at !== undefined; at = came.get(at)) found.unshift(at);
        return found;
      }
      if (!isKnown) queue.push(arrow.to);
    }
  }
  return undefined;
}

/**
 * Where a draw went, from the rules that it passed: each is looked for behind the last one, else behind an earlier one, since the parts of
 * a `WHEN` stand beside each other. `isDone` leads on to the end.
 */
export function litOf(graph: Graph, passed: readonly string[], isDone: boolean): Lit {
  const labels = new Map(graph.boxes.map((box) => [box.id, box.label]));
  const kinds = new Map(graph.boxes.map((box) => [box.id, box.kind]));
  const start = graph.boxes[0]?.id ?? "";
  const trail = [start];
  const boxes = new Set(trail);
  const arrows = new Set<string>();
  const go = (fits: (id: string) => boolean) => {
    for (let back = trail.length - 1; back >= 0; back -= 1) {
      const found = way(graph, trail[back] as string, fits);
      if (!found) continue;
      found.forEach((id, index) => {
        boxes.add(id);
        if (index > 0) arrows.add(`${found[index - 1]}>${id}`);
      });
      trail.push(found.at(-1) as string);
      return;
    }
  };
  for (const word of passed) {
    const name = word.split(":")[0] ?? word;
    go((id) => (kinds.get(id) === "rule" || kinds.get(id) === "switch") && (labels.get(id) === name || (name === "when" && (labels.get(id) ?? "").startsWith("when("))));
  }
  if (isDone) go((id) => kinds.get(id) === "end");
  return { boxes, arrows };
}
