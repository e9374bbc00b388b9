import type { Schema } from "@koi/client";
import { Card, Tag } from "antd";
import { useMemo } from "react";
import { money, percent } from "../../../../shared/format";
import { useTexts } from "../../lib/texts";
import { Num } from "../../parts/basics";
import { Chart } from "../../parts/Chart";
import { SmallTable } from "../../parts/SmallTable";
import { armsOption } from "./arms-chart";

const range = (low: string, high: string) => <small className="k-muted k-num">{`${low} – ${high}`}</small>;

/** What personalisation was worth: shoppers of the arms side by side, each figure with its interval of 95 %. */
export function Arms({ worth, currency }: { worth: Schema<"Personalisation">; currency: string }) {
  const { t, word, language } = useTexts();
  const option = useMemo(() => armsOption(worth.arms, (arm) => word("arm", arm)), [worth.arms, word]);
  const share = (one: Schema<"Estimate">) => percent(one.value, language);
  const points = (value: number) => `${value >= 0 ? "+" : "−"}${percent(Math.abs(value), language)}`;
  const sum = (value: number) => `${value >= 0 ? "+" : "−"}${money(Math.round(Math.abs(value)), currency, language)}`;
  return (
    <Card title={t("arms.title")} style={{ "--span": 12 } as React.CSSProperties}>
      <p className="k-muted" style={{ marginTop: 0 }}>
        {t("arms.note")}
      </p>
      <div className="k-pair">
        <div>
          <Chart option={option} height={44 * Math.max(1, worth.arms.length) + 40} label={t("arms.rate")} />
          <SmallTable
            label={t("arms.title")}
            rowKey="arm"
            dataSource={worth.arms}
            columns={[
              { title: t("arms.arm"), key: "arm", render: (_, row) => word("arm", row.arm) },
              { title: t("nav.shoppers"), key: "n", align: "right", render: (_, row) => <Num value={row.shoppers} /> },
              { title: t("arms.rate"), key: "rate", align: "right", render: (_, row) => <span className="k-num">{share(row.rate)}</span> },
              { title: t("arms.spend"), key: "spend", align: "right", render: (_, row) => (row.mean_spend_cents ? <span className="k-num">{money(Math.round(row.mean_spend_cents.value), currency, language)}</span> : "–") },
            ]}
          />
        </div>
        <SmallTable
          label={t("arms.worth")}
          rowKey="against"
          dataSource={worth.personal}
          locale={{ emptyText: t("arms.nothing") }}
          columns={[
            { title: t("arms.against"), key: "against", render: (_, row) => word("arm", row.against) },
            { title: t("arms.rate"), key: "rate", align: "right", render: (_, row) => <span className="k-num">{points(row.rate.value)}<br />{range(points(row.rate.low), points(row.rate.high))}</span> },
            { title: t("arms.spend"), key: "spend", align: "right", render: (_, row) => (row.mean_spend_cents ? <span className="k-num">{sum(row.mean_spend_cents.value)}<br />{range(sum(row.mean_spend_cents.low), sum(row.mean_spend_cents.high))}</span> : "–") },
            { title: t("arms.sure"), key: "sure", render: (_, row) => <Tag color={row.significant ? "success" : "default"}>{row.significant ? t("common.yes") : t("arms.not_yet")}</Tag> },
          ]}
        />
      </div>
    </Card>
  );
}
