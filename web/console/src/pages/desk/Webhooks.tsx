import { must, type Schema } from "@koi/client";
import { Alert, App, Button, Checkbox, Form, Input, Modal, Popconfirm, Space, Tag } from "antd";
import { PlusOutlined } from "@ant-design/icons";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { koi } from "../../lib/koi";
import { placeProblem, useProblemText } from "../../lib/problems";
import { useTexts } from "../../lib/texts";
import { Head, Num, Time } from "../../parts/basics";
import { Secret } from "../../parts/Secret";
import { ServerTable } from "../../parts/ServerTable";

/** The kinds of messages to the shop. */
export const TYPES = ["draw.result", "award.updated", "order.updated", "strategy.ready", "award.fulfil"];

/** Where messages to the shop go. */
export function Webhooks() {
  const { t } = useTexts();
  const { message } = App.useApp();
  const text = useProblemText();
  const queries = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  const [secret, setSecret] = useState<string>();
  const act = useMutation({
    mutationFn: async ({ verb, id }: { verb: "rotate" | "drop" | "delete"; id: string }): Promise<Schema<"Webhook"> | undefined> => {
      const params = { path: { id } };
      if (verb === "rotate") return must(koi.POST("/api/v1/webhooks/{id}/rotate", { params }));
      if (verb === "drop") return must(koi.DELETE("/api/v1/webhooks/{id}/old-secret", { params }));
      await must(koi.DELETE("/api/v1/webhooks/{id}", { params }));
      return undefined;
    },
    onSuccess: async (after) => {
      if (after?.secret) setSecret(after.secret);
      else message.success(t("common.done"));
      await queries.invalidateQueries({ queryKey: ["webhooks"] });
    },
    onError: (thrown) => void message.error(text(thrown)),
  });
  return (
    <>
      <Head title={t("nav.webhooks")} note={t("webhooks.note")}>
        <Button type="primary" icon={<PlusOutlined />} onClick={() => setOpen(true)}>
          {t("webhooks.new")}
        </Button>
      </Head>
      <ServerTable<Schema<"Webhook">>
        path="/webhooks"
        name={["webhooks"]}
        label={t("nav.webhooks")}
        empty={t("webhooks.none")}
        filters={[
          { kind: "text", name: "q", label: "URL" },
          { kind: "choice", name: "type", label: t("webhooks.types"), options: TYPES.map((type) => ({ value: type, label: type })) },
        ]}
        rowKey={(row) => row.id}
        columns={[
          { title: "URL", key: "url", sort: "url", className: "k-wrap", render: (_, row) => <span className="k-mono">{row.url}</span> },
          { title: t("webhooks.types"), key: "types", className: "k-wrap", render: (_, row) => row.types.map((type) => <Tag key={type}>{type}</Tag>) },
          { title: t("webhooks.secrets"), key: "secrets", align: "right", render: (_, row) => <Num value={row.secrets} /> },
          { title: t("campaign.created_at"), key: "at", sort: "created_at", render: (_, row) => <Time at={row.created_at} /> },
          {
            title: t("table.acts"),
            key: "acts",
            render: (_, row) => (
              <Space>
                <Button size="small" onClick={() => act.mutate({ verb: "rotate", id: row.id })}>
                  {t("webhooks.rotate")}
                </Button>
                {row.secrets > 1 && (
                  <Button size="small" onClick={() => act.mutate({ verb: "drop", id: row.id })}>
                    {t("webhooks.drop_old")}
                  </Button>
                )}
                <Popconfirm title={t("webhooks.delete_why")} okText={t("common.remove")} onConfirm={() => act.mutate({ verb: "delete", id: row.id })}>
                  <Button size="small" danger>
                    {t("common.remove")}
                  </Button>
                </Popconfirm>
              </Space>
            ),
          },
        ]}
      />
      <NewWebhook isOpen={isOpen} onClose={() => setOpen(false)} onSecret={setSecret} />
      <Secret secret={secret} title={t("webhooks.secret")} onClose={() => setSecret(undefined)} />
    </>
  );
}

function NewWebhook({ isOpen, onClose, onSecret }: { isOpen: boolean; onClose: () => void; onSecret: (secret: string) => void }) {
  const { t, word } = useTexts();
  const text = useProblemText();
  const queries = useQueryClient();
  const [form] = Form.useForm<Schema<"CreateWebhook">>();
  const [problem, setProblem] = useState<string>();
  const create = useMutation({
    mutationFn: (body: Schema<"CreateWebhook">) => must(koi.POST("/api/v1/webhooks", { body })),
    onSuccess: async (made) => {
      onClose();
      if (made.secret) onSecret(made.secret);
      await queries.invalidateQueries({ queryKey: ["webhooks"] });
    },
    onError: (thrown) => {
      if (!placeProblem(form, thrown, text(thrown))) setProblem(text(thrown));
    },
  });
  return (
    <Modal open={isOpen} title={t("webhooks.new")} onCancel={onClose} okText={t("common.create")} onOk={() => form.submit()} okButtonProps={{ loading: create.isPending }} destroyOnHidden>
      {problem && <Alert type="error" showIcon title={problem} style={{ marginBottom: 12 }} />}
      <Form form={form} layout="vertical" preserve={false} onFinish={(body) => create.mutate(body)} initialValues={{ types: ["award.fulfil"] }}>
        <Form.Item name="url" label="URL" rules={[{ required: true, message: t("common.required") }]}>
          <Input placeholder="https://shop.example/koi" inputMode="url" />
        </Form.Item>
        <Form.Item name="types" label={t("webhooks.types")} rules={[{ required: true, message: t("common.required") }]}>
          <Checkbox.Group style={{ display: "grid", gap: 6 }} options={TYPES.map((type) => ({ value: type, label: `${word("message_type", type.replace(".", "_"))} (${type})` }))} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
