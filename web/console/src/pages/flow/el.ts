/**
 * LiteFlow's EL as the server reads it (`crates/domain/src/flow/parser.rs`), for the editor alone: where everything stands in the text, so
 * that the drawing can change it and the text keeps its comments and its lines. The server's check is the one that counts; a browser test
 * holds both graphs against each other.
 */
export interface Place {
  /** From 1. */
  line: number;
  /** From 1, in characters. */
  column: number;
}

/** A stretch of the text, in UTF-16 units; the end is exclusive. */
export interface Span {
  start: number;
  end: number;
}

export class ElError extends Error {
  constructor(
    readonly at: Place,
    message: string,
    readonly hint: string = "",
  ) {
    super(message);
  }
}

export type Cond =
  | { kind: "ask"; word: string; span: Span; at: Place }
  | { kind: "expression"; text: string; span: Span; at: Place }
  | { kind: "not"; inner: Cond; span: Span; at: Place }
  | { kind: "and" | "or"; parts: Cond[]; span: Span; at: Place };

interface Data {
  text: string;
  /** The whole suffix, from its dot. */
  span: Span;
}

export interface Call {
  name: string;
  nameSpan: Span;
  data?: Data;
  at: Place;
}

interface Common {
  span: Span;
  at: Place;
  tag?: Data;
  /** What holds it; absent at the top. */
  parent?: Node;
}

export type Node = Common &
  (
    | { kind: "then" | "when"; parts: Node[] }
    | { kind: "if"; branches: { cond: Cond; node: Node }[]; otherwise?: Node; otherwiseSpan?: Span }
    | { kind: "switch"; selector: Call; cases: Node[]; otherwise?: Node; otherwiseSpan?: Span }
    | { kind: "catch"; body: Node; rescue?: Node; otherwiseSpan?: Span }
    | { kind: "for"; times: number; body: Node; until?: Cond }
    | { kind: "call"; call: Call }
    | { kind: "expression"; text: string }
  );

export interface Sub {
  name: string;
  node: Node;
}

export interface Flow {
  subs: Sub[];
  main: Node;
}

const MOST_BYTES = 64 * 1024;
const DEEPEST = 64;
const MOST_ROUNDS = 100;

interface Token {
  kind: "word" | "number" | "text" | "end" | "(" | ")" | "," | ";" | "." | "=";
  text: string;
  span: Span;
  at: Place;
}

const shown = (token: Token) => (token.kind === "end" ? "the end" : token.kind === "text" ? "a text" : `\`${token.text}\``);

