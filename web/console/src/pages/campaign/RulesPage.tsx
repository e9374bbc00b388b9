import { must } from "@koi/client";
import { Alert, Button, Card, Empty } from "antd";
import { useQuery } from "@tanstack/react-query";
import { percent } from "../../../../shared/format";
import { koi } from "../../lib/koi";
import { useTexts } from "../../lib/texts";
import { Facts, Id, Money, Num, ProblemNote, Time } from "../../parts/basics";
import { Waiting } from "../../parts/Guard";
import { useCampaign } from "./CampaignFrame";
import { SmallTable } from "../../parts/SmallTable";

/** The rules as shoppers read them, and what is announced. */
export function RulesPage() {
  const { campaign } = useCampaign();
  const { t, language, word } = useTexts();
  const isPublished = campaign.rules_version > 0;
  const found = useQuery({
    queryKey: ["campaign", campaign.id, "rules"],
    enabled: isPublished,
    queryFn: ({ signal }) => must(koi.GET("/api/v1/campaigns/{id}/rules", { params: { path: { id: campaign.id } }, headers: { accept: "application/json" }, signal })),
  });
  // A draft has no rules yet: nobody was promised anything.
  if (!isPublished) return <Empty description={t("rules.not_published")} />;
  if (found.error) return <ProblemNote error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Waiting />;
  const rules = found.data;
  const zone = rules.time_zone;
  return (
    <div className="k-grid">
      <Card
        title={rules.name}
        extra={
          <Button href={`/api/v1/campaigns/${campaign.id}/rules?lang=${language}`} target="_blank" rel="noopener">
            {t("rules.open_page")}
          </Button>
        }
        style={{ "--span": 12 } as React.CSSProperties}
      >
        {rules.announced && (
          <Alert type="warning" showIcon style={{ marginBottom: 16 }} title={t("rules.announced", { version: rules.announced.version })} description={<Time at={rules.announced.effective_at} zone={zone} />} />
        )}
        {rules.description && <p style={{ whiteSpace: "pre-line" }}>{rules.description}</p>}
        <Facts
          facts={[
            [t("rules.window"), <span key="w"><Time at={rules.starts_at} zone={zone} /> – <Time at={rules.ends_at} zone={zone} /> ({zone})</span>],
            [t("campaign.rules_version"), `v${rules.rules_version}`],
            [t("campaign.rules_hash"), <Id key="h" value={rules.rules_hash} />],
            [t("campaign.seed_hash"), <Id key="s" value={rules.seed_hash} />],
            [t("design.claim_terms"), rules.claim_terms ?? "–"],
          ]}
        />
      </Card>
      <Card title={t("rules.odds")} style={{ "--span": 6 } as React.CSSProperties}>
        {rules.pools.map((pool) => (
          <div key={pool.code} style={{ marginBottom: 16 }}>
            <h3 style={{ margin: "0 0 8px", fontSize: 14 }}>
              {pool.code} {pool.when && <span className="k-mono k-muted">{pool.when}</span>}
            </h3>
            <SmallTable
              label={t("rules.odds")}
              rowKey="tier"
              dataSource={pool.odds}
              columns={[
                { title: t("design.tier"), dataIndex: "tier" },
                { title: t("design.weight"), key: "w", align: "right", render: (_, row) => <Num value={row.weight} /> },
                { title: t("rules.probability"), key: "p", align: "right", render: (_, row) => <span className="k-num">{percent(row.probability, language)}</span> },
              ]}
            />
          </div>
        ))}
      </Card>
      <Card title={t("design.step_prizes")} style={{ "--span": 6 } as React.CSSProperties}>
        <SmallTable
          label={t("design.step_prizes")}
          rowKey="code"
          dataSource={rules.prizes}
          columns={[
            { title: t("design.prize_name"), dataIndex: "name" },
            { title: t("design.kind"), key: "k", render: (_, row) => word("kind", row.kind) },
            { title: t("design.value"), key: "v", align: "right", render: (_, row) => <Money cents={row.value_cents} currency={rules.currency} /> },
            { title: t("design.stock"), key: "q", align: "right", render: (_, row) => (row.quantity === null || row.quantity === undefined ? t("design.unlimited") : <Num value={row.quantity} />) },
          ]}
        />
      </Card>
    </div>
  );
}
