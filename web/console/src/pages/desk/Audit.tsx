import { must, type Schema } from "@koi/client";
import { Alert, Button, DatePicker, Input, Tag } from "antd";
import { DownloadOutlined, SafetyOutlined } from "@ant-design/icons";
import { useMutation } from "@tanstack/react-query";
import dayjs from "dayjs";
import { useState } from "react";
import { koi } from "../../lib/koi";
import { useTexts } from "../../lib/texts";
import { Facts, Head, Id, ProblemNote, Time } from "../../parts/basics";
import { useFilters } from "../../lib/filters";
import { ServerTable } from "../../parts/ServerTable";
import { Value, Who } from "../campaign/Versions";
import { SmallTable } from "../../parts/SmallTable";

type Entry = Schema<"AuditEntry">;
const FILTERS = ["who", "act", "target"] as const;

/** Who did what, when, and how it ended; the chain of hashes can be walked here. */
export function Audit() {
  const { t, word } = useTexts();
  const [found, setFound] = useState<Schema<"AuditCheck">>();
  const [filters, setFilter] = useFilters(["who", "act", "target", "from", "until"]);
  const check = useMutation({
    mutationFn: () => must(koi.GET("/api/v1/audit/check")),
    onSuccess: setFound,
  });
  const query = Object.fromEntries(Object.entries(filters).filter(([, value]) => value));
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
        name={["audit", filters]}
        label={t("nav.audit")}
        hasExport
        load={(page, signal) => must(koi.GET("/api/v1/audit", { params: { query: { ...page, ...query } }, signal }))}
        rowKey={(row) => row.id}
        filters={
          <>
            {FILTERS.map((name) => (
              <Input.Search
                key={`${name}-${filters[name] ?? ""}`}
                allowClear
                defaultValue={filters[name] ?? ""}
                placeholder={t(`audit.by_${name}`)}
                aria-label={t(`audit.by_${name}`)}
                onSearch={(value) => setFilter(name, value.trim())}
                style={{ width: 270 }}
              />
            ))}
            <DatePicker.RangePicker
              aria-label={t("audit.by_time")}
              value={filters.from && filters.until ? [dayjs(filters.from), dayjs(filters.until).subtract(1, "day")] : null}
              onChange={(range) => {
                setFilter("from", range?.[0]?.startOf("day").toISOString());
                setFilter("until", range?.[1]?.add(1, "day").startOf("day").toISOString());
              }}
            />
          </>
        }
        expandable={{ expandedRowRender }}
        columns={[
          { title: t("table.at"), key: "at", render: (_, row) => <Time at={row.at} /> },
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
