import { must, type Schema } from "@koi/client";
import { Alert, Button, Card, Form, Input, Modal, Select, Tag } from "antd";
import { CheckOutlined, PlusOutlined } from "@ant-design/icons";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { koi } from "../../lib/koi";
import { placeProblem, useProblemText } from "../../lib/problems";
import { useMay } from "../../lib/session";
import { useTexts } from "../../lib/texts";
import { Head, Time } from "../../parts/basics";
import { useChoice } from "../../parts/DeskLists";
import { ServerTable } from "../../parts/ServerTable";
import { SmallTable } from "../../parts/SmallTable";

export const ROLES = ["owner", "campaign_manager", "support", "auditor", "analyst"] as const;
/** Passwords are at least so long; the server says so too. */
export const PASSWORD_CHARS = 12;

/** Who works here, and as what. */
export function Operators() {
  const { t, word } = useTexts();
  const may = useMay();
  const choice = useChoice();
  const [isOpen, setOpen] = useState(false);
  const [seen, setSeen] = useState<Schema<"Operator">[]>([]);
  return (
    <>
      <Head title={t("nav.operators")}>
        {may("operators_manage") && (
          <Button type="primary" icon={<PlusOutlined />} onClick={() => setOpen(true)}>
            {t("operators.new")}
          </Button>
        )}
      </Head>
      <ServerTable<Schema<"Operator">>
        path="/operators"
        name={["operators"]}
        label={t("nav.operators")}
        filters={[
          { kind: "text", name: "q", label: t("operators.named") },
          choice("role", t("operators.role"), "role", ROLES),
          {
            kind: "choice",
            name: "banned",
            label: t("operators.bans"),
            options: [
              { value: "true", label: t("common.yes") },
              { value: "false", label: t("common.no") },
            ],
          },
        ]}
        onRows={setSeen}
        rowKey={(row) => row.id}
        columns={[
          { title: t("operators.name"), key: "name", sort: "name", render: (_, row) => <Link to={`/operators/${row.id}`}>{row.name}</Link> },
          { title: t("session.login"), key: "login", sort: "login", render: (_, row) => <span className="k-mono">{row.login}</span> },
          { title: t("operators.role"), key: "role", sort: "role", render: (_, row) => <Tag>{word("role", row.role)}</Tag> },
          { title: t("operators.bans"), key: "bans", render: (_, row) => (row.bans.length > 0 ? <Tag color="error">{t("operators.banned", { count: row.bans.length })}</Tag> : "–") },
          { title: t("campaign.created_at"), key: "at", sort: "created_at", render: (_, row) => <Time at={row.created_at} /> },
        ]}
      />
      <Rights operators={seen} />
      <NewOperator isOpen={isOpen} onClose={() => setOpen(false)} />
    </>
  );
}

/** Which role may do what, as far as the operators that are listed show it. */
function Rights({ operators }: { operators: Schema<"Operator">[] }) {
  const { t, word } = useTexts();
  const roles = ROLES.filter((role) => operators.some((one) => one.role === role && one.bans.length === 0));
  const of = (role: string) => operators.find((one) => one.role === role && one.bans.length === 0)?.permissions ?? [];
  const all = [...new Set(roles.flatMap(of))];
  if (roles.length === 0) return null;
  return (
    <Card title={t("operators.rights")} style={{ marginTop: 24 }}>
      <SmallTable
        label={t("operators.rights")}
        rowKey="right"
        dataSource={all.map((right) => ({ right }))}
        columns={[
          { title: t("operators.right"), key: "right", render: (_, row) => word("permission", row.right) },
          ...roles.map((role) => ({
            title: word("role", role),
            key: role,
            align: "center" as const,
            render: (_: unknown, row: { right: string }) => (of(role).includes(row.right) ? <CheckOutlined aria-label={t("common.yes")} /> : <span className="visually-hidden">{t("common.no")}</span>),
          })),
        ]}
      />
    </Card>
  );
}

function NewOperator({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { t, word } = useTexts();
  const text = useProblemText();
  const queries = useQueryClient();
  const [form] = Form.useForm<Schema<"CreateOperator">>();
  const [problem, setProblem] = useState<string>();
  const create = useMutation({
    mutationFn: (body: Schema<"CreateOperator">) => must(koi.POST("/api/v1/operators", { body })),
    onMutate: () => setProblem(undefined),
    onSuccess: async () => {
      onClose();
      await queries.invalidateQueries({ queryKey: ["operators"] });
    },
    onError: (thrown) => {
      if (!placeProblem(form, thrown, text(thrown))) setProblem(text(thrown));
    },
  });
  const required = { required: true, message: t("common.required") };
  return (
    <Modal open={isOpen} title={t("operators.new")} onCancel={onClose} okText={t("common.create")} onOk={() => form.submit()} okButtonProps={{ loading: create.isPending }} destroyOnHidden>
      {problem && <Alert type="error" showIcon title={problem} style={{ marginBottom: 12 }} />}
      <Form form={form} layout="vertical" preserve={false} onFinish={(body) => create.mutate(body)} initialValues={{ role: "campaign_manager" }} autoComplete="off">
        <Form.Item name="name" label={t("operators.name")} rules={[required]}>
          <Input />
        </Form.Item>
        <Form.Item name="login" label={t("session.login")} rules={[required]}>
          <Input autoComplete="off" />
        </Form.Item>
        <Form.Item name="role" label={t("operators.role")}>
          <Select options={ROLES.map((role) => ({ value: role, label: word("role", role) }))} />
        </Form.Item>
        <Form.Item name="password" label={t("session.password")} rules={[required, { min: PASSWORD_CHARS, message: t("session.password_short", { count: PASSWORD_CHARS }) }]}>
          <Input.Password autoComplete="new-password" />
        </Form.Item>
      </Form>
    </Modal>
  );
}
