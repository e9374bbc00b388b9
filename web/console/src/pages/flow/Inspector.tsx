import { must } from "@koi/client";
import { ArrowDownOutlined, ArrowUpOutlined, DeleteOutlined } from "@ant-design/icons";
import { Button, Empty, Form, Input, Select, Space } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { koi } from "../../lib/koi";
import { useTexts } from "../../lib/texts";
import { addOther, insert, listOf, move, remove, rename, setCond, setData, setTag, wrap, type Wrap } from "./edit";
import type { Box } from "./graph";

interface Props {
  text: string;
  box: Box | undefined;
  onEdit: (text: string | undefined) => void;
  isReadOnly: boolean;
}

const WRAPS: Wrap[] = ["IF", "CATCH", "WHEN", "FOR"];
const ASKS = ["sold_out", "locked", "blacklisted", "only_points", "first_draw"];

/** What can be done with the box that is chosen; every act is an edit of the text. */
export function Inspector({ text, box, onEdit, isReadOnly }: Props) {
  const { t, word } = useTexts();
  const cards = useQuery({ queryKey: ["flow-rules"], queryFn: ({ signal }) => must(koi.GET("/api/v1/flow-rules", { signal })), staleTime: Number.POSITIVE_INFINITY });
  const rules = cards.data?.data ?? [];
  const node = box?.node;
  if (!box || !node) {
    return (
      <section className="k-inspector" aria-label={t("flow.chosen")}>
        <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("flow.choose")} />
        <Cards rules={rules} />
      </section>
    );
  }
  const card = rules.find((rule) => rule.name === box.label);
  const list = listOf(node);
  const at = list?.indexOf(node) ?? 0;
  const removed = remove(text, node);
  const options = rules.map((rule) => ({ value: rule.name, label: `${rule.name} · ${word("rule", rule.name)}` }));
  return (
    <section className="k-inspector" aria-label={t("flow.chosen")}>
      <h2>
        {box.label} <span className="k-muted">{word("flow_shape", box.kind)}</span>
      </h2>
      {card && <p className="k-muted">{word("rule", card.name)}</p>}
      <Form layout="vertical" component={false} disabled={isReadOnly}>
        {box.cond && <CondField key={`${box.id}-${box.label}`} box={box} onSet={(written) => onEdit(setCond(text, box.cond as NonNullable<Box["cond"]>, written))} />}
        {node.kind === "call" && (
          <Form.Item label={t("flow.rule")} htmlFor="flow-rule">
            <Select id="flow-rule" showSearch optionFilterProp="label" value={node.call.name} options={options} onChange={(name: string) => onEdit(rename(text, node, name))} />
          </Form.Item>
        )}
        {(node.kind === "call" || node.kind === "switch") && (
          <TextField
            key={`d-${box.id}-${box.data ?? ""}`}
            label={t("flow.data")}
            hint={card?.takes ? t("flow.data_like", { example: card.takes }) : card ? t("flow.data_none") : undefined}
            value={box.data ?? ""}
            onSet={(data) => onEdit(setData(text, node, data))}
          />
        )}
        {box.kind !== "condition" && <TextField key={`t-${box.id}-${node.tag?.text ?? ""}`} label={t("flow.tag")} value={node.tag?.text ?? ""} onSet={(tag) => onEdit(setTag(text, node, tag))} />}
        <Form.Item label={t("flow.insert")}>
          <div style={{ display: "grid", gap: 8 }}>
            {(["before", "after"] as const).map((where) => (
              <Select<string>
                key={where}
                value={null as unknown as string}
                placeholder={t(`flow.insert_${where}`)}
                aria-label={t(`flow.insert_${where}`)}
                showSearch
                optionFilterProp="label"
                options={options}
                onChange={(rule) => onEdit(insert(text, node, rule, where))}
              />
            ))}
            {addOther(text, node, "fallback") !== undefined && (
              <Select<string>
                value={null as unknown as string}
                placeholder={t("flow.add_other")}
                aria-label={t("flow.add_other")}
                showSearch
                optionFilterProp="label"
                options={options}
                onChange={(rule) => onEdit(addOther(text, node, rule))}
              />
            )}
          </div>
        </Form.Item>
        <Form.Item label={t("flow.wrap")}>
          <Space wrap>
            {WRAPS.map((one) => (
              <Button key={one} size="small" onClick={() => onEdit(wrap(text, node, one))}>
                {one}
              </Button>
            ))}
          </Space>
        </Form.Item>
        <Space wrap>
          <Button size="small" icon={<ArrowUpOutlined aria-hidden />} disabled={isReadOnly || !list || at === 0} onClick={() => onEdit(move(text, node, -1))}>
            {t("flow.earlier")}
          </Button>
          <Button size="small" icon={<ArrowDownOutlined aria-hidden />} disabled={isReadOnly || !list || at === list.length - 1} onClick={() => onEdit(move(text, node, 1))}>
            {t("flow.later")}
          </Button>
          <Button size="small" danger icon={<DeleteOutlined aria-hidden />} disabled={isReadOnly || removed === undefined} onClick={() => onEdit(removed)}>
            {t("common.remove")}
          </Button>
        </Space>
      </Form>
    </section>
  );
}

function TextField({ label, hint, value, onSet }: { label: string; hint?: string | undefined; value: string; onSet: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  const id = `flow-${label}`;
  return (
    <Form.Item label={label} htmlFor={id} {...(hint ? { extra: hint } : {})}>
      <Input id={id} className="k-mono" value={typed} onChange={({ target }) => setTyped(target.value)} onBlur={() => typed !== value && onSet(typed)} onPressEnter={() => typed !== value && onSet(typed)} />
    </Form.Item>
  );
}

function CondField({ box, onSet }: { box: Box; onSet: (written: string) => void }) {
  const { t, word } = useTexts();
  const [typed, setTyped] = useState(box.label);
  return (
    <Form.Item label={t("flow.cond")} htmlFor="flow-cond" extra={t("flow.cond_hint")}>
      <Space.Compact style={{ width: "100%" }}>
        <Select<string> value={null as unknown as string} placeholder="…" aria-label={t("flow.cond_choose")} popupMatchSelectWidth={false} style={{ width: 64 }} options={ASKS.map((ask) => ({ value: ask, label: `${ask} · ${word("ask", ask)}` }))} onChange={onSet} />
        <Input id="flow-cond" className="k-mono" value={typed} onChange={({ target }) => setTyped(target.value)} onBlur={() => typed !== box.label && onSet(typed)} onPressEnter={() => typed !== box.label && onSet(typed)} />
      </Space.Compact>
    </Form.Item>
  );
}

/** Every rule that a flow can be made of. */
function Cards({ rules }: { rules: { name: string; takes: string; stage: string }[] }) {
  const { t, word } = useTexts();
  return (
    <details>
      <summary>{t("flow.all_rules")}</summary>
      <dl className="k-cards">
        {rules.map((rule) => [
          <dt key={rule.name}>
            <span className="k-mono">{rule.name}</span> <span className="k-muted">{word("stage", rule.stage)}</span>
          </dt>,
          <dd key={`${rule.name}=`}>
            {word("rule", rule.name)}
            {rule.takes && <div className="k-mono k-muted">{rule.takes}</div>}
          </dd>,
        ])}
      </dl>
    </details>
  );
}
