import { must } from "@koi/client";
import { Alert, App, Button, Card, Form, Input, Tag } from "antd";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { findSession, koi } from "../../lib/koi";
import { placeProblem, useProblemText } from "../../lib/problems";
import { useSession } from "../../lib/session";
import { useTexts } from "../../lib/texts";
import { Facts, Head, Time } from "../../parts/basics";
import { PASSWORD_CHARS } from "./Operators";

/** Who one is, what one may do, and one's password. */
export function Account() {
  const { t, word } = useTexts();
  const session = useSession((state) => state.session);
  const operator = session?.operator;
  if (!session || !operator) return null;
  return (
    <>
      <Head title={t("nav.account")} />
      <div className="k-grid">
        <Card title={operator.name} style={{ "--span": 6 } as React.CSSProperties}>
          <Facts
            facts={[
              [t("session.login"), <span key="l" className="k-mono">{operator.login}</span>],
              [t("operators.role"), word("role", operator.role)],
              [t("operators.expires_at"), <Time key="e" at={session.session?.expires_at} />],
              [t("operators.rights"), <span key="r">{session.permissions.map((right) => <Tag key={right}>{word("permission", right)}</Tag>)}</span>],
            ]}
          />
        </Card>
        <div style={{ "--span": 6 } as React.CSSProperties}>
          <Password />
        </div>
      </div>
    </>
  );
}

interface Given {
  current: string;
  new: string;
}

function Password() {
  const { t } = useTexts();
  const { message } = App.useApp();
  const text = useProblemText();
  const login = useSession((state) => state.session?.operator?.login);
  const [form] = Form.useForm<Given>();
  const [problem, setProblem] = useState<string>();
  const change = useMutation({
    mutationFn: (body: Given) => must(koi.PUT("/api/v1/session/password", { body })),
    onMutate: () => setProblem(undefined),
    onSuccess: async () => {
      message.success(t("session.password_changed"));
      form.resetFields();
      await findSession();
    },
    onError: (thrown) => {
      if (!placeProblem(form, thrown, text(thrown))) setProblem(text(thrown));
    },
  });
  const required = { required: true, message: t("common.required") };
  return (
    <Card title={t("session.change_password")}>
      {problem && <Alert type="error" showIcon title={problem} style={{ marginBottom: 12 }} />}
      <Form form={form} layout="vertical" onFinish={(given) => change.mutate(given)}>
        <input type="text" autoComplete="username" value={login ?? ""} readOnly hidden />
        <Form.Item name="current" label={t("session.current_password")} rules={[required]}>
          <Input.Password autoComplete="current-password" />
        </Form.Item>
        <Form.Item name="new" label={t("session.new_password")} rules={[required, { min: PASSWORD_CHARS, message: t("session.password_short", { count: PASSWORD_CHARS }) }]}>
          <Input.Password autoComplete="new-password" />
        </Form.Item>
        <Button type="primary" htmlType="submit" loading={change.isPending}>
          {t("session.change_password")}
        </Button>
      </Form>
    </Card>
  );
}
