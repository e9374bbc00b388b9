import { must, Problem } from "@koi/client";
import { Alert, Form, Input, Modal } from "antd";
import { useState } from "react";
import { useFirst } from "../lib/focus";
import { koi } from "../lib/koi";
import { useProblemText } from "../lib/problems";
import { useSession } from "../lib/session";
import { useTexts } from "../lib/texts";

interface Given {
  login: string;
  password: string;
}

/** Asks for the password again, over whatever is on the screen: before a dangerous act, or when the session is over. */
export function Questions() {
  const { t } = useTexts();
  const asked = useSession((state) => state.asked);
  return (
    <Modal
      open={asked !== undefined}
      title={asked === "sign_in" ? t("session.over_title") : t("session.password_title")}
      okText={asked === "sign_in" ? t("session.sign_in") : t("session.confirm")}
      okButtonProps={{ htmlType: "submit", form: "question" }}
      onCancel={() => {
        const { answer, set } = useSession.getState();
        answer(false);
        if (asked === "sign_in") set(null);
      }}
      destroyOnHidden
      width={420}
      // Above confirmations too, which antd lifts by a thousand.
      zIndex={2500}
    >
      {asked && <Question asked={asked} />}
    </Modal>
  );
}

function Question({ asked }: { asked: "sign_in" | "password" }) {
  const { t } = useTexts();
  const text = useProblemText();
  const operator = useSession((state) => state.session?.operator);
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const first = useFirst();
  const give = async ({ login, password }: Given) => {
    if (isBusy) return;
    setBusy(true);
    setProblem(undefined);
    try {
      const { set, answer } = useSession.getState();
      if (asked === "sign_in") {
        const session = await must(koi.POST("/api/v1/session", { body: { login, password } }));
        set(session);
        answer(true);
        // Somebody else must not go on with what this screen shows.
        if (operator && session.operator?.id !== operator.id) location.assign("/console");
      } else {
        await must(koi.POST("/api/v1/session/reauthenticate", { body: { password } }));
        answer(true);
      }
    } catch (thrown) {
      setProblem(text(thrown));
      // The session itself may be over by now.
      if (asked === "password" && Problem.from(thrown).code === "session_over") useSession.setState({ asked: "sign_in" });
    } finally {
      setBusy(false);
    }
  };
  return (
    <Form<Given> id="question" layout="vertical" onFinish={(given) => void give(given)} initialValues={{ login: operator?.login ?? "", password: "" }} disabled={isBusy}>
      <p className="k-muted">{asked === "sign_in" ? t("session.over") : t("session.password_why")}</p>
      {problem && <Alert type="error" showIcon title={problem} style={{ marginBottom: 12 }} />}
      {asked === "sign_in" && (
        <Form.Item name="login" label={t("session.login")} rules={[{ required: true, message: t("common.required") }]}>
          <Input autoComplete="username" />
        </Form.Item>
      )}
      <Form.Item name="password" label={t("session.password")} rules={[{ required: true, message: t("common.required") }]}>
        <Input.Password autoComplete="current-password" ref={first} />
      </Form.Item>
    </Form>
  );
}
