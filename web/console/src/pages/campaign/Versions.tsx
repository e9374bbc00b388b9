import { must, Problem, type Schema } from "@koi/client";
import { Alert, App, Button, Card, Checkbox, Drawer, Space, Tag } from "antd";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { koi } from "../../lib/koi";
import { useProblemText } from "../../lib/problems";
import { useMay } from "../../lib/session";
import { useTexts } from "../../lib/texts";
import { Id, Num, ProblemNote, State, Time } from "../../parts/basics";
import { useFilters } from "../../lib/filters";
import { useChoice } from "../../parts/DeskLists";
import { ServerTable } from "../../parts/ServerTable";
import { useCampaign } from "./CampaignFrame";
import { Findings } from "./Publish";
import { SmallTable } from "../../parts/SmallTable";

type Version = Schema<"RulesVersion">;
/** The colour of what a change means for shoppers. */
export const EFFECTS = { favours: "success", against: "error", neutral: "default" } as const;

/** Every version of the rules: who wrote it, who published it, from when it holds, what it changes. */
export function Versions() {
  const { campaign } = useCampaign();
  const { t } = useTexts();
  const choice = useChoice();
  const [{ version }, setFilter] = useFilters(["version"]);
  const zone = campaign.time_zone ?? "UTC";
  return (
    <>
      <p className="k-muted">{t("versions.note")}</p>
      <ServerTable<Version>
        path={`/campaigns/${campaign.id}/versions`}
        name={["campaign", campaign.id, "versions"]}
        label={t("campaign.versions")}
        empty={t("versions.none")}
        filters={[choice("state", t("table.every_state"), "version_state", ["draft", "announced", "in_force", "past", "withdrawn"])]}
        rowKey={(row) => String(row.version)}
        columns={[
          { title: t("versions.version"), key: "v", sort: "version", render: (_, row) => <Button type="link" size="small" style={{ padding: 0 }} onClick={() => setFilter("version", String(row.version))}>{`v${row.version}`}</Button> },
          { title: t("campaign.state"), key: "state", sort: "state", render: (_, row) => <State group="version_state" state={row.state} /> },
          { title: t("versions.effective_at"), key: "at", sort: "effective_at", render: (_, row) => <Time at={row.effective_at} zone={zone} /> },
          { title: t("versions.announced_at"), key: "an", render: (_, row) => <Time at={row.announced_at} zone={zone} /> },
          { title: t("versions.author"), key: "author", sort: "author", render: (_, row) => <Who word={row.author} /> },
          { title: t("versions.publisher"), key: "publisher", render: (_, row) => (row.publisher ? <Who word={row.publisher} /> : "–") },
          { title: t("campaign.rules_hash"), key: "hash", render: (_, row) => <Id value={row.rules_hash} chars={12} /> },
        ]}
      />
      <Drawer open={version !== undefined} onClose={() => setFilter("version", null)} size={760} title={t("versions.title", { version: version ?? "" })} destroyOnHidden>
        {version !== undefined && <OneVersion version={Number(version)} />}
      </Drawer>
    </>
  );
}

/** Who did it: an operator by name where that can be read, else the word as it is kept. */
export function Who({ word: who }: { word: string }) {
  const { word } = useTexts();
  const [kind = "", id = ""] = who.split(":");
  const may = useMay();
  const operators = useQuery({
    queryKey: ["operators", "names"],
    queryFn: ({ signal }) => must(koi.GET("/api/v1/operators", { params: { query: { limit: 200 } }, signal })),
    enabled: kind === "operator" && may("operators_read"),
    staleTime: 60_000,
  });
  const name = operators.data?.data.find((one) => one.id === id)?.name;
  if (name) return <span>{name}</span>;
  return <span>{id ? `${word("who", kind)} ${id}` : word("who", kind)}</span>;
}

