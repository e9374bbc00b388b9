import { useEffect, useId, useMemo, useRef } from "react";
import { useTexts } from "../../lib/texts";
import { ElError, tokens } from "./el";
import type { Box } from "./graph";

export interface Mark {
  line: number;
  column: number;
  message: string;
  hint?: string;
}

const WORDS = new Set(["THEN", "WHEN", "IF", "ELIF", "ELSE", "SWITCH", "TO", "to", "DEFAULT", "CATCH", "DO", "FOR", "BREAK", "NOT", "AND", "OR", "when", "tag", "data"]);

/** UTF-16 offset of a place; columns count characters. */
export function offsetOf(text: string, { line, column }: { line: number; column: number }): number {
  const lines = text.split("\n");
  const before = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  return before + [...(lines[line - 1] ?? "")].slice(0, column - 1).join("").length;
}

interface Piece {
  text: string;
  className: string;
}

/** The text in colours: words of the language, rules, texts, comments; where something is wrong, a wavy line. */
function pieces(text: string, marks: Mark[], chosen: { start: number; end: number } | undefined): Piece[] {
  const classes: { start: number; end: number; className: string }[] = [];
  try {
    for (const token of tokens(text)) {
      const className = token.kind === "text" ? "k-el-text" : token.kind === "number" ? "k-el-number" : token.kind === "word" ? (WORDS.has(token.text) ? "k-el-word" : "k-el-rule") : "";
      if (className) classes.push({ ...token.span, className });
    }
  } catch (error) {
    // What cannot be read is shown plain, with its mark.
    if (!(error instanceof ElError)) throw error;
  }
  for (const comment of text.matchAll(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g)) {
    const inText = classes.some((one) => one.className === "k-el-text" && one.start < comment.index && comment.index < one.end);
    if (!inText) classes.push({ start: comment.index, end: comment.index + comment[0].length, className: "k-el-comment" });
  }
  for (const mark of marks) {
    const start = Math.min(offsetOf(text, mark), Math.max(0, text.length - 1));
    const word = /^[\p{Alphabetic}\p{N}_]+/u.exec(text.slice(start))?.[0].length ?? 1;
    classes.push({ start, end: start + word, className: "k-el-wrong" });
  }
  if (chosen) classes.push({ ...chosen, className: "k-el-chosen" });
  const edges = [...new Set([0, text.length, ...classes.flatMap(({ start, end }) => [start, end])])].sort((a, b) => a - b);
  return edges.slice(0, -1).map((start, index) => ({
    text: text.slice(start, edges[index + 1]),
    className: classes.filter((one) => one.start <= start && start < one.end).map((one) => one.className).join(" "),
  }));
}

interface Props {
  text: string;
  onChange: (text: string) => void;
  marks: Mark[];
  isReadOnly: boolean;
  chosen: Box | undefined;
}

/** The flow as text: a plain text area, which every keyboard and screen reader knows, over a layer that colours it. */
export function Source({ text, onChange, marks, isReadOnly, chosen }: Props) {
  const { t } = useTexts();
  const area = useRef<HTMLTextAreaElement>(null);
  const layer = useRef<HTMLPreElement>(null);
  const errors = useId();
  const span = chosen?.cond?.span ?? chosen?.node?.span;
  const [start, end] = [span?.start, span?.end];
  const shown = useMemo(() => pieces(text, marks, start === undefined || end === undefined ? undefined : { start, end }), [text, marks, start, end]);
  const lines = text.split("\n").length;
  const follow = () => {
    if (layer.current && area.current) layer.current.scrollTop = area.current.scrollTop;
  };
  useEffect(follow);
  const goTo = (mark: Mark) => {
    const at = offsetOf(text, mark);
    area.current?.focus();
    area.current?.setSelectionRange(at, at);
  };
  return (
    <section className="k-source" aria-label={t("flow.text")}>
      <div className="k-source-box">
        <pre className="k-source-layer" ref={layer} aria-hidden>
          {shown.map((piece, index) => (
            <span key={index} className={piece.className}>
              {piece.text}
            </span>
          ))}
          {"\n"}
        </pre>
        <textarea
          ref={area}
          value={text}
          onChange={({ target }) => onChange(target.value)}
          onScroll={follow}
          readOnly={isReadOnly}
          spellCheck={false}
          autoCapitalize="off"
          autoCorrect="off"
          aria-label={t("flow.text")}
          aria-invalid={marks.length > 0}
          aria-describedby={errors}
          rows={Math.max(12, lines + 1)}
        />
      </div>
      <ul id={errors} className="k-source-errors" aria-live="polite">
        {marks.map((mark, index) => (
          <li key={`${mark.line}:${mark.column}:${index}`}>
            <button type="button" onClick={() => goTo(mark)}>
              {t("flow.at", { line: mark.line, column: mark.column })}
            </button>{" "}
            <span lang="en">
              {mark.message}
              {mark.hint ? ` — ${mark.hint}` : ""}
            </span>
          </li>
        ))}
        {marks.length === 0 && <li className="k-muted">{t("flow.reads_well")}</li>}
      </ul>
    </section>
  );
}
