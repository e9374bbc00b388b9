import { Card, Form } from "antd";
import type { Schema } from "@koi/client";
import { money, number, percent } from "../../../../../shared/format";
import { useTexts } from "../../../lib/texts";
import { Facts } from "../../../parts/basics";
import { oddsOf, poolsOf } from "./odds";
import { Odds } from "./Pools";

/** What the design comes to, while it is typed: odds by pool, what a draw costs, how far the budget goes. */
export function Preview({ currency }: { currency: string }) {
  const { t, language } = useTexts();
  const form = Form.useFormInstance();
  const tiers = ((Form.useWatch("tiers", form) as Partial<Schema<"CampaignTier">>[] | undefined) ?? []).filter(Boolean);
  const prizes = ((Form.useWatch("prizes", form) as Partial<Schema<"CampaignPrize">>[] | undefined) ?? []).filter(Boolean);
  const pools = poolsOf((Form.useWatch("pools", form) as Partial<Schema<"CampaignPool">>[] | undefined)?.filter(Boolean), tiers);
  const budget = Form.useWatch(["limits", "budget_cents"], form) as number | null | undefined;
  const cost = pools.map((pool) => oddsOf(pool, tiers, prizes).reduce((sum, one) => sum + one.probability * one.costCents, 0));
  const dearest = Math.max(0, ...cost);
  const wins = oddsOf(pools[0] ?? {}, tiers, prizes);
  const rarest = wins.reduce((least, one) => (one.probability > 0 && one.probability < least ? one.probability : least), 1);
  return (
    <aside aria-label={t("design.preview")}>
      <Card size="small" title={t("design.preview")} className="k-preview">
        {pools.map((pool, index) => (
          <div key={`${pool.code}-${index}`} style={{ marginBottom: 14 }}>
            <div style={{ fontWeight: 500, marginBottom: 4 }}>
              {pool.code} {pool.when ? <span className="k-mono k-muted">{pool.when}</span> : null}
            </div>
            <Odds pool={pool} tiers={tiers} prizes={prizes} />
          </div>
        ))}
        <Facts
          facts={[
            [t("design.cost_per_draw"), money(Math.round(dearest), currency, language)],
            [t("design.budget_lasts"), budget && dearest > 0 ? t("design.draws", { count: number(Math.floor(budget / dearest), language) }) : "–"],
            [t("design.rarest"), wins.length > 0 ? percent(rarest, language) : "–"],
            [t("design.places"), number(tiers.reduce((sum, tier) => sum + (tier.slots ?? 0), 0), language)],
          ]}
        />
        <p className="k-muted" style={{ marginBottom: 0, fontSize: 12.5 }}>
          {t("design.preview_note")}
        </p>
      </Card>
    </aside>
  );
}
