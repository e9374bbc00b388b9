import { ArrowDownOutlined, ArrowUpOutlined, DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Card, Form, Input, Select } from "antd";
import type { Schema } from "@koi/client";
import { percent } from "../../../../../shared/format";
import { useTexts } from "../../../lib/texts";
import { oddsOf } from "./odds";

type Prize = Partial<Schema<"CampaignPrize">>;
type Tier = Partial<Schema<"CampaignTier">>;
type Pool = Partial<Schema<"CampaignPool">>;

/** Which tiers a draw picks from, the first pool whose condition is true. */
export function Pools() {
  const { t } = useTexts();
  const form = Form.useFormInstance();
  const tiers = (Form.useWatch("tiers", form) as Tier[] | undefined) ?? [];
  const prizes = (Form.useWatch("prizes", form) as Prize[] | undefined) ?? [];
  const pools = (Form.useWatch("pools", form) as Pool[] | undefined) ?? [];
  const options = tiers.flatMap((tier) => (tier?.code ? [{ value: tier.code, label: tier.code }] : []));
  const required = { required: true, message: t("common.required") };
  return (
    <>
      <p className="k-muted">{t("design.pools_hint")}</p>
      <Form.List name="pools">
        {(fields, { add, remove, move }) => (
          <>
            {fields.map((field, index) => (
              <Card
                key={field.key}
                size="small"
                style={{ marginBottom: 12 }}
                title={`${index + 1}. ${pools[field.name]?.code || t("design.new_pool")}`}
                extra={
                  <>
                    <Button type="text" icon={<ArrowUpOutlined />} aria-label={t("design.move_up")} disabled={index === 0} onClick={() => move(index, index - 1)} />
                    <Button type="text" icon={<ArrowDownOutlined />} aria-label={t("design.move_down")} disabled={index === fields.length - 1} onClick={() => move(index, index + 1)} />
                    <Button type="text" danger icon={<DeleteOutlined />} aria-label={t("design.remove_pool", { name: pools[field.name]?.code ?? String(index + 1) })} onClick={() => remove(field.name)} />
                  </>
                }
              >
                <div className="k-fields">
                  <Form.Item name={[field.name, "code"]} label={t("design.code")} rules={[required]}>
                    <Input className="k-mono" />
                  </Form.Item>
                  <Form.Item name={[field.name, "when"]} label={t("design.when")} tooltip={t("design.when_hint")}>
                    <Input className="k-mono" placeholder={t("design.always")} />
                  </Form.Item>
                  <Form.Item name={[field.name, "tiers"]} label={t("design.pool_tiers")} rules={[required]} style={{ gridColumn: "span 2" }}>
                    <Select mode="multiple" options={options} />
                  </Form.Item>
                </div>
                <Odds pool={pools[field.name] ?? {}} tiers={tiers} prizes={prizes} />
              </Card>
            ))}
            <Button block type="dashed" icon={<PlusOutlined />} onClick={() => add({ tiers: [] })}>
              {t("design.add_pool")}
            </Button>
          </>
        )}
      </Form.List>
    </>
  );
}

/** The odds of a pool as a bar with its figures. */
export function Odds({ pool, tiers, prizes }: { pool: Pool; tiers: Tier[]; prizes: Prize[] }) {
  const { language, t } = useTexts();
  const odds = oddsOf(pool, tiers, prizes);
  if (odds.length === 0) return null;
  return (
    <figure style={{ margin: 0 }}>
      <figcaption className="visually-hidden">{t("design.odds_of", { name: pool.code ?? "" })}</figcaption>
      <div className="k-odds" aria-hidden>
        {odds.map((one, index) => (
          <span key={one.code} style={{ flexGrow: Math.max(one.probability, 0.004), background: `var(--k-series-${index % 8})` }} />
        ))}
      </div>
      <ul className="k-odds-key">
        {odds.map((one, index) => (
          <li key={one.code}>
            <i style={{ background: `var(--k-series-${index % 8})` }} aria-hidden /> {one.code} <span className="k-num">{percent(one.probability, language)}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}
