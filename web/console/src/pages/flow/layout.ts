import { graphlib, layout } from "@dagrejs/dagre";
import type { Box, Graph } from "./graph";

export interface Placed {
  x: number;
  y: number;
  width: number;
  height: number;
}

const HEIGHT = 44;

/** A box is as wide as its label asks for, within bounds; Chinese glyphs are twice as wide as Latin ones. */
export function sizeOf(box: Box, label: string): { width: number; height: number } {
  const units = [...label, ...(box.tag ? ` ${box.tag}` : "")].reduce((sum, char) => sum + ((char.codePointAt(0) ?? 0) > 0x2e80 ? 14 : 7.6), 0);
  const isRound = box.kind === "start" || box.kind === "end";
  return { width: isRound ? 84 : Math.min(300, Math.max(112, Math.ceil(units) + 44)), height: box.kind === "condition" || box.kind === "switch" ? 52 : HEIGHT };
}

/** Where the boxes stand, top to bottom (dagre: Gansner et al. 1993). */
export function place(graph: Graph, label: (box: Box) => string): Map<string, Placed> {
  const made = new graphlib.Graph({ multigraph: true });
  made.setGraph({ rankdir: "TB", nodesep: 28, ranksep: 40, edgesep: 16, marginx: 12, marginy: 12 });
  made.setDefaultEdgeLabel(() => ({}));
  for (const box of graph.boxes) made.setNode(box.id, sizeOf(box, label(box)));
  graph.arrows.forEach((arrow, index) => made.setEdge(arrow.from, arrow.to, { width: arrow.label ? 44 : 0, height: arrow.label ? 18 : 0, labelpos: "c" }, String(index)));
  layout(made);
  return new Map(
    graph.boxes.map((box) => {
      const { x, y, width, height } = made.node(box.id) as Placed;
      return [box.id, { x: x - width / 2, y: y - height / 2, width, height }];
    }),
  );
}
