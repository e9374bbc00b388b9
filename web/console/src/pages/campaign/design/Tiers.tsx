import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Card, Form, Input, InputNumber, Select, Tag } from "antd";
import type { Schema } from "@koi/client";
import { percent } from "../../../../../shared/format";
import { useTexts } from "../../../lib/texts";
import { MoneyInput } from "./fields";
import { prizesOf } from "./odds";

type Prize = Partial<Schema<"CampaignPrize">>;
type Tier = Partial<Schema<"CampaignTier">>;

/** The price bands, their odds and their places on the wheel. */
export function Tiers({ currency }: { currency: string }) {
  const { t } = useTexts();
  const form = Form.useFormInstance();
  const tiers = (Form.useWatch("tiers", form) as Tier[] | undefined) ?? [];
  const prizes = (Form.useWatch("prizes", form) as Prize[] | undefined) ?? [];
  const total = tiers.reduce((sum, tier) => sum + (tier?.weight ?? 0), 0);
  return (
    <>
      <p className="k-muted">{t("design.tiers_hint")}</p>
      <Form.List name="tiers">
        {(fields, { add, remove }) => (
          <>
            {fields.map((field) => (
              <TierCard key={field.key} at={field.name} tier={tiers[field.name] ?? {}} tiers={tiers} prizes={prizes} total={total} currency={currency} onRemove={() => remove(field.name)} />
            ))}
            <Button block type="dashed" icon={<PlusOutlined />} onClick={() => add({ slots: 1, weight: 1000 })}>
              {t("design.add_tier")}
            </Button>
          </>
        )}
      </Form.List>
      <SpendWeights currency={currency} tiers={tiers} />
    </>
  );
}

interface CardProps {
  at: number;
  tier: Tier;
  tiers: Tier[];
  prizes: Prize[];
  total: number;
  currency: string;
  onRemove: () => void;
}

function TierCard({ at, tier, tiers, prizes, total, currency, onRemove }: CardProps) {
  const { t, language } = useTexts();
  const required = { required: true, message: t("common.required") };
  const held = prizesOf(tier, prizes, tiers);
  const options = prizes.flatMap((prize) => (prize?.code ? [{ value: prize.code, label: prize.name ?? prize.code }] : []));
  return (
    <Card
      size="small"
      style={{ marginBottom: 12 }}
      title={
        <>
          {tier.code || t("design.new_tier")} {total > 0 && <span className="k-muted k-num">· {percent((tier.weight ?? 0) / total, language)}</span>}
        </>
      }
      extra={<Button type="text" danger icon={<DeleteOutlined />} aria-label={t("design.remove_tier", { name: tier.code ?? String(at + 1) })} onClick={onRemove} />}
    >
      <div className="k-fields">
        <Form.Item name={[at, "code"]} label={t("design.code")} rules={[required]}>
          <Input className="k-mono" />
        </Form.Item>
        <Form.Item name={[at, "weight"]} label={t("design.weight")} rules={[required]} tooltip={t("design.weight_hint")}>
          <InputNumber min={0} precision={0} style={{ width: "100%" }} />
        </Form.Item>
        <Form.Item name={[at, "slots"]} label={t("design.slots")} rules={[required]}>
          <InputNumber min={1} precision={0} style={{ width: "100%" }} />
        </Form.Item>
        <Form.Item label={t("design.band")} tooltip={t("design.band_hint")} htmlFor={`tiers_${at}_value_cents_min`}>
          <div style={{ display: "flex", gap: 8 }}>
            <Form.Item name={[at, "value_cents", "min"]} noStyle>
              <MoneyInput currency={currency} placeholder={t("design.min")} aria-label={t("design.band_min")} />
            </Form.Item>
            <Form.Item name={[at, "value_cents", "max"]} noStyle>
              <MoneyInput currency={currency} placeholder={t("design.max")} aria-label={t("design.band_max")} />
            </Form.Item>
          </div>
        </Form.Item>
        <Form.Item name={[at, "prizes"]} label={t("design.named_prizes")} tooltip={t("design.named_prizes_hint")}>
          <Select mode="multiple" options={options} allowClear optionFilterProp="label" />
        </Form.Item>
        <Form.Item name={[at, "unlock_after"]} label={t("design.unlock_after")} tooltip={t("design.unlock_after_hint")}>
          <InputNumber min={0} precision={0} suffix={t("unit.draws")} style={{ width: "100%" }} />
        </Form.Item>
        <Form.Item name={[at, "guarantee_after"]} label={t("design.guarantee_after")} tooltip={t("design.guarantee_after_hint")}>
          <InputNumber min={1} precision={0} suffix={t("unit.draws")} style={{ width: "100%" }} />
        </Form.Item>
      </div>
      <div>
        <span className="k-muted">{t("design.tier_holds")} </span>
        {held.length === 0 ? <Tag color="warning">{t("design.tier_holds_none")}</Tag> : held.map((prize) => <Tag key={prize.code}>{prize.name || prize.code}</Tag>)}
      </div>
    </Card>
  );
}

/** Other odds for whoever bought for more. */
function SpendWeights({ currency, tiers }: { currency: string; tiers: Tier[] }) {
  const { t } = useTexts();
  const codes = tiers.flatMap((tier) => (tier?.code ? [tier.code] : []));
  return (
    <Card size="small" title={t("design.spend_weights")} style={{ marginTop: 16 }}>
      <p className="k-muted" style={{ marginTop: 0 }}>
        {t("design.spend_weights_hint")}
      </p>
      <Form.List name="spend_weights">
        {(fields, { add, remove }) => (
          <>
            {fields.map((field) => (
              <div className="k-fields" key={field.key} style={{ alignItems: "end" }}>
                <Form.Item name={[field.name, "from_cents"]} label={t("design.from_spend")}>
                  <MoneyInput currency={currency} />
                </Form.Item>
                {codes.map((code) => (
                  <Form.Item key={code} name={[field.name, "weights", code]} label={t("design.weight_of", { name: code })}>
                    <InputNumber min={0} precision={0} placeholder={t("design.unchanged")} style={{ width: "100%" }} />
                  </Form.Item>
                ))}
                <Form.Item>
                  <Button type="text" icon={<DeleteOutlined />} aria-label={t("common.remove")} onClick={() => remove(field.name)} />
                </Form.Item>
              </div>
            ))}
            <Button size="small" type="dashed" icon={<PlusOutlined />} onClick={() => add({ weights: {} })}>
              {t("design.add_spend_weights")}
            </Button>
          </>
        )}
      </Form.List>
    </Card>
  );
}
