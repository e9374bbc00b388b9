import { must, type Schema } from "@koi/client";
import { Alert, App, Button, Checkbox, Form, Input, Modal, Popconfirm, Space, Tag } from "antd";
import { PlusOutlined } from "@ant-design/icons";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { koi } from "../../lib/koi";
import { placeProblem, useProblemText } from "../../lib/problems";
import { useTexts } from "../../lib/texts";
import { OWN_ZONE } from "../../lib/zone";
import { Head, Id, Time } from "../../parts/basics";
import { Secret } from "../../parts/Secret";
import { useChoice } from "../../parts/DeskLists";
import { ServerTable } from "../../parts/ServerTable";
import { MomentInput } from "../campaign/design/fields";

const SCOPES = ["shoppers", "events", "campaigns", "points", "advice", "admin"];

/** What the shop's servers sign in with. */
export function ApiKeys() {
  const { t, word } = useTexts();
  const choice = useChoice();
  const { message } = App.useApp();
  const text = useProblemText();
  const queries = useQueryClient();
  const [isOpen, setOpen] = useState(false);
  const [secret, setSecret] = useState<string>();
  const act = useMutation({
    mutationFn: async ({ verb, id }: { verb: "rotate" | "revoke"; id: string }): Promise<string | undefined> => {
      const params = { path: { id } };
      if (verb === "rotate") return (await must(koi.POST("/api/v1/api-keys/{id}/rotate", { params, body: {} }))).key;
      await must(koi.DELETE("/api/v1/api-keys/{id}", { params }));
      return undefined;
    },
    onSuccess: async (key) => {
      if (key) setSecret(key);
      else message.success(t("common.done"));
      await queries.invalidateQueries({ queryKey: ["api-keys"] });
    },
    onError: (thrown) => void message.error(text(thrown)),
  });
  return (
    <>
      <Head title={t("nav.api_keys")} note={t("keys.note")}>
        <Button type="primary" icon={<PlusOutlined />} onClick={() => setOpen(true)}>
          {t("keys.new")}
        </Button>
      </Head>
      <ServerTable<Schema<"ApiKey">>
        path="/api-keys"
        name={["api-keys"]}
        label={t("nav.api_keys")}
        empty={t("keys.none")}
        filters={[{ kind: "text", name: "q", label: t("keys.name") }, choice("scope", t("keys.scopes"), "scope", SCOPES)]}
        rowKey={(row) => row.id}
        columns={[
          { title: t("keys.name"), key: "name", sort: "name", className: "k-wrap", render: (_, row) => row.name },
          { title: t("keys.scopes"), key: "scopes", render: (_, row) => row.scopes.map((scope) => <Tag key={scope}>{word("scope", scope)}</Tag>) },
          { title: t("keys.last_used"), key: "used", sort: "last_used_at", render: (_, row) => <Time at={row.last_used_at} /> },
          { title: t("operators.expires_at"), key: "exp", sort: "expires_at", render: (_, row) => <Time at={row.expires_at} /> },
          { title: t("keys.previous_until"), key: "prev", render: (_, row) => <Time at={row.previous_expires_at} /> },
          { title: t("campaign.created_at"), key: "at", sort: "created_at", render: (_, row) => <Time at={row.created_at} /> },
          { title: "ID", key: "id", render: (_, row) => <Id value={row.id} chars={12} /> },
          {
            title: t("table.acts"),
            key: "acts",
            render: (_, row) => (
              <Space>
                <Popconfirm title={t("keys.rotate_why")} okText={t("webhooks.rotate")} onConfirm={() => act.mutate({ verb: "rotate", id: row.id })}>
                  <Button size="small">{t("webhooks.rotate")}</Button>
                </Popconfirm>
                <Popconfirm title={t("keys.revoke_why")} okText={t("keys.revoke")} onConfirm={() => act.mutate({ verb: "revoke", id: row.id })}>
                  <Button size="small" danger>
                    {t("keys.revoke")}
                  </Button>
                </Popconfirm>
              </Space>
            ),
          },
        ]}
      />
      <NewKey isOpen={isOpen} onClose={() => setOpen(false)} onSecret={setSecret} />
      <Secret secret={secret} title={t("keys.secret")} onClose={() => setSecret(undefined)} />
    </>
  );
}

function NewKey({ isOpen, onClose, onSecret }: { isOpen: boolean; onClose: () => void; onSecret: (secret: string) => void }) {
  const { t, word } = useTexts();
  const text = useProblemText();
  const queries = useQueryClient();
  const [form] = Form.useForm<Schema<"CreateApiKey">>();
  const [problem, setProblem] = useState<string>();
  const create = useMutation({
    mutationFn: ({ name, scopes, expires_at }: Schema<"CreateApiKey">) => must(koi.POST("/api/v1/api-keys", { body: { name, scopes, ...(expires_at ? { expires_at } : {}) } })),
    onMutate: () => setProblem(undefined),
    onSuccess: async (made) => {
      onClose();
      onSecret(made.key);
      await queries.invalidateQueries({ queryKey: ["api-keys"] });
    },
    onError: (thrown) => {
      if (!placeProblem(form, thrown, text(thrown))) setProblem(text(thrown));
    },
  });
  const required = { required: true, message: t("common.required") };
  return (
    <Modal open={isOpen} title={t("keys.new")} onCancel={onClose} okText={t("common.create")} onOk={() => form.submit()} okButtonProps={{ loading: create.isPending }} destroyOnHidden>
      {problem && <Alert type="error" showIcon title={problem} style={{ marginBottom: 12 }} />}
      <Form form={form} layout="vertical" preserve={false} onFinish={(body) => create.mutate(body)}>
        <Form.Item name="name" label={t("keys.name")} rules={[required]}>
          <Input />
        </Form.Item>
        <Form.Item name="scopes" label={t("keys.scopes")} rules={[required]}>
          <Checkbox.Group style={{ display: "grid", gap: 6 }} options={SCOPES.map((scope) => ({ value: scope, label: word("scope", scope) }))} />
        </Form.Item>
        <Form.Item name="expires_at" label={t("operators.expires_at")} extra={t("keys.expires_hint")}>
          <MomentInput zone={OWN_ZONE} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
