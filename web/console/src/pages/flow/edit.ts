import { parse, quote, type Node, type Span } from "./el";

/** Edits of the drawing are edits of the text: only the stretch that changes is written anew, comments and lines around it stay. */
const splice = (text: string, { start, end }: Span, by: string) => text.slice(0, start) + by + text.slice(end);
const source = (text: string, { start, end }: Span) => text.slice(start, end);

/** The list that a node stands in, where it stands in one. */
export function listOf(node: Node): Node[] | undefined {
  const { parent } = node;
  if (parent?.kind === "then" || parent?.kind === "when") return parent.parts;
  if (parent?.kind === "switch" && parent.cases.includes(node)) return parent.cases;
  return undefined;
}

/** Another rule after (or before) a node: in its `THEN`, or in one made for both. */
export function insert(text: string, node: Node, rule: string, where: "before" | "after"): string {
  const list = node.parent?.kind === "then" ? node.parent.parts : undefined;
  if (list) {
    const at = where === "after" ? node.span.end : node.span.start;
    return splice(text, { start: at, end: at }, where === "after" ? `, ${rule}` : `${rule}, `);
  }
  const mine = source(text, node.span);
  if (node.kind === "then" && !node.tag) {
    const edge = where === "after" ? node.parts.at(-1) : node.parts[0];
    if (edge) return insert(text, edge, rule, where);
  }
  return splice(text, node.span, where === "after" ? `THEN(${mine}, ${rule})` : `THEN(${rule}, ${mine})`);
}

/** Without a node; `undefined` where something has to stand there. */
export function remove(text: string, node: Node): string | undefined {
  const { parent } = node;
  if (!parent) return undefined;
  const list = listOf(node);
  if (list) {
    if (list.length === 1) return parent.kind === "switch" ? undefined : remove(text, parent);
    const at = list.indexOf(node);
    const [before, after] = [list[at - 1], list[at + 1]];
    if (after) return splice(text, { start: node.span.start, end: after.span.start }, "");
    return splice(text, { start: (before as Node).span.end, end: node.span.end }, "");
  }
  if ((parent.kind === "if" || parent.kind === "switch") && parent.otherwise === node && parent.otherwiseSpan) return splice(text, parent.otherwiseSpan, "");
  if (parent.kind === "catch" && parent.rescue === node && parent.otherwiseSpan) return splice(text, parent.otherwiseSpan, "");
  if (parent.kind === "if" && parent.branches.length === 1 && !parent.otherwise) return remove(text, parent);
  return undefined;
}

/** Moves a node among its neighbours. */
export function move(text: string, node: Node, by: -1 | 1): string | undefined {
  const list = listOf(node);
  const other = list?.[list.indexOf(node) + by];
  if (!other) return undefined;
  const [first, second] = by === 1 ? [node, other] : [other, node];
  return splice(splice(text, second.span, source(text, first.span)), first.span, source(text, second.span));
}

export type Wrap = "IF" | "CATCH" | "WHEN" | "FOR";

/** Puts a node inside something. */
export function wrap(text: string, node: Node, by: Wrap): string {
  const mine = source(text, node.span);
  const made = { IF: `IF(first_draw, ${mine})`, CATCH: `CATCH(${mine}).DO(points_only)`, WHEN: `WHEN(${mine})`, FOR: `FOR(2).DO(${mine})` };
  return splice(text, node.span, made[by]);
}

/** Only the rule's name, its parameters and tag stay. */
export function rename(text: string, node: Node, name: string): string {
  if (node.kind === "call") return splice(text, node.call.nameSpan, name);
  if (node.kind === "switch") return splice(text, node.selector.nameSpan, name);
  return text;
}

/** Sets or takes away the parameters of a rule or selector. */
export function setData(text: string, node: Node, data: string): string {
  const call = node.kind === "call" ? node.call : node.kind === "switch" ? node.selector : undefined;
  if (!call) return text;
  const written = data.trim() === "" ? "" : `.data(${quote(data)})`;
  return splice(text, call.data?.span ?? { start: call.nameSpan.end, end: call.nameSpan.end }, written);
}

export function setTag(text: string, node: Node, tag: string): string {
  const written = tag.trim() === "" ? "" : `.tag(${quote(tag)})`;
  return splice(text, node.tag?.span ?? { start: node.span.end, end: node.span.end }, written);
}

/** Another condition in the place of one. */
export function setCond(text: string, cond: { span: Span }, written: string): string {
  return splice(text, cond.span, written);
}

/** An `ELSE`, a `DO`, a `DEFAULT` where there is none. */
export function addOther(text: string, node: Node, rule: string): string | undefined {
  if (node.kind === "if" && !node.otherwise) {
    const last = node.branches.at(-1)?.node;
    if (node.branches.length === 1 && last) return splice(text, { start: last.span.end, end: last.span.end }, `, ${rule}`);
    return splice(text, { start: bodyEnd(node), end: bodyEnd(node) }, `.ELSE(${rule})`);
  }
  if (node.kind === "catch" && !node.rescue) return splice(text, { start: bodyEnd(node), end: bodyEnd(node) }, `.DO(${rule})`);
  if (node.kind === "switch" && !node.otherwise) return splice(text, { start: bodyEnd(node), end: bodyEnd(node) }, `.DEFAULT(${rule})`);
  return undefined;
}

const bodyEnd = (node: Node) => node.tag?.span.start ?? node.span.end;

const WIDTH = 72;

/** The flow on lines of its own, indented by two. Comments would be lost, so a text that has any stays as it is. */
export function format(text: string): string {
  if (/\/\/|\/\*/.test(text)) return text;
  const flow = parse(text);
  const subs = flow.subs.map((sub) => `${sub.name} = ${lay(text, sub.node, 0)};\n`);
  return subs.join("") + lay(text, flow.main, 0);
}

function lay(text: string, node: Node, indent: number): string {
  const flat = source(text, node.span).replaceAll(/\s+/g, " ").replaceAll("( ", "(").replaceAll(" )", ")");
  // A text in quotes keeps its spaces, so what holds one is not laid out flat by force.
  if ((node.kind !== "then" && node.kind !== "when") || flat.length + indent <= WIDTH) return /["']/.test(flat) ? source(text, node.span) : flat;
  const inner = node.parts.map((part) => `${" ".repeat(indent + 2)}${lay(text, part, indent + 2)}`);
  const tag = node.tag ? source(text, node.tag.span) : "";
  return `${node.kind.toUpperCase()}(\n${inner.join(",\n")}\n${" ".repeat(indent)})${tag}`;
}
