import { must } from "@koi/client";
import { Alert, Button, Card, Tag } from "antd";
import { ReloadOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { koi } from "../../../lib/koi";
import { useTexts } from "../../../lib/texts";
import { Id, ProblemNote } from "../../../parts/basics";
import { Waiting } from "../../../parts/Guard";
import { RulesShown } from "../../../parts/RulesShown";
import { SmallTable } from "../../../parts/SmallTable";
import { Findings } from "../Publish";
import { EFFECTS, Value } from "../Versions";
import type { Campaign } from "./definition";

interface Props {
  campaign: Campaign;
  etag: string | undefined;
  /** What was edited and is not saved; the form knows it once it stands. */
  edits: () => Record<string, unknown>;
}

/** What publishing would say of the design as it is typed, and the rules as shoppers would read them. Nothing is changed by looking. */
export function Check({ campaign, etag, edits }: Props) {
  const { t } = useTexts();
  const changes = edits();
  const found = useQuery({
    queryKey: ["campaign", campaign.id, "check", etag, JSON.stringify(changes)],
    queryFn: ({ signal }) => must(koi.POST("/api/v1/campaigns/{id}/check", { params: { path: { id: campaign.id } }, body: { changes: changes as Record<string, never> }, signal })),
    staleTime: 0,
  });
  if (found.error) return <ProblemNote error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Waiting />;
  const { findings, publishable, rules, rules_hash } = found.data;
  const errors = findings.filter((finding) => finding.severity === "error").length;
  const verdict = publishable ? (findings.length === 0 ? t("check.clean") : t("check.warnings", { count: findings.length })) : t("check.errors", { count: errors });
  return (
    <>
      <Card style={{ marginBottom: 16 }}>
        <Alert
          type={publishable ? (findings.length === 0 ? "success" : "warning") : "error"}
          showIcon
          title={verdict}
          description={
            <span className="k-muted">
              {Object.keys(changes).length > 0 ? t("check.unsaved") : t("check.saved")} <Id value={rules_hash} chars={16} />
            </span>
          }
          action={
            <Button size="small" icon={<ReloadOutlined aria-hidden />} loading={found.isFetching} onClick={() => void found.refetch()}>
              {t("check.again")}
            </Button>
          }
          style={{ marginBottom: findings.length > 0 ? 12 : 0 }}
        />
        <Findings findings={findings} campaign={campaign.id} />
      </Card>
      {campaign.state !== "draft" && <Changes found={found.data} />}
      {rules ? <RulesShown rules={rules} /> : <p className="k-muted">{t("rules.not_sound")}</p>}
    </>
  );
}

/** What the edits would change of rules that shoppers were promised. */
function Changes({ found }: { found: { effect: keyof typeof EFFECTS; changes: { field: string; effect: keyof typeof EFFECTS; before?: unknown; after?: unknown }[] } }) {
  const { t, word } = useTexts();
  return (
    <Card title={t("check.changes")} extra={<Tag color={EFFECTS[found.effect]}>{word("effect", found.effect)}</Tag>} style={{ marginBottom: 16 }}>
      <SmallTable
        label={t("check.changes")}
        dataSource={found.changes}
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
  );
}