function OneVersion({ version }: { version: number }) {
  const { campaign } = useCampaign();
  const { t, word } = useTexts();
  const path = { id: campaign.id, version };
  const found = useQuery({
    queryKey: ["campaign", campaign.id, "version", version],
    queryFn: ({ signal }) => must(koi.GET("/api/v1/campaigns/{id}/versions/{version}", { params: { path }, signal })),
  });
  const diff = useQuery({
    queryKey: ["campaign", campaign.id, "diff", version],
    queryFn: ({ signal }) => must(koi.GET("/api/v1/campaigns/{id}/versions/{version}/diff", { params: { path }, signal })),
  });
  return (
    <>
      {(found.error ?? diff.error) && <ProblemNote error={found.error ?? diff.error} />}
      {found.data && <VersionActs version={found.data} />}
      {diff.data && (
        <Card
            title={diff.data.from === null || diff.data.from === undefined ? t("versions.first") : t("versions.diff", { from: diff.data.from, to: diff.data.to })}
          extra={<Tag color={EFFECTS[diff.data.effect]}>{word("effect", diff.data.effect)}</Tag>}
        >
          <SmallTable
            label={t("versions.effect")}
            dataSource={diff.data.changes}
            rowKey="field"
            locale={{ emptyText: t("versions.no_changes") }}
            columns={[
              { title: t("versions.field"), dataIndex: "field", render: (field: string) => <span className="k-mono">{field}</span> },
              { title: t("versions.before"), key: "b", className: "k-wrap", render: (_, row) => <Value value={row.before} /> },
              { title: t("versions.after"), key: "a", className: "k-wrap", render: (_, row) => <Value value={row.after} /> },
              { title: t("versions.effect"), key: "e", render: (_, row) => <Tag color={EFFECTS[row.effect]}>{word("effect", row.effect)}</Tag> },
            ]}
          />
        </Card>
      )}
    </>
  );
}

export function Value({ value }: { value: unknown }) {
  if (value === null || value === undefined) return <span className="k-muted">–</span>;
  if (typeof value === "number") return <Num value={value} />;
  return <span className="k-mono">{typeof value === "string" ? value : JSON.stringify(value)}</span>;
}

function VersionActs({ version }: { version: Version }) {
  const { campaign } = useCampaign();
  const { t } = useTexts();
  const { message } = App.useApp();
  const text = useProblemText();
  const may = useMay();
  const queries = useQueryClient();
  const [findings, setFindings] = useState(version.findings ?? []);
  const [seen, setSeen] = useState<string[]>([]);
  const params = { path: { id: campaign.id, version: version.version } };
  const act = useMutation({
    mutationFn: (verb: "publish" | "withdraw") =>
      verb === "publish"
        ? must(koi.POST("/api/v1/campaigns/{id}/versions/{version}/publish", { params, body: { acknowledge: seen } }))
        : must(koi.POST("/api/v1/campaigns/{id}/versions/{version}/withdraw", { params })),
    onSuccess: async () => {
      message.success(t("common.done"));
      await queries.invalidateQueries({ queryKey: ["campaign", campaign.id] });
    },
    onError: (thrown) => setFindings([...Problem.from(thrown).findings] as typeof findings),
  });
  const canPublish = version.state === "draft" && may("campaigns_publish");
  const canWithdraw = (version.state === "draft" || version.state === "announced") && may("campaigns_publish");
  const warnings = findings.filter((one) => one.severity === "warning");
  if (!canPublish && !canWithdraw && findings.length === 0) return null;
  return (
    <Card size="small" style={{ marginBottom: 12 }}>
      {act.error && <Alert type="error" showIcon title={text(act.error)} style={{ marginBottom: 12 }} />}
      <Findings findings={findings} campaign={campaign.id} />
      {canPublish && warnings.length > 0 && (
        <Checkbox checked={seen.length > 0} onChange={({ target }) => setSeen(target.checked ? [...new Set(warnings.map((one) => one.code))] : [])} style={{ marginBottom: 12 }}>
          {t("campaign.acknowledge")}
        </Checkbox>
      )}
      <Space wrap>
        {canPublish && (
          <Button type="primary" loading={act.isPending} onClick={() => act.mutate("publish")}>
            {t("versions.publish")}
          </Button>
        )}
        {canWithdraw && (
          <Button danger loading={act.isPending} onClick={() => act.mutate("withdraw")}>
            {t("versions.withdraw")}
          </Button>
        )}
      </Space>
    </Card>
  );
}
