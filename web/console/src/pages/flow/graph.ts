import { children, parse, placeOf, printCond, type Cond, type Flow, type Node } from "./el";

export type Shape = "start" | "end" | "rule" | "condition" | "switch" | "fork" | "join" | "catch" | "loop";

/** One box; ids, labels and places are the server's (`GET …/flow?format=json`). */
export interface Box {
  id: string;
  kind: Shape;
  label: string;
  tag?: string;
  data?: string;
  /** The sub-flow that it stands in. */
  sub?: string;
  line: number;
  column: number;
  /** What it draws, for edits. */
  node?: Node;
  cond?: Cond;
}

export interface Arrow {
  from: string;
  to: string;
  label: string;
}

export interface Graph {
  boxes: Box[];
  arrows: Arrow[];
}

type Loose = [from: Box, label: string];

class Drawing {
  readonly graph: Graph = { boxes: [], arrows: [] };
  private sub: string | undefined;
  private depth = 0;

  constructor(private readonly flow: Flow) {}

  add(kind: Shape, label: string, at: { line: number; column: number }, of: Partial<Box> = {}): Box {
    const box: Box = { id: `n${this.graph.boxes.length}`, kind, label, ...(this.sub === undefined ? {} : { sub: this.sub }), line: at.line, column: at.column, ...of };
    this.graph.boxes.push(box);
    return box;
  }

  join(from: Loose[], to: Box): void {
    for (const [box, label] of from) this.graph.arrows.push({ from: box.id, to: to.id, label });
  }

  /** Draws a part behind `from`; gives the arrows that leave it. */
  draw(node: Node, from: Loose[]): Loose[] {
    switch (node.kind) {
      case "then":
        return node.parts.reduce((before, part) => this.draw(part, before), from);
      case "when": {
        const fork = this.add("fork", "WHEN", node.at, { node });
        this.join(from, fork);
        const exits = node.parts.flatMap((part) => this.draw(part, [[fork, ""]]));
        const end = this.add("join", "first refusal counts", node.at, { node });
        this.join(exits, end);
        return [[end, ""]];
      }
      case "if": {
        let before = from;
        const exits: Loose[] = [];
        for (const { cond, node: then } of node.branches) {
          const ask = this.add("condition", printCond(cond), placeOf(cond), { node, cond });
          this.join(before, ask);
          exits.push(...this.draw(then, [[ask, "yes"]]));
          before = [[ask, "no"]];
        }
        return [...exits, ...(node.otherwise ? this.draw(node.otherwise, before) : before)];
      }
      case "switch": {
        const data = node.selector.data?.text;
        const ask = this.add("switch", node.selector.name, node.selector.at, { node, ...(data === undefined ? {} : { data }) });
        this.join(from, ask);
        const exits = node.cases.flatMap((one) => this.draw(one, [[ask, labelOf(one)]]));
        const other: Loose[] = [[ask, "otherwise"]];
        return [...exits, ...(node.otherwise ? this.draw(node.otherwise, other) : other)];
      }
      case "catch": {
        const box = this.add("catch", "CATCH", node.at, { node });
        this.join(from, box);
        const exits = this.draw(node.body, [[box, ""]]);
        const refused: Loose[] = [[box, "refused"]];
        return [...exits, ...(node.rescue ? this.draw(node.rescue, refused) : refused)];
      }
      case "for": {
        const head = this.add("loop", node.until ? `FOR ${node.times} until ${printCond(node.until)}` : `FOR ${node.times}`, node.at, { node });
        this.join(from, head);
        const ends = this.draw(node.body, [[head, ""]]);
        this.join(ends.map(([box]) => [box, "again"]), head);
        return [[head, "done"]];
      }
      case "expression": {
        const box = this.add("rule", `when(${node.text})`, node.at, { node });
        this.join(from, box);
        return [[box, ""]];
      }
      default:
        return this.call(node, from);
    }
  }

  private call(node: Node & { kind: "call" }, from: Loose[]): Loose[] {
    const { name, data } = node.call;
    const sub = this.flow.subs.find((one) => one.name === name);
    // A sub-flow that names itself is the server's to refuse; drawn without a bound it would never end.
    if (sub && this.depth < 8) {
      const outer = this.sub;
      this.sub = name;
      this.depth += 1;
      const exits = this.draw(sub.node, from);
      this.depth -= 1;
      this.sub = outer;
      return exits;
    }
    const box = this.add("rule", name, node.at, { node, ...(node.tag ? { tag: node.tag.text } : {}), ...(data ? { data: data.text } : {}) });
    this.join(from, box);
    return name === "refuse" ? [] : [[box, ""]];
  }
}

/** What a `SWITCH` knows a part by. */
function labelOf(node: Node): string {
  return node.tag?.text ?? (node.kind === "call" ? node.call.name : "");
}

/** The graph of a flow, sub-flows written out. @throws ElError where the text makes no sense. */
export function graphOf(text: string): Graph {
  const flow = parse(text);
  const drawing = new Drawing(flow);
  const start = drawing.add("start", "start", flow.main.at);
  const exits = drawing.draw(flow.main, [[start, ""]]);
  const end = drawing.add("end", "end", flow.main.at);
  drawing.join(exits, end);
  return drawing.graph;
}

/** Every node of a tree, outermost first. */
export function walk(node: Node): Node[] {
  return [node, ...children(node).flatMap(walk)];
}
