import { must, Problem, type Schema } from "@koi/client";
import { Alert, App, Button, Card, Form, Input, Modal, Popconfirm, Select, Space, Tag } from "antd";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { ifMatch, koi, tagged } from "../../lib/koi";
import { placeProblem, useProblemText } from "../../lib/problems";
import { useMay, useSession } from "../../lib/session";
import { useTexts } from "../../lib/texts";
import { OWN_ZONE } from "../../lib/zone";
import { Facts, Head, Id, ProblemNote, Time } from "../../parts/basics";
import { Waiting } from "../../parts/Guard";
import { ServerTable } from "../../parts/ServerTable";
import { MomentInput } from "../campaign/design/fields";
import { PASSWORD_CHARS, ROLES } from "./Operators";

type Operator = Schema<"Operator">;

/** One operator: name and role, bans, sessions, password. */
export function OperatorPage() {
  const { id = "" } = useParams();
  const { t, word } = useTexts();
  const may = useMay();
  const found = useQuery({ queryKey: ["operators", id], queryFn: ({ signal }) => tagged(koi.GET("/api/v1/operators/{id}", { params: { path: { id } }, signal })) });
  if (found.error) return <ProblemNote error={found.error} retry={() => void found.refetch()} isPage />;
  if (!found.data) return <Waiting />;
  const { value: operator, etag } = found.data;
  return (
    <>
      <p style={{ margin: "0 0 6px" }}>
        <Link to="/operators">{t("nav.operators")}</Link>
      </p>
      <Head title={operator.name} tags={<Tag>{word("role", operator.role)}</Tag>}>
        {may("operators_manage") && <Acts operator={operator} />}
      </Head>
      <div className="k-grid">
        <div style={{ "--span": 6 } as React.CSSProperties}>
          <Edit key={etag} operator={operator} etag={etag} />
        </div>
        <div style={{ "--span": 6 } as React.CSSProperties}>
          <Bans operator={operator} />
        </div>
        <Card title={t("operators.sessions")}>
          <Sessions id={id} />
        </Card>
      </div>
    </>
  );
}

function useAct(id: string, after?: () => void) {
  const { t } = useTexts();
  const { message } = App.useApp();
  const text = useProblemText();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (work: () => Promise<unknown>) => work(),
    onSuccess: async () => {
      message.success(t("common.done"));
      after?.();
      await queries.invalidateQueries({ queryKey: ["operators"] });
      await queries.invalidateQueries({ queryKey: ["sessions", id] });
    },
    onError: (thrown) => void message.error(text(thrown)),
  });
}

function Acts({ operator }: { operator: Operator }) {
  const { t } = useTexts();
  const go = useNavigate();
  const [isOpen, setOpen] = useState(false);
  const remove = useAct(operator.id, () => void go("/operators"));
  const isMe = useSession((state) => state.session?.operator?.id) === operator.id;
  const path = { id: operator.id };
  return (
    <>
      <Button onClick={() => setOpen(true)}>{t("operators.set_password")}</Button>
      {!isMe && (
        <Popconfirm title={t("operators.delete_why")} okText={t("common.remove")} onConfirm={() => remove.mutate(() => must(koi.DELETE("/api/v1/operators/{id}", { params: { path } })))}>
          <Button danger>{t("common.remove")}</Button>
        </Popconfirm>
      )}
      <Password operator={operator} isOpen={isOpen} onClose={() => setOpen(false)} />
    </>
  );
}

