import { DeleteOutlined, PlusOutlined } from "@ant-design/icons";
import { Button, Card, Collapse, Form, Input, InputNumber, Select, Switch } from "antd";
import { useTexts } from "../../../lib/texts";
import { MomentInput, MoneyInput } from "./fields";

const KINDS = ["goods", "coupon", "points", "balance", "webhook", "none"] as const;

interface Common {
  currency: string;
  zone: string;
}

/** What can be won. */
export function Prizes({ currency, zone }: Common) {
  const { t } = useTexts();
  return (
    <Form.List name="prizes">
      {(fields, { add, remove }) => (
        <>
          {fields.map((field) => (
            <PrizeCard key={field.key} at={field.name} currency={currency} zone={zone} onRemove={() => remove(field.name)} />
          ))}
          <Button block type="dashed" icon={<PlusOutlined />} onClick={() => add({ kind: "goods" })}>
            {t("design.add_prize")}
          </Button>
        </>
      )}
    </Form.List>
  );
}

function PrizeCard({ at, currency, zone, onRemove }: Common & { at: number; onRemove: () => void }) {
  const { t, word } = useTexts();
  const form = Form.useFormInstance();
  const prize = Form.useWatch(["prizes", at], form) as { name?: string; code?: string; kind?: string } | undefined;
  const required = { required: true, message: t("common.required") };
  const isPoints = prize?.kind === "points";
  return (
    <Card
      size="small"
      style={{ marginBottom: 12 }}
      title={prize?.name || prize?.code || t("design.new_prize")}
      extra={<Button type="text" danger icon={<DeleteOutlined />} aria-label={t("design.remove_prize", { name: prize?.name ?? String(at + 1) })} onClick={onRemove} />}
    >
      <div className="k-fields">
        <Form.Item name={[at, "name"]} label={t("design.prize_name")} rules={[required]}>
          <Input />
        </Form.Item>
        <Form.Item name={[at, "code"]} label={t("design.code")} rules={[required]} tooltip={t("design.code_hint")}>
          <Input className="k-mono" />
        </Form.Item>
        <Form.Item name={[at, "kind"]} label={t("design.kind")} rules={[required]}>
          <Select options={KINDS.map((kind) => ({ value: kind, label: word("kind", kind) }))} />
        </Form.Item>
        {isPoints ? (
          <Form.Item label={t("design.points_range")} required htmlFor={`prizes_${at}_points_min`}>
            <Range name={[at, "points"]} first={t("design.min")} last={t("design.max")} />
          </Form.Item>
        ) : (
          <Form.Item name={[at, "value_cents"]} label={t("design.value")} tooltip={t("design.value_hint")}>
            <MoneyInput currency={currency} />
          </Form.Item>
        )}
        <Form.Item name={[at, "cost_cents"]} label={t("design.cost")} tooltip={t("design.cost_hint")}>
          <MoneyInput currency={currency} />
        </Form.Item>
        <Form.Item name={[at, "stock"]} label={t("design.stock")}>
          <InputNumber min={0} precision={0} placeholder={t("design.unlimited")} style={{ width: "100%" }} />
        </Form.Item>
      </div>
      <Collapse ghost size="small" items={[{ key: "more", label: t("design.more"), forceRender: true, children: <More at={at} zone={zone} /> }]} />
    </Card>
  );
}

/** Two numbers of a range. */
export function Range({ name, first, last }: { name: (string | number)[]; first: string; last: string }) {
  return (
    <div style={{ display: "flex", gap: 8 }}>
      <Form.Item name={[...name, "min"]} noStyle>
        <InputNumber min={0} precision={0} placeholder={first} aria-label={first} style={{ flex: 1 }} />
      </Form.Item>
      <Form.Item name={[...name, "max"]} noStyle>
        <InputNumber min={0} precision={0} placeholder={last} aria-label={last} style={{ flex: 1 }} />
      </Form.Item>
    </div>
  );
}

function More({ at, zone }: { at: number; zone: string }) {
  const { t } = useTexts();
  const form = Form.useFormInstance();
  const prizes = (Form.useWatch("prizes", form) as { code?: string; name?: string }[] | undefined) ?? [];
  const others = prizes.flatMap((prize, index) => (index !== at && prize?.code ? [{ value: prize.code, label: prize.name ?? prize.code }] : []));
  return (
    <>
      <div className="k-fields">
        <Form.Item name={[at, "category"]} label={t("design.category")} tooltip={t("design.category_hint")}>
          <Input />
        </Form.Item>
        <Form.Item name={[at, "skus"]} label={t("design.skus")} tooltip={t("design.skus_hint")}>
          <Select mode="tags" tokenSeparators={[",", " ", "\n"]} open={false} suffixIcon={null} />
        </Form.Item>
        <Form.Item name={[at, "substitute"]} label={t("design.substitute")} tooltip={t("design.substitute_hint")}>
          <Select allowClear options={others} />
        </Form.Item>
        <Form.Item name={[at, "claim_days"]} label={t("design.claim_days")}>
          <InputNumber min={1} precision={0} suffix={t("unit.days")} style={{ width: "100%" }} />
        </Form.Item>
        <Form.Item name={[at, "moments"]} label={t("design.moments")} tooltip={t("design.moments_hint")}>
          <InputNumber min={1} precision={0} style={{ width: "100%" }} />
        </Form.Item>
        <Form.Item name={[at, "once"]} label={t("design.once")} valuePropName="checked">
          <Switch />
        </Form.Item>
      </div>
      <Form.Item label={t("design.release")} tooltip={t("design.release_hint")} style={{ marginBottom: 0 }}>
        <Form.List name={[at, "release"]}>
          {(fields, { add, remove }) => (
            <>
              {fields.map((field) => (
                <div key={field.key} style={{ display: "flex", gap: 8, marginBottom: 8, flexWrap: "wrap" }}>
                  <Form.Item name={[field.name, "at"]} noStyle>
                    <MomentInput zone={zone} aria-label={t("design.release_at")} />
                  </Form.Item>
                  <Form.Item name={[field.name, "units"]} noStyle>
                    <InputNumber min={1} precision={0} suffix={t("unit.pieces")} aria-label={t("design.release_units")} />
                  </Form.Item>
                  <Button type="text" icon={<DeleteOutlined />} aria-label={t("common.remove")} onClick={() => remove(field.name)} />
                </div>
              ))}
              <Button size="small" type="dashed" icon={<PlusOutlined />} onClick={() => add({})}>
                {t("design.add_release")}
              </Button>
            </>
          )}
        </Form.List>
      </Form.Item>
    </>
  );
}