const BLANK = /(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/uy;
const WORD = /[\p{Alphabetic}_][\p{Alphabetic}\p{N}_]*/uy;
const NUMBER = /[0-9]+/y;
const TEXT = /"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'/uy;

function scan(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Text to tokens; the last one is the end. */
export function tokens(text: string): Token[] {
  if (new TextEncoder().encode(text).length > MOST_BYTES) throw new ElError({ line: 1, column: 1 }, `the text has more than ${MOST_BYTES} bytes`);
  const made: Token[] = [];
  let [index, line, column] = [0, 1, 1];
  const pass = (piece: string) => {
    for (const char of piece) {
      if (char === "\n") [line, column] = [line + 1, 1];
      else column += 1;
    }
    index += piece.length;
  };
  while (index < text.length) {
    const blank = scan(BLANK, text, index);
    if (blank) {
      pass(blank);
      continue;
    }
    const at = { line, column };
    const first = text[index] as string;
    if (text.startsWith("/*", index)) throw new ElError(at, "the comment never ends", "close it with `*/`");
    const found: [Token["kind"], string | undefined][] = [
      ["word", scan(WORD, text, index)],
      ["number", scan(NUMBER, text, index)],
      ["text", scan(TEXT, text, index)],
    ];
    const hit = found.find(([, piece]) => piece !== undefined);
    const kind = hit?.[0] ?? ("(),;.=".includes(first) ? (first as Token["kind"]) : undefined);
    if (kind === undefined) {
      if (first === '"' || first === "'") throw new ElError(at, "the text never ends", `close it with \`${first}\``);
      throw new ElError(at, `unexpected character \`${String.fromCodePoint(text.codePointAt(index) ?? 0)}\``);
    }
    const piece = hit?.[1] ?? first;
    const span = { start: index, end: index + piece.length };
    pass(piece);
    made.push({ kind, text: piece, span, at });
  }
  made.push({ kind: "end", text: "", span: { start: index, end: index }, at: { line, column } });
  return made;
}

/** What a quoted text says. */
export function unquote(token: { text: string; at: Place }): string {
  return token.text.slice(1, -1).replaceAll(/\\([\s\S])/g, (_, char: string) => {
    if (char === "n") return "\n";
    if (char === "t") return "\t";
    if (`\\"'`.includes(char)) return char;
    throw new ElError(token.at, `a text knows no escape \`\\${char}\``, "there are \\\\, \\\", \\', \\n and \\t");
  });
}

/** A text between single quotes that reads back. */
export const quote = (text: string) => `'${text.replaceAll(/[\\']/g, (char) => `\\${char}`)}'`;

class Reader {
  private at = 0;
  constructor(private readonly all: Token[]) {}

  peek(ahead = 0): Token {
    return this.all[Math.min(this.at + ahead, this.all.length - 1)] as Token;
  }

  take(): Token {
    const token = this.peek();
    this.at += 1;
    return token;
  }

  takeIf(kind: Token["kind"]): boolean {
    if (this.peek().kind !== kind) return false;
    this.at += 1;
    return true;
  }

  expect(kind: Token["kind"], hint: string): Token {
    const next = this.peek();
    if (next.kind !== kind) throw new ElError(next.at, `expected \`${kind}\`, found ${shown(next)}`, hint);
    return this.take();
  }

  /** Where the last token that was taken ends. */
  get end(): number {
    return (this.all[this.at - 1] as Token).span.end;
  }

  /** Whether `.WORD` follows, in capitals or not; takes it if so. */
  method(word: string): boolean {
    const next = this.peek(1);
    if (this.peek().kind !== "." || next.kind !== "word" || (next.text !== word && next.text !== word.toLowerCase())) return false;
    this.at += 2;
    return true;
  }
}

/** Reads a flow. @throws ElError where it makes no sense. */
export function parse(text: string): Flow {
  const reader = new Reader(tokens(text));
  const subs: Sub[] = [];
  for (;;) {
    const head = node(reader, 1);
    if (reader.takeIf("=")) {
      if (head.kind !== "call" || head.tag || head.call.data) throw new ElError(head.at, "only a name can stand before `=`", "a sub-flow looks like check = THEN(blacklist, limits);");
      subs.push({ name: head.call.name, node: node(reader, 1) });
      reader.expect(";", "a sub-flow ends with `;`");
      continue;
    }
    reader.takeIf(";");
    const rest = reader.peek();
    if (rest.kind !== "end") throw new ElError(rest.at, `the flow is over, but ${shown(rest)} follows`, "a flow is one expression after its sub-flows; put several in THEN(...)");
    return { subs, main: head };
  }
}

function deep(token: Token, depth: number): void {
  if (depth > DEEPEST) throw new ElError(token.at, `nested deeper than ${DEEPEST}`);
}

function node(reader: Reader, depth: number): Node {
  const token = reader.take();
  deep(token, depth);
  const { at } = token;
  const start = token.span.start;
  const whole = { span: { start, end: start }, at };
  if (token.kind !== "word") throw new ElError(at, `expected a rule, THEN or IF, found ${shown(token)}`, "a flow looks like THEN(pool, draw)");
  let made: Node;
  switch (token.text) {
    case "THEN":
    case "WHEN":
      made = { ...whole, kind: token.text === "THEN" ? "then" : "when", parts: parts(reader, token.text, depth) };
      break;
    case "IF":
      made = branches(reader, depth, whole);
      break;
    case "SWITCH":
      made = cases(reader, depth, whole);
      break;
    case "CATCH":
      made = rescue(reader, depth, whole);
      break;
    case "FOR":
      made = rounds(reader, depth, whole);
      break;
    case "WHILE":
    case "ITERATOR":
      throw new ElError(at, `\`${token.text}\` is a loop without a bound`, `write FOR(n).DO(...) with n up to ${MOST_ROUNDS}`);
    case "NOT":
    case "AND":
    case "OR":
      throw new ElError(at, `\`${token.text}\` is a condition, and a rule is expected`, "ask it by IF(...)");
    default:
      made =
        token.text === "when" && reader.peek().kind === "("
          ? { ...whole, kind: "expression", text: argument(reader, 'write when("shopper.level >= 3")') }
          : { ...whole, kind: "call", call: { name: token.text, nameSpan: token.span, at } };
  }
  for (const inner of children(made)) inner.parent = made;
  suffixes(reader, made);
  made.span = { start, end: reader.end };
  return made;
}

/** The parts of a node, in the order of the text. */
export function children(of: Node): Node[] {
  switch (of.kind) {
    case "then":
    case "when":
      return of.parts;
    case "if":
      return [...of.branches.map((branch) => branch.node), ...(of.otherwise ? [of.otherwise] : [])];
    case "switch":
      return [...of.cases, ...(of.otherwise ? [of.otherwise] : [])];
    case "catch":
      return [of.body, ...(of.rescue ? [of.rescue] : [])];
    case "for":
      return [of.body];
    default:
      return [];
  }
}

function suffixes(reader: Reader, of: Node): void {
  while (reader.peek().kind === ".") {
    const dot = reader.take();
    const word = reader.take();
    if (word.text === "tag" && !of.tag) {
      const text = argument(reader, 'write .tag("...")');
      of.tag = { text, span: { start: dot.span.start, end: reader.end } };
    } else if (word.text === "data" && of.kind === "call" && !of.call.data) {
      const text = argument(reader, 'write .data("...")');
      of.call.data = { text, span: { start: dot.span.start, end: reader.end } };
    } else if (word.text === "tag" || (word.text === "data" && of.kind === "call")) {
      throw new ElError(word.at, `\`.${word.text}\` comes twice`);
    } else if (word.text === "data") {
      throw new ElError(word.at, "`.data` belongs to a rule", "write it behind a rule, like cooldown.data('{\"seconds\": 60}')");
    } else {
      throw new ElError(word.at, `expected a suffix, found ${shown(word)}`);
    }
  }
}

/** `("…")` */
function argument(reader: Reader, hint: string): string {
  reader.expect("(", hint);
  const token = reader.take();
  if (token.kind !== "text") throw new ElError(token.at, `expected a text, found ${shown(token)}`, hint);
  const text = unquote(token);
  reader.expect(")", hint);
  return text;
}

function parts(reader: Reader, word: string, depth: number): Node[] {
  reader.expect("(", `write ${word}(...)`);
  const first = reader.peek();
  if (first.kind === ")") throw new ElError(first.at, `${word} holds nothing`, "name at least one rule in it");
  const made = [node(reader, depth + 1)];
  while (reader.takeIf(",")) made.push(node(reader, depth + 1));
  reader.expect(")", "parts are separated by commas and closed by `)`");
  return made;
}

function part(reader: Reader, word: string, depth: number): Node {
  reader.expect("(", `write ${word}(...)`);
  const made = node(reader, depth + 1);
  reader.expect(")", `${word} takes one part; put more in THEN(...)`);
  return made;
}

type Whole = Pick<Common, "span" | "at">;

function branches(reader: Reader, depth: number, whole: Whole): Node {
  reader.expect("(", "write IF(...)");
  const first = cond(reader, depth);
  reader.expect(",", "write IF(condition, then) or IF(condition, then, else)");
  const made: Node & { kind: "if" } = { ...whole, kind: "if", branches: [{ cond: first, node: node(reader, depth + 1) }] };
  const before = reader.end;
  if (reader.takeIf(",")) {
    made.otherwise = node(reader, depth + 1);
    made.otherwiseSpan = { start: before, end: reader.end };
  }
  reader.expect(")", "IF takes a condition and one or two parts; put more in THEN(...)");
  if (made.otherwise) return made;
  while (reader.method("ELIF")) {
    reader.expect("(", "write ELIF(...)");
    const next = cond(reader, depth);
    reader.expect(",", "write .ELIF(condition, then)");
    made.branches.push({ cond: next, node: node(reader, depth + 1) });
    reader.expect(")", "ELIF takes a condition and one part; put more in THEN(...)");
  }
  const start = reader.end;
  if (reader.method("ELSE")) {
    made.otherwise = part(reader, "ELSE", depth);
    made.otherwiseSpan = { start, end: reader.end };
  }
  return made;
}

function cases(reader: Reader, depth: number, whole: Whole): Node {
  const hint = "write SWITCH(split).to(a, b).DEFAULT(c)";
  reader.expect("(", hint);
  const token = reader.take();
  if (token.kind !== "word") throw new ElError(token.at, `expected a selector, found ${shown(token)}`, hint);
  const selector: Node = { span: token.span, at: token.at, kind: "call", call: { name: token.text, nameSpan: token.span, at: token.at } };
  suffixes(reader, selector);
  if (selector.tag || selector.kind !== "call") throw new ElError(token.at, "a selector needs no tag", "tags name the parts in .to(...)");
  reader.expect(")", hint);
  if (!reader.method("TO")) throw new ElError(reader.peek().at, `expected \`.to\`, found ${shown(reader.peek())}`, hint);
  const made: Node & { kind: "switch" } = { ...whole, kind: "switch", selector: selector.call, cases: parts(reader, ".to", depth) };
  const start = reader.end;
  if (reader.method("DEFAULT")) {
    made.otherwise = part(reader, "DEFAULT", depth);
    made.otherwiseSpan = { start, end: reader.end };
  }
  return made;
}

function rescue(reader: Reader, depth: number, whole: Whole): Node {
  const made: Node & { kind: "catch" } = { ...whole, kind: "catch", body: part(reader, "CATCH", depth) };
  const start = reader.end;
  if (reader.method("DO")) {
    made.rescue = part(reader, "DO", depth);
    made.otherwiseSpan = { start, end: reader.end };
  }
  return made;
}

function rounds(reader: Reader, depth: number, whole: Whole): Node {
  const hint = `write FOR(n).DO(...) with n from 1 to ${MOST_ROUNDS}`;
  reader.expect("(", hint);
  const token = reader.take();
  if (token.kind === "word") throw new ElError(token.at, `\`${token.text}\` does not bound the loop`, hint);
  if (token.kind !== "number") throw new ElError(token.at, `expected a number, found ${shown(token)}`, hint);
  const times = Number(token.text);
  if (times < 1 || times > MOST_ROUNDS) throw new ElError(token.at, `a loop of \`${token.text}\` rounds`, hint);
  reader.expect(")", hint);
  if (!reader.method("DO")) throw new ElError(reader.peek().at, `expected \`.DO\`, found ${shown(reader.peek())}`, hint);
  const made: Node & { kind: "for" } = { ...whole, kind: "for", times, body: part(reader, "DO", depth) };
  if (reader.method("BREAK")) {
    reader.expect("(", "write BREAK(...)");
    made.until = cond(reader, depth);
    reader.expect(")", "BREAK takes one condition");
  }
  return made;
}

function cond(reader: Reader, depth: number): Cond {
  const token = reader.take();
  deep(token, depth);
  const { at } = token;
  const span = () => ({ start: token.span.start, end: reader.end });
  if (token.kind !== "word") throw new ElError(at, `expected a condition, found ${shown(token)}`, "the conditions are: sold_out, locked, blacklisted, only_points, first_draw, when(\"...\"), NOT, AND, OR");
  if (token.text === "when") {
    const text = argument(reader, 'write when("shopper.level >= 3")');
    return { kind: "expression", text, span: span(), at };
  }
  if (token.text === "NOT") {
    reader.expect("(", "write NOT(...)");
    const inner = cond(reader, depth + 1);
    reader.expect(")", "NOT takes one condition");
    return { kind: "not", inner, span: span(), at };
  }
  if (token.text === "AND" || token.text === "OR") {
    reader.expect("(", `write ${token.text}(...)`);
    const all = [cond(reader, depth + 1)];
    while (reader.takeIf(",")) all.push(cond(reader, depth + 1));
    reader.expect(")", "conditions are separated by commas and closed by `)`");
    return { kind: token.text === "AND" ? "and" : "or", parts: all, span: span(), at };
  }
  return { kind: "ask", word: token.text, span: token.span, at };
}

/** Where a condition starts, as the server tells it: its first question. */
export function placeOf(of: Cond): Place {
  if (of.kind === "not") return placeOf(of.inner);
  if (of.kind === "and" || of.kind === "or") return of.parts[0] ? placeOf(of.parts[0]) : of.at;
  return of.at;
}

/** A condition as text. */
export function printCond(of: Cond): string {
  switch (of.kind) {
    case "ask":
      return of.word;
    case "expression":
      return `when(${quote(of.text)})`;
    case "not":
      return `NOT(${printCond(of.inner)})`;
    default:
      return `${of.kind.toUpperCase()}(${of.parts.map(printCond).join(", ")})`;
  }
}