function Password({ operator, isOpen, onClose }: { operator: Operator; isOpen: boolean; onClose: () => void }) {
  const { t } = useTexts();
  const [form] = Form.useForm<{ password: string }>();
  const set = useAct(operator.id, onClose);
  return (
    <Modal open={isOpen} title={t("operators.set_password")} onCancel={onClose} okText={t("common.save")} onOk={() => form.submit()} okButtonProps={{ loading: set.isPending }} destroyOnHidden>
      <p className="k-muted">{t("operators.set_password_why")}</p>
      <Form form={form} layout="vertical" preserve={false} onFinish={({ password }) => set.mutate(() => must(koi.PUT("/api/v1/operators/{id}/password", { params: { path: { id: operator.id } }, body: { password } })))}>
        <Form.Item name="password" label={t("session.new_password")} rules={[{ required: true, message: t("common.required") }, { min: PASSWORD_CHARS, message: t("session.password_short", { count: PASSWORD_CHARS }) }]}>
          <Input.Password autoComplete="new-password" />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function Edit({ operator, etag }: { operator: Operator; etag: string | undefined }) {
  const { t, word } = useTexts();
  const { message } = App.useApp();
  const text = useProblemText();
  const may = useMay();
  const queries = useQueryClient();
  const [form] = Form.useForm<{ name: string; role: Schema<"Role"> }>();
  const [problem, setProblem] = useState<string>();
  const save = useMutation({
    mutationFn: (body: { name: string; role: Schema<"Role"> }) => must(koi.PATCH("/api/v1/operators/{id}", { params: { path: { id: operator.id }, ...ifMatch(etag) }, body })),
    onMutate: () => setProblem(undefined),
    onSuccess: async () => {
      message.success(t("common.done"));
      await queries.invalidateQueries({ queryKey: ["operators"] });
    },
    onError: async (thrown) => {
      // Two fields are quickly looked at again: what is there now is fetched, and nothing was overwritten.
      if (Problem.from(thrown).status === 412) await queries.invalidateQueries({ queryKey: ["operators"] });
      if (!placeProblem(form, thrown, text(thrown))) setProblem(text(thrown));
    },
  });
  return (
    <Card title={t("operators.who")}>
      {problem && <Alert type="error" showIcon title={problem} style={{ marginBottom: 12 }} />}
      <Form form={form} layout="vertical" initialValues={{ name: operator.name, role: operator.role }} onFinish={(body) => save.mutate(body)} disabled={!may("operators_manage")}>
        <Form.Item name="name" label={t("operators.name")} rules={[{ required: true, message: t("common.required") }]}>
          <Input />
        </Form.Item>
        <Form.Item name="role" label={t("operators.role")}>
          <Select options={ROLES.map((role) => ({ value: role, label: word("role", role) }))} />
        </Form.Item>
        <Facts
          facts={[
            [t("session.login"), <span key="l" className="k-mono">{operator.login}</span>],
            [t("campaign.created_at"), <Time key="c" at={operator.created_at} />],
            ["ID", <Id key="i" value={operator.id} />],
          ]}
        />
        <Button type="primary" htmlType="submit" loading={save.isPending} style={{ marginTop: 16 }}>
          {t("common.save")}
        </Button>
      </Form>
    </Card>
  );
}

function Bans({ operator }: { operator: Operator }) {
  const { t, word } = useTexts();
  const may = useMay();
  const [isOpen, setOpen] = useState(false);
  const act = useAct(operator.id);
  const lift = (permission: Schema<"Permission"> | null | undefined) =>
    act.mutate(() => must(koi.DELETE("/api/v1/operators/{id}/ban", { params: { path: { id: operator.id } }, body: permission ? { permission } : {} })));
  return (
    <Card
      title={t("operators.bans")}
      extra={
        may("operators_manage") && (
          <Button size="small" onClick={() => setOpen(true)}>
            {t("operators.ban")}
          </Button>
        )
      }
    >
      {operator.bans.length === 0 && <p className="k-muted">{t("operators.no_bans")}</p>}
      <ul className="k-findings">
        {operator.bans.map((ban) => (
          <li key={ban.permission ?? "all"}>
            <Tag color="error">{ban.permission ? word("permission", ban.permission) : t("operators.everything")}</Tag>
            <div>
              {ban.reason}
              <div className="k-muted">
                {t("shopper.until")}: {ban.until ? <Time at={ban.until} /> : t("operators.for_ever")}
              </div>
            </div>
            {may("operators_manage") && (
              <Button size="small" onClick={() => lift(ban.permission)}>
                {t("operators.lift")}
              </Button>
            )}
          </li>
        ))}
      </ul>
      <NewBan operator={operator} isOpen={isOpen} onClose={() => setOpen(false)} />
    </Card>
  );
}

function NewBan({ operator, isOpen, onClose }: { operator: Operator; isOpen: boolean; onClose: () => void }) {
  const { t, word } = useTexts();
  const [form] = Form.useForm<Schema<"PutBan">>();
  const ban = useAct(operator.id, onClose);
  const give = ({ permission, until, reason }: Schema<"PutBan">) =>
    ban.mutate(() =>
      must(koi.PUT("/api/v1/operators/{id}/ban", { params: { path: { id: operator.id } }, body: { reason, ...(permission ? { permission } : {}), ...(until ? { until } : {}) } })),
    );
  return (
    <Modal open={isOpen} title={t("operators.ban")} onCancel={onClose} okText={t("operators.ban")} okButtonProps={{ danger: true, loading: ban.isPending }} onOk={() => form.submit()} destroyOnHidden>
      <Form form={form} layout="vertical" preserve={false} onFinish={give}>
        <Form.Item name="permission" label={t("operators.right")} extra={t("operators.ban_hint")}>
          <Select allowClear placeholder={t("operators.everything")} options={operator.permissions.map((right) => ({ value: right, label: word("permission", right) }))} />
        </Form.Item>
        <Form.Item name="until" label={t("shopper.until")} extra={t("shopper.until_hint")}>
          <MomentInput zone={OWN_ZONE} />
        </Form.Item>
        <Form.Item name="reason" label={t("table.reason")} rules={[{ required: true, message: t("common.required") }]}>
          <Input />
        </Form.Item>
      </Form>
    </Modal>
  );
}

/** Where an operator is signed in; each session can be ended. */
export function Sessions({ id }: { id: string }) {
  const { t } = useTexts();
  const mine = useSession((state) => state.session?.session?.id);
  const act = useAct(id);
  return (
    <ServerTable<Schema<"SessionInfo">>
      name={["sessions", id]}
      path={`/operators/${id}/sessions`}
      label={t("operators.sessions")}
      rowKey={(row) => row.id}
      extra={
        <Popconfirm title={t("operators.end_all_why")} okText={t("operators.end_all")} onConfirm={() => act.mutate(() => must(koi.DELETE("/api/v1/operators/{id}/sessions", { params: { path: { id } } })))}>
          <Button size="small" danger>
            {t("operators.end_all")}
          </Button>
        </Popconfirm>
      }
      columns={[
        { title: t("operators.session"), key: "id", render: (_, row) => <Space><Id value={row.id} chars={12} />{row.id === mine && <Tag color="success">{t("operators.this_session")}</Tag>}</Space> },
        { title: t("campaign.created_at"), key: "c", sort: "created_at", render: (_, row) => <Time at={row.created_at} /> },
        { title: t("operators.seen_at"), key: "s", sort: "seen_at", render: (_, row) => <Time at={row.seen_at} /> },
        { title: t("operators.expires_at"), key: "e", sort: "expires_at", render: (_, row) => <Time at={row.expires_at} /> },
        { title: t("operators.address"), key: "a", render: (_, row) => <Id value={row.address_hash} chars={10} /> },
        {
          title: t("table.acts"),
          key: "acts",
          render: (_, row) => (
            <Button size="small" onClick={() => act.mutate(() => must(koi.DELETE("/api/v1/operators/{id}/sessions/{session}", { params: { path: { id, session: row.id } } })))}>
              {t("operators.end")}
            </Button>
          ),
        },
      ]}
    />
  );
}
