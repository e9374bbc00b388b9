import { Alert, Button, Result, Tag, Tooltip, Typography } from "antd";
import { CopyOutlined } from "@ant-design/icons";
import { Problem } from "@koi/client";
import { useEffect, type ReactNode } from "react";
import { dateTime, money, number } from "../../../shared/format";
import { useProblemText } from "../lib/problems";
import { useTexts, type TextKey } from "../lib/texts";

/** A page's head: its name, which the window shows too, a sentence, and what can be done. */
export function Head({ title, note, tags, children }: { title: string; note?: ReactNode; tags?: ReactNode; children?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Koi`;
  }, [title]);
  return (
    <header className="k-head">
      <h1>{title}</h1>
      {tags}
      {children && <div className="k-head-end">{children}</div>}
      {note && <p>{note}</p>}
    </header>
  );
}

/** A problem in place of what could not be shown, with a way to try again. */
export function ProblemNote({ error, retry, isPage = false }: { error: unknown; retry?: () => void; isPage?: boolean }) {
  const { t } = useTexts();
  const text = useProblemText();
  const problem = Problem.from(error);
  const again = retry && (
    <Button size="small" onClick={retry}>
      {t("common.again")}
    </Button>
  );
  if (isPage) return <Result status={problem.status === 404 ? "404" : "warning"} title={text(error)} extra={again} />;
  return <Alert type="error" showIcon title={text(error)} action={again} style={{ marginBottom: 12 }} />;
}

export function Time({ at, zone }: { at: string | null | undefined; zone?: string }) {
  const { language } = useTexts();
  if (!at) return <span className="k-muted">–</span>;
  return (
    <time dateTime={at} title={at} className="k-num">
      {dateTime(at, language, zone)}
    </time>
  );
}

export function Num({ value }: { value: number | null | undefined }) {
  const { language } = useTexts();
  return <span className="k-num">{value === null || value === undefined ? "–" : number(value, language)}</span>;
}

export function Money({ cents, currency = "CNY" }: { cents: number | null | undefined; currency?: string | undefined }) {
  const { language } = useTexts();
  return <span className="k-num">{cents === null || cents === undefined ? "–" : money(cents, currency, language)}</span>;
}

/** Which colour a state has: what goes well is green, what waits is gold, what failed is red, what is over is grey. */
const TONES: Record<string, "success" | "processing" | "warning" | "error" | "default"> = {
  live: "success", granted: "success", delivered: "success", effective: "success", active: "success", in_force: "success", in_service: "success", lagging: "warning", ok: "success", done: "success", up: "success",
  scheduled: "processing", announced: "processing", claimed: "processing", pending: "processing", running: "processing",
  paused: "warning", granting: "warning", pending_payment: "warning", warning: "warning", partial: "warning", degraded: "warning",
  failed: "error", parked: "error", error: "error", refused: "error", down: "error",
};

/** A state's word, its tone beside it. */
export function State({ group, state }: { group: string; state: string }) {
  const { word } = useTexts();
  return (
    <Tag color={TONES[state] ?? "default"} style={{ marginInlineEnd: 0 }}>
      {word(group, state)}
    </Tag>
  );
}

/** An id or a hash: monospace, to be copied. */
export function Id({ value, chars }: { value: string; chars?: number }) {
  const { t } = useTexts();
  const shown = chars !== undefined && value.length > chars ? `${value.slice(0, chars)}…` : value;
  return (
    <span style={chars === undefined ? undefined : { whiteSpace: "nowrap" }}>
      <Tooltip title={shown === value ? undefined : value}>
        <span className="k-mono">{shown}</span>
      </Tooltip>
      <Typography.Text style={{ marginInlineStart: 4 }} copyable={{ text: value, icon: [<CopyOutlined key="c" aria-hidden />, undefined], tooltips: [t("common.copy"), t("common.copied")] }} />
    </span>
  );
}

export interface Tile {
  name: string;
  value: ReactNode;
  note?: ReactNode;
}

/** Figures side by side. */
export function Tiles({ tiles }: { tiles: Tile[] }) {
  return (
    <dl className="k-tiles">
      {tiles.map((tile) => (
        <div className="k-tile" key={tile.name}>
          <dt>{tile.name}</dt>
          <dd>
            {tile.value}
            {tile.note && <p>{tile.note}</p>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Names and values, one under the other. */
export function Facts({ facts }: { facts: [name: string, value: ReactNode][] }) {
  return (
    <dl className="k-facts">
      {facts.map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name}=`}>{value}</dd>])}
    </dl>
  );
}

/** The column title of a key, for tables. */
export function useTitle(): (key: TextKey) => string {
  return useTexts().t;
}
