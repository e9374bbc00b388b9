import { Card, Form, InputNumber, Radio, Select, Switch } from "antd";
import { useTexts } from "../../../lib/texts";

/** What can be won in a drawing at the end: the others are given in the moment they are won. */
const KINDS = new Set(["goods", "coupon", "balance", "webhook"]);
/** What a drawing starts as when it is switched on. */
const FIRST = { tickets: "draws", winners: 1, alternates: 0 };
/** Winners and alternates of one drawing; the server says so too. */
const PLACES = 10_000;

/** A drawing among tickets once the campaign is over. */
export function Entry() {
  const { t, word } = useTexts();
  const form = Form.useFormInstance();
  // As it is kept: what fields within it show would make something of nothing.
  const entry = Form.useWatch("entry", { form, preserve: true }) as object | null | undefined;
  const prizes = (Form.useWatch("prizes", form) as { code?: string; name?: string; kind?: string }[] | undefined) ?? [];
  const options = prizes.flatMap((prize) => (prize?.code && KINDS.has(prize.kind ?? "") ? [{ value: prize.code, label: prize.name ?? prize.code }] : []));
  const required = { required: true, message: t("common.required") };
  return (
    <Card>
      <Form.Item
        name="entry"
        label={t("entry.has")}
        extra={t("entry.note")}
        getValueProps={(value) => ({ checked: value != null })}
        getValueFromEvent={(isOn: boolean) => (isOn ? FIRST : null)}
      >
        <Switch />
      </Form.Item>
      {entry != null && (
        <div className="k-fields">
          <Form.Item name={["entry", "tickets"]} label={t("entry.tickets")} rules={[required]}>
            <Radio.Group options={["draws", "chances"].map((value) => ({ value, label: word("tickets", value) }))} />
          </Form.Item>
          <Form.Item name={["entry", "prize"]} label={t("entry.prize")} rules={[required]} extra={t("entry.prize_hint")}>
            <Select options={options} notFoundContent={t("entry.no_prize")} />
          </Form.Item>
          <Form.Item name={["entry", "winners"]} label={t("entry.winners")} rules={[required]}>
            <InputNumber min={1} max={PLACES} precision={0} style={{ width: "100%" }} />
          </Form.Item>
          <Form.Item name={["entry", "alternates"]} label={t("entry.alternates")} extra={t("entry.alternates_hint")}>
            <InputNumber min={0} max={PLACES} precision={0} style={{ width: "100%" }} />
          </Form.Item>
        </div>
      )}
    </Card>
  );
}
