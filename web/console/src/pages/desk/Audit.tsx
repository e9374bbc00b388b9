import { must, type Schema } from "@koi/client";
import { Alert, Button, Tag } from "antd";
import { DownloadOutlined, SafetyOutlined } from "@ant-design/icons";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { koi } from "../../lib/koi";
import { useTexts } from "../../lib/texts";
import { Facts, Head, Id, ProblemNote, Time } from "../../parts/basics";
import { useFilters } from "../../lib/filters";
import type { Filter } from "../../parts/Filters";
import { ServerTable } from "../../parts/ServerTable";
import { Value, Who } from "../campaign/Versions";
import { SmallTable } from "../../parts/SmallTable";

type Entry = Schema<"AuditEntry">;
const FILTERS = ["who", "act", "target"] as const;
const WIDE_PX = 270;

/** Who did what, when, and how it ended; the chain of hashes can be walked here. */
export function Audit() {
  const { t, word } = useTexts();
  const [found, setFound] = useState<Schema<"AuditCheck">>();
  const [, setFilter] = useFilters(["act"]);
  const check = useMutation({
    mutationFn: () => must(koi.GET("/api/v1/audit/check")),
    onSuccess: setFound,
  });
  return (
    <>
      <Head title={t("nav.audit")} note={t("audit.note")}>
        <Button icon={<SafetyOutlined />} loading={check.isPending} onClick={() => check.mutate()}>
          {t("audit.check")}
        </Button>
        <Button icon={<DownloadOutlined />} href="/api/v1/audit/export">
          {t("audit.export")}
        </Button>
      </Head>
      {check.error && <ProblemNote error={check.error} />}
      {found && (
        <Alert
          type={found.whole ? "success" : "error"}
          showIcon
          closable
          style={{ marginBottom: 12 }}
          title={found.whole ? t("audit.whole", { count: found.entries }) : t("audit.broken", { at: found.broken_at ?? "?" })}
          description={
            <>
              {t("audit.head")} <Id value={found.head} />
            </>
          }
        />
      )}
      <ServerTable<Entry>
        path="/audit"
        name={["audit"]}
        label={t("nav.audit")}
        rowKey={(row) => row.id}
        filters={[...FILTERS.map((name): Filter => ({ kind: "text", name, label: t(`audit.by_${name}`), width: WIDE_PX })), { kind: "days", label: t("audit.by_time") }]}
        expandable={{ expandedRowRender }}
        columns={[
          { title: t("table.at"), key: "at", sort: "id", render: (_, row) => <Time at={row.at} /> },
          { title: t("audit.who"), key: "who", render: (_, row) => <Who word={row.who} /> },
          { title: t("audit.act"), key: "act", render: (_, row) => <Button type="link" size="small" style={{ padding: 0 }} onClick={() => setFilter("act", row.act)}>{word("act", row.act.replace(".", "_"))}</Button> },
          { title: t("audit.target"), key: "target", render: (_, row) => (row.target ? <Id value={row.target} chars={34} /> : "–") },
          { title: t("audit.outcome"), key: "outcome", render: (_, row) => <Outcome entry={row} /> },
        ]}
      />
    </>
  );
}

const expandedRowRender = (row: Entry) => <Detail entry={row} />;

const TONES: Record<string, string> = { done: "success", refused: "warning", unclear: "error" };

function Outcome({ entry }: { entry: Entry }) {
  const { t, word } = useTexts();
  if (!entry.outcome) return <Tag color="warning">{t("audit.unknown")}</Tag>;
  return <Tag color={TONES[entry.outcome] ?? "default"}>{entry.code ? `${word("outcome", entry.outcome)} · ${entry.code}` : word("outcome", entry.outcome)}</Tag>;
}

function Detail({ entry }: { entry: Entry }) {
  const { t } = useTexts();
  return (
    <div style={{ display: "grid", gap: 12 }}>
      <Facts
        facts={[
          [t("audit.finished_at"), <Time key="f" at={entry.finished_at} />],
          [t("audit.request"), entry.request_id ? <Id key="r" value={entry.request_id} /> : "–"],
          [t("audit.hash"), <Id key="h" value={entry.hash} />],
          [t("audit.asked"), <Value key="a" value={entry.asked} />],
        ]}
      />
      {entry.changes.length > 0 && (
        <SmallTable
          label={t("audit.asked")}
          rowKey="path"
          dataSource={entry.changes}
          columns={[
            { title: t("versions.field"), dataIndex: "path", render: (path: string) => <span className="k-mono">{path}</span> },
            { title: t("versions.before"), key: "b", className: "k-wrap", render: (_, row) => <Value value={row.before} /> },
            { title: t("versions.after"), key: "a", className: "k-wrap", render: (_, row) => <Value value={row.after} /> },
          ]}
        />
      )}
    </div>
  );
}
