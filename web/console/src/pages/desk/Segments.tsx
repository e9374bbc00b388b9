import { must, type Schema } from "@koi/client";
import { App, Button, Form, Input, Popconfirm, Space } from "antd";
import { PlusOutlined } from "@ant-design/icons";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { koi } from "../../lib/koi";
import { useProblemText } from "../../lib/problems";
import { useTexts } from "../../lib/texts";
import { Head, Time } from "../../parts/basics";
import { FormDialog } from "../../parts/FormDialog";
import { ServerTable } from "../../parts/ServerTable";

type Segment = Schema<"Segment">;
/** What the server takes for a name. */
const NAME = /^[a-z0-9_]{1,64}$/;
/** Conditions to start from, each with what it means. */
const EXAMPLES = [
  ["leaving", "profile.orders >= 3 && profile.churn_risk > 0.5"],
  ["bargain", "profile.price_sensitivity > 0.6"],
  ["champions", "profile.rfm.segment == 'champions'"],
] as const;

/** Named conditions over profiles: a shopper's profile says which of them hold. */
export function Segments() {
  const { t } = useTexts();
  const { message } = App.useApp();
  const text = useProblemText();
  const queries = useQueryClient();
  const [edited, setEdited] = useState<Segment | "new">();
  const remove = useMutation({
    mutationFn: (code: string) => must(koi.DELETE("/api/v1/segments/{code}", { params: { path: { code } } })),
    onSuccess: async () => {
      message.success(t("common.done"));
      await queries.invalidateQueries({ queryKey: ["segments"] });
    },
    onError: (thrown) => void message.error(text(thrown)),
  });
  return (
    <>
      <Head title={t("nav.segments")} note={t("segments.note")}>
        <Button type="primary" icon={<PlusOutlined />} onClick={() => setEdited("new")}>
          {t("segments.new")}
        </Button>
      </Head>
      <ServerTable<Segment>
        path="/segments"
        name={["segments"]}
        label={t("nav.segments")}
        empty={t("segments.none")}
        filters={[{ kind: "text", name: "q", label: t("segments.holds"), width: 300 }]}
        rowKey={(row) => row.name}
        columns={[
          { title: t("segments.name"), key: "name", sort: "name", render: (_, row) => <span className="k-mono">{row.name}</span> },
          { title: t("segments.expression"), key: "expression", className: "k-wrap", render: (_, row) => <code className="k-code">{row.expression}</code> },
          { title: t("segments.description"), key: "description", className: "k-wrap", render: (_, row) => row.description || "–" },
          { title: t("segments.updated_at"), key: "at", sort: "updated_at", render: (_, row) => <Time at={row.updated_at} /> },
          {
            title: t("table.acts"),
            key: "acts",
            render: (_, row) => (
              <Space>
                <Button size="small" onClick={() => setEdited(row)}>
                  {t("exchange.edit")}
                </Button>
                <Popconfirm title={t("segments.remove_why")} okText={t("common.remove")} onConfirm={() => remove.mutate(row.name)}>
                  <Button size="small" danger>
                    {t("common.remove")}
                  </Button>
                </Popconfirm>
              </Space>
            ),
          },
        ]}
      />
      {edited && <Edit segment={edited === "new" ? undefined : edited} onClose={() => setEdited(undefined)} />}
    </>
  );
}

interface Given {
  name: string;
  expression: string;
  description?: string;
}

function Edit({ segment, onClose }: { segment: Segment | undefined; onClose: () => void }) {
  const { t } = useTexts();
  const required = { required: true, message: t("common.required") };
  return (
    <FormDialog<Given>
      isOpen
      onClose={onClose}
      title={segment ? t("segments.edit_title", { name: segment.name }) : t("segments.new")}
      ok={t("common.save")}
      refresh={["segments"]}
      width={640}
      {...(segment ? { initial: segment } : {})}
      act={({ name, expression, description }) => must(koi.PUT("/api/v1/segments/{code}", { params: { path: { code: segment?.name ?? name } }, body: { expression, description: description ?? "" } }))}
    >
      <Form.Item name="name" label={t("segments.name")} rules={[required, { pattern: NAME, message: t("segments.name_rule") }]}>
        <Input className="k-mono" disabled={segment !== undefined} placeholder="leaving" />
      </Form.Item>
      <Form.Item name="expression" label={t("segments.expression")} rules={[required]} extra={t("segments.expression_hint")}>
        <Input.TextArea className="k-mono" autoSize={{ minRows: 3, maxRows: 10 }} placeholder={EXAMPLES[0][1]} />
      </Form.Item>
      <Examples />
      <Form.Item name="description" label={t("segments.description")}>
        <Input maxLength={200} />
      </Form.Item>
    </FormDialog>
  );
}

/** Conditions that can be taken over with a click. */
function Examples() {
  const { t, word } = useTexts();
  const form = Form.useFormInstance<Given>();
  return (
    <p className="k-examples">
      <span className="k-muted">{t("segments.examples")}</span>
      {EXAMPLES.map(([name, expression]) => (
        <Button key={name} size="small" onClick={() => form.setFieldsValue({ expression })}>
          {word("segment_example", name)}
        </Button>
      ))}
    </p>
  );
}
