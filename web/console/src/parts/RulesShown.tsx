import type { Schema } from "@koi/client";
import { Alert, Card } from "antd";
import type { ReactNode } from "react";
import { number, percent } from "../../../shared/format";
import { useTexts } from "../lib/texts";
import { Facts, Id, Money, Num, Time } from "./basics";
import { SmallTable } from "./SmallTable";

const span = (columns: number) => ({ "--span": columns }) as React.CSSProperties;

/** Rules as shoppers read them: published ones, or those of a draft as they would be. */
export function RulesShown({ rules, extra }: { rules: Schema<"PublishedRules">; extra?: ReactNode }) {
  const { t, word, language } = useTexts();
  const zone = rules.time_zone;
  const { entry } = rules;
  const facts: [string, ReactNode][] = [
    [t("rules.window"), <span key="w"><Time at={rules.starts_at} zone={zone} /> – <Time at={rules.ends_at} zone={zone} /> ({zone})</span>],
    [t("design.skin"), word("skin", rules.skin)],
    ...(rules.rules_version > 0 ? ([[t("campaign.rules_version"), `v${rules.rules_version}`]] as [string, ReactNode][]) : []),
    [t("campaign.rules_hash"), <Id key="h" value={rules.rules_hash} />],
    [t("campaign.seed_hash"), <Id key="s" value={rules.seed_hash} />],
    ...Object.entries(rules.limits as Record<string, unknown>).flatMap(([name, value]): [string, ReactNode][] => (typeof value === "number" ? [[word("limit", name), <Num key={name} value={value} />]] : [])),
    ...(entry ? ([[t("design.step_entry"), t("rules.entry", { winners: number(entry.winners, language), prize: rules.prizes.find((prize) => prize.code === entry.prize)?.name ?? entry.prize, by: word("tickets", entry.tickets) })]] as [string, ReactNode][]) : []),
    [t("design.claim_terms"), rules.claim_terms ?? "–"],
  ];
  return (
    <div className="k-grid">
      <Card title={rules.name} extra={extra} style={span(12)}>
        {rules.announced && (
          <Alert type="warning" showIcon style={{ marginBottom: 16 }} title={t("rules.announced", { version: rules.announced.version })} description={<Time at={rules.announced.effective_at} zone={zone} />} />
        )}
        {rules.description && <p style={{ whiteSpace: "pre-line" }}>{rules.description}</p>}
        <Facts facts={facts} />
      </Card>
      <Card title={t("rules.odds")} style={span(6)}>
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
      <Card title={t("design.step_prizes")} style={span(6)}>
        <SmallTable
          label={t("design.step_prizes")}
          rowKey="code"
          dataSource={rules.prizes}
          columns={[
            { title: t("design.prize_name"), dataIndex: "name", className: "k-wrap" },
            { title: t("design.kind"), key: "k", render: (_, row) => word("kind", row.kind) },
            { title: t("design.value"), key: "v", align: "right", render: (_, row) => <Money cents={row.value_cents} currency={rules.currency} /> },
            { title: t("design.stock"), key: "q", align: "right", render: (_, row) => (row.quantity === null || row.quantity === undefined ? t("design.unlimited") : <Num value={row.quantity} />) },
          ]}
        />
      </Card>
    </div>
  );
}
